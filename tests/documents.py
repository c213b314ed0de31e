"""TOML documents for tests: generated ones with every type, and telling whether two are the same to the last bit."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from dxpy_async.errors import InvalidDocument
from dxpy_async.formats.pyproject_dx import DxDocument

offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))

keys = st.one_of(
    st.sampled_from(
        ["name", "project", "tool", "", "a.b", 'quo"te', "sp ace", "back\\slash", "ünï", "\U0001f40d", "1"]
    ),
    st.text(max_size=8),
)

texts = st.one_of(
    st.text(max_size=20),
    st.text(alphabet="\"'\\\n\r\t ax\x7f\x00\x1f", max_size=12),
    st.text(alphabet="requests>=2.0,<3", max_size=30),
)

scalars = st.one_of(
    texts,
    st.integers(),
    st.integers(-(2**63) - 2, -(2**63) + 2),
    st.integers(2**63 - 2, 2**63 + 2),
    st.integers(2**14_000 - 2, 2**20_000),
    st.floats(allow_nan=False),
    st.sampled_from([float("nan"), -float("nan"), -0.0, float("inf"), -float("inf")]),
    st.booleans(),
    st.datetimes(timezones=offsets),
    st.datetimes(),
    st.dates(),
    st.times(),
)

values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(keys, inner, max_size=5),
        st.lists(st.dictionaries(keys, inner, max_size=3), min_size=1, max_size=3),
    ),
    max_leaves=25,
)

documents = st.dictionaries(keys, values, max_size=8)
"""What `tomllib` could give for some text."""


def exactly(value: Any) -> object:
    """Something that is equal for two values exactly if they are the same: type, sign, key order, every bit."""
    if isinstance(value, Mapping):
        return ("table", [(key, exactly(item)) for key, item in value.items()])
    if isinstance(value, list):
        return ("array", [exactly(item) for item in value])
    if isinstance(value, float):
        return ("float", struct.pack("<d", value))
    return (type(value).__name__, str(value) if not isinstance(value, int) else f"{value:x}")


def ask_everything(data: bytes) -> None:
    """Ask all that can be asked of bytes whose digest nobody checks: only InvalidDocument may come of it."""
    with suppress(InvalidDocument):
        document = DxDocument(data, file="pyproject.dx", verify=False)
        for path in ((), ("project",), ("project", "name"), ("tool", "x", "y"), ("",), ("a.b", 0, "name"), (0,)):
            with suppress(InvalidDocument):
                document.get(*path)
        document.to_dict()
