"""Of all that fails at once, one error comes out: the first that was raised on purpose."""

from __future__ import annotations

import asyncio

import pytest

from dxpy_async.engine.first_errors import first_of_group
from dxpy_async.errors import UsageError


def test_an_error_on_purpose_goes_before_others_however_deep() -> None:
    inner = ExceptionGroup("inner", [UsageError("first"), UsageError("second")])
    with pytest.raises(UsageError, match="first"), first_of_group():
        raise BaseExceptionGroup("outer", [asyncio.CancelledError(), OSError("disk"), inner])


def test_without_one_the_first_of_all_is_told() -> None:
    with pytest.raises(OSError, match="disk"), first_of_group():
        raise ExceptionGroup("outer", [OSError("disk"), ValueError("value")])


def test_a_single_error_stays_as_it_is() -> None:
    with pytest.raises(ValueError, match="alone"), first_of_group():
        raise ValueError("alone")
