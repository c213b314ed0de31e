"""Sizes as people write and read them."""

from __future__ import annotations

import pytest

from dxpy_async.core.quantities import parse_size, readable_size
from dxpy_async.errors import UsageError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("812", 812),
        ("812B", 812),
        ("500MB", 500_000_000),
        ("500 mb", 500_000_000),
        ("1.5GiB", 3 * 2**29),
        ("5G", 5 * 2**30),
        ("2tb", 2 * 10**12),
    ],
)
def test_a_size_is_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1", "5 GB more", "1e9", "5XB", "٣", "9" * 99])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no size"):
        parse_size(text)


def test_a_size_is_written_for_people() -> None:
    assert [readable_size(size) for size in (812, 3_500_000, 2**40)] == ["812 B", "3.3 MiB", "1024.0 GiB"]
