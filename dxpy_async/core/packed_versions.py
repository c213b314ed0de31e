"""Versions packed into fixed-width numbers that compare like the versions themselves.

`PackedVersion` is the plain triple of a semantic version. `packed_key` covers nearly every version on an index with a
number of 128 bits, and says of itself when a version does not fit: then, and only then, the versions must be compared
by PEP 440 in full. From the highest bit down:

    epoch       1 bit     0 or 1
    release     4 × 25    its numbers without trailing zeros, padded with zeros
    stage       3         0 dev, 1 alpha, 2 beta, 3 candidate, 4 final, 5 post
    number     24         of the dev, pre or post release; 0 for a final one

A local version, a release of more than four numbers, two of pre, post and dev at once, or a number too large does not
fit. 25 bits hold a date like 20260131.

Source: https://packaging.python.org/en/latest/specifications/version-specifiers/#version-scheme
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # who only reads a lock has no use for packaging
    from packaging.version import Version

PACKED_KEY_BYTES = 16
KEY_END = (1 << 128) - 1
"""Greater than every key: no stage has that number."""

UNFIT = KEY_END.to_bytes(PACKED_KEY_BYTES, "big")
"""What stands in a table of keys for a version that does not fit."""

RELEASE_NUMBERS = 4
"""How many numbers of a release a key has room for."""

_U32 = 0xFFFF_FFFF
_RELEASE_BITS = 25
_STAGE_BITS = 3
_NUMBER_BITS = 24
_EPOCH_BITS = 1
_SUFFIX_BITS = _STAGE_BITS + _NUMBER_BITS
_DIGITS = 10
"""More digits than any number that fits; also keeps `int` away from hostile lengths."""

FINAL = 4 << _NUMBER_BITS
"""By how much the key of a final version is above that of its release, which is the key of its `.dev0`."""

STAGE_BYTE = PACKED_KEY_BYTES - 1 - _NUMBER_BITS // 8
"""Which byte of a key in a table has the stage in its lowest bits."""
STAGE_MASK = (1 << _STAGE_BITS) - 1
"""Those bits; all are set where a version does not fit."""
FINAL_STAGE = 4
"""The stage from which on a version is no pre-release."""

_ZEROS = (0,) * RELEASE_NUMBERS

_STAGES = {"dev": 0, "a": 1, "alpha": 1, "b": 2, "beta": 2, "c": 3, "rc": 3, "pre": 3, "preview": 3}
_FINAL, _POST = FINAL_STAGE, 5

_VERSION = re.compile(
    r"v?(?:(?P<epoch>[0-9]+)!)?(?P<release>[0-9]+(?:\.[0-9]+)*)"
    r"(?:[-_.]?(?:(?P<stage>alpha|beta|preview|pre|dev|rc|a|b|c)|(?P<post>post|rev|r))[-_.]?(?P<number>[0-9]*)"
    r"|-(?P<implicit_post>[0-9]+))?",
    re.IGNORECASE | re.ASCII,
)


class PackedVersion(NamedTuple):
    """A release of up to three numbers, each an unsigned number of 32 bits; ordered."""

    major: int
    minor: int
    patch: int

    @classmethod
    def from_text(cls, text: str) -> PackedVersion | None:
        """`1.2` is (1, 2, 0); None for a version with anything more, or a number that is too large."""
        parts = text.split(".")
        if len(parts) > 3 or not all(part.isascii() and part.isdigit() and len(part) <= _DIGITS for part in parts):
            return None
        numbers = [int(part) for part in parts]
        if max(numbers) > _U32:
            return None
        return cls(*numbers, *([0] * (3 - len(numbers))))

    def key(self) -> int | None:
        """The packed key of the same version; None when one of the numbers needs more than 25 bits."""
        return packed_key(f"{self.major}.{self.minor}.{self.patch}")


def packed_key(text: str) -> int | None:
    """A number below 2**128 that orders like the version `text`, None when the version does not fit.

    Of two versions that both fit, keys are equal exactly when the versions are. None too for text that is no version.
    """
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        return None
    release = match["release"].split(".")
    while len(release) > 1 and not release[-1].strip("0"):
        release.pop()
    if len(release) > RELEASE_NUMBERS:
        return None
    stage, number = _stage(match)
    fields = [(match["epoch"] or "0", _EPOCH_BITS), *((part, _RELEASE_BITS) for part in release)]
    fields += [("0", _RELEASE_BITS)] * (RELEASE_NUMBERS - len(release))
    fields += [(str(stage), _STAGE_BITS), (number, _NUMBER_BITS)]
    key = 0
    for digits, bits in fields:
        significant = digits.lstrip("0")
        value = int(significant or "0") if len(significant) <= _DIGITS else 1 << bits
        if value >> bits:
            return None
        key = key << bits | value
    return key


def _stage(match: re.Match[str]) -> tuple[int, str]:
    if match["implicit_post"]:
        return _POST, match["implicit_post"]
    if match["post"]:
        return _POST, match["number"] or "0"
    if match["stage"]:
        return _STAGES[match["stage"].lower()], match["number"] or "0"
    return _FINAL, "0"


def version_key(version: Version) -> int | None:
    """`packed_key` of a version that is parsed already, in a fifth of the time."""
    if version.local is not None:
        return None
    pre, post, dev = version.pre, version.post, version.dev
    if pre is None and post is None and dev is None:
        stage, number = _FINAL, 0
    elif (pre is not None) + (post is not None) + (dev is not None) > 1:
        return None
    elif pre is not None:
        stage, number = _STAGES[pre[0]], pre[1]
    elif post is not None:
        stage, number = _POST, post
    else:
        stage, number = _STAGES["dev"], dev or 0
    release = release_key(version.epoch, version.release)
    if release is None or number >> _NUMBER_BITS:
        return None
    return release | stage << _NUMBER_BITS | number


def release_key(epoch: int, release: Sequence[int]) -> int | None:
    """The lowest key with that release, which is that of its `.dev0`; None when the release does not fit."""
    count = len(release)
    if count != RELEASE_NUMBERS:
        if count > RELEASE_NUMBERS and any(release[RELEASE_NUMBERS:]):
            return None
        release = (*release, *_ZEROS)[:RELEASE_NUMBERS]
    major, minor, patch, fourth = release
    if epoch >> _EPOCH_BITS or (major | minor | patch | fourth) >> _RELEASE_BITS:
        return None
    key = (((epoch << _RELEASE_BITS | major) << _RELEASE_BITS | minor) << _RELEASE_BITS | patch) << _RELEASE_BITS
    return (key | fourth) << _SUFFIX_BITS


def span_below(numbers: int) -> int:
    """How many keys begin with the same first `numbers` numbers of a release."""
    return 1 << _SUFFIX_BITS + _RELEASE_BITS * (RELEASE_NUMBERS - numbers)


def key_table(versions: Iterable[Version]) -> bytes:
    """The keys of `versions` one after the other, 16 bytes each, most significant first; `UNFIT` for one without.

    In this order of bytes the keys of versions that fit compare as texts just as they compare as numbers.
    """
    keys = [version_key(version) for version in versions]
    return b"".join([UNFIT if key is None else key.to_bytes(PACKED_KEY_BYTES, "big") for key in keys])
