"""Amounts of bytes as people write and read them."""

from __future__ import annotations

import re

from dxpy_async.errors import UsageError

_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([KMGT]?)(I?)B?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_size(text: str) -> int:
    """Bytes in `812`, `500 MB` (10⁶ each), `1.5GiB` or `5G` (2³⁰ each). Raises UsageError."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"`{text}` is no size: write it like `500MB` or `5GiB`")
    number, prefix, binary = found.groups()
    decimal = text.strip().lower().endswith("b") and not binary
    return int(float(number) * (1000 if decimal else 1024) ** _POWERS[prefix.lower()])


def readable_size(size: int) -> str:
    """Bytes as people read them: `812 B`, `3.4 MiB`."""
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
