"""gzip with a limit."""

from __future__ import annotations

import gzip

import pytest

from dxpy_async.index.inflate import DamagedGzip, TooLong, gunzip

WHOLE = gzip.compress(b"abc" * 100_000)


def test_members_are_joined() -> None:
    assert gunzip(WHOLE + gzip.compress(b"d"), 10**6) == b"abc" * 100_000 + b"d"


def test_the_limit_counts_over_all_members() -> None:
    assert len(gunzip(WHOLE, 300_000)) == 300_000
    for data, limit in [(WHOLE, 299_999), (WHOLE + WHOLE, 599_999), (gzip.compress(bytes(10**7)), 1000)]:
        with pytest.raises(TooLong):
            gunzip(data, limit)


@pytest.mark.parametrize(
    "data",
    [WHOLE[:-1], WHOLE[:20], b"x", WHOLE + b"x", WHOLE[:-8] + bytes(8)],
    ids=["cut", "short", "none", "trailer", "crc"],
)
def test_damage_is_noticed(data: bytes) -> None:
    with pytest.raises(DamagedGzip):
        gunzip(data, 10**6)
