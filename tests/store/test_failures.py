"""A failed file operation is told in the words of somebody who wanted a package."""

from __future__ import annotations

import errno
import os

import pytest

from dxpy_async.store.failures import store_error


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_called_that_and_has_a_way_out(number: int) -> None:
    error = store_error(OSError(number, os.strerror(number), "/somewhere"), "unpack `demo-1.0-py3-none-any.whl`")
    assert str(error) == "cannot unpack `demo-1.0-py3-none-any.whl`: no space left on device"
    assert "--cache-dir" in error.hints()[0]


def test_other_failures_say_what_and_where() -> None:
    error = store_error(PermissionError(errno.EACCES, "Permission denied", "/cache/x"), "write")
    assert str(error) == "cannot write: Permission denied (`/cache/x`)"
