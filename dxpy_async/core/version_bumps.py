"""The next version of a project: what "bump the minor version" means for any version of PEP 440.

    major, minor, patch    that number of the release goes up, those behind it become 0, pre-, post- and dev-parts go
    stable                 pre-, post- and dev-parts go
    alpha, beta, rc        the next pre-release of that kind, or its first; post- and dev-parts go
    post                   the next post-release; a dev-part goes
    dev                    the next development release

One of the first row can be combined with one of the others (`patch` and `beta`: 1.2.3 → 1.2.4b1). Each but `stable` can
name its number (`rc=3`). A bump that does not come out higher is refused: an index would not take it for newer.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from packaging.version import Version

from dxpy_async.errors import UsageError


class BumpKind(StrEnum):
    """What of a version is to go up, in the order in which bumps that are combined are applied."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"
    STABLE = "stable"
    ALPHA = "alpha"
    BETA = "beta"
    RC = "rc"
    POST = "post"
    DEV = "dev"


_RELEASE = (BumpKind.MAJOR, BumpKind.MINOR, BumpKind.PATCH)
_PRE = {BumpKind.ALPHA: "a", BumpKind.BETA: "b", BumpKind.RC: "rc"}


class Bump(NamedTuple):
    """One bump; `number` is the one to take instead of the next."""

    kind: BumpKind
    number: int | None = None

    def __str__(self) -> str:
        return self.kind if self.number is None else f"{self.kind}={self.number}"


class _Parts(NamedTuple):
    """A version taken apart, as `packaging` does it."""

    epoch: int
    release: tuple[int, ...]
    pre: tuple[str, int] | None
    post: int | None
    dev: int | None
    local: str | None

    @classmethod
    def of(cls, version: Version) -> _Parts:
        return cls(version.epoch, version.release, version.pre, version.post, version.dev, version.local)

    def __str__(self) -> str:
        return "".join(
            (
                f"{self.epoch}!" if self.epoch else "",
                ".".join(map(str, self.release)),
                "".join(map(str, self.pre)) if self.pre is not None else "",
                f".post{self.post}" if self.post is not None else "",
                f".dev{self.dev}" if self.dev is not None else "",
                f"+{self.local}" if self.local is not None else "",
            )
        )


def parse_bump(text: str) -> Bump:
    """Read `minor` or `rc=3`. Raises UsageError."""
    kind, equals, number = text.partition("=")
    if kind not in tuple(BumpKind):
        raise UsageError(f"`{kind}` is nothing that a version has", hints=(f"it can be {', '.join(BumpKind)}",))
    if equals and (kind == BumpKind.STABLE or not (number.isascii() and number.isdigit() and len(number) < 19)):
        raise UsageError(
            f"`{text}` is not a bump that can be made", hints=("what follows `=` is a whole number; `stable` has none",)
        )
    return Bump(BumpKind(kind), int(number) if equals else None)


def bumped(version: Version, bumps: Sequence[Bump]) -> Version:
    """`version` with `bumps` applied to it. Raises UsageError for bumps that exclude each other or lead nowhere."""
    _check_together([bump.kind for bump in bumps])
    parts = _Parts.of(version)
    for bump in sorted(bumps, key=lambda bump: tuple(BumpKind).index(bump.kind)):
        parts = _applied(parts, bump)
    after = Version(str(parts))
    if after <= version:
        raise UsageError(f"{version} → {after} is no step up", hints=_ways_up(bumps))
    return after


def _check_together(kinds: Sequence[BumpKind]) -> None:
    named = " and ".join(f"`{kind}`" for kind in kinds)
    if BumpKind.STABLE in kinds and len(kinds) > 1:
        raise UsageError(f"{named} cannot be combined: `stable` is a bump of its own")
    release = [kind for kind in kinds if kind in _RELEASE]
    if max(len(release), len(kinds) - len(release)) > 1:
        raise UsageError(
            f"{named} cannot be combined",
            hints=("one of major, minor and patch can be combined with one of alpha, beta, rc, post and dev",),
        )


def _applied(parts: _Parts, bump: Bump) -> _Parts:
    kind, number = bump
    if kind in _RELEASE:
        place = _RELEASE.index(kind)
        release = [*parts.release, *[0] * (place + 1 - len(parts.release))]
        release[place:] = [release[place] + 1 if number is None else number, *[0] * (len(release) - place - 1)]
        return parts._replace(release=tuple(release), pre=None, post=None, dev=None)
    if kind in _PRE:
        sign = _PRE[kind]
        before = parts.pre[1] if parts.pre is not None and parts.pre[0] == sign else 0
        return parts._replace(pre=(sign, before + 1 if number is None else number), post=None, dev=None)
    if kind is BumpKind.POST:
        return parts._replace(post=(parts.post or 0) + 1 if number is None else number, dev=None)
    if kind is BumpKind.DEV:
        return parts._replace(dev=(parts.dev or 0) + 1 if number is None else number)
    return parts._replace(pre=None, post=None, dev=None)


def _ways_up(bumps: Sequence[Bump]) -> tuple[str, ...]:
    kinds = {bump.kind for bump in bumps}
    exact = "give the exact version, `dxpy version VALUE`, to write it all the same"
    if kinds & {*_PRE, BumpKind.DEV} and not kinds & set(_RELEASE):
        what = next(bump for bump in bumps if bump.kind not in _RELEASE)
        return (f"say of which version it is to be one: `--bump patch --bump {what}`", exact)
    return (exact,)
