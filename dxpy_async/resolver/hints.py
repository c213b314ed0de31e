"""Ways out of a failed resolution, drawn from the facts that it failed on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from packaging.version import Version

from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.specifiers import allows_python
from dxpy_async.core.wheel_names import parse_wheel_name
from dxpy_async.resolver.candidates import Refusal, Refused
from dxpy_async.resolver.facts import Asked, Constrained, Depends, Unusable
from dxpy_async.resolver.proof import Leaf

MINORS_AHEAD = 10
"""How many minor versions of Python, either way, are tried to see whether a newer or an older one would do."""

PLATFORMS = 4
"""The most platforms that are named."""


_USERINFO = re.compile(r"://[^/\s]*@")


def without_credentials(text: str) -> str:
    """`text` without the user names and passwords of the URLs in it."""
    return _USERINFO.sub("://", text)


def hints_for(facts: Iterable[Leaf], target: TargetEnvironment) -> tuple[str, ...]:
    """One sentence for each way out, each once, in the order of the facts."""
    found: dict[str, None] = {}
    known = list(facts)
    for leaf in known:
        fact = leaf.fact
        if isinstance(fact, Asked | Depends) and not fact.allowed:
            unavailable = fact.target.candidates.unavailable
            found.update(dict.fromkeys(unavailable.hints if unavailable is not None else ()))
        elif isinstance(fact, Unusable):
            mask = next(iter(leaf.terms.values()))
            found.update(dict.fromkeys(_unusable_hints(fact, mask, known, target)))
    return tuple(found)


def _unusable_hints(fact: Unusable, mask: int, facts: Iterable[Leaf], target: TargetEnvironment) -> Iterator[str]:
    candidates = fact.package.candidates
    project = candidates.project
    newest = mask.bit_length() - 1
    refused = fact.verdicts[newest]
    version = candidates.versions[newest]
    match refused.refusal:
        case Refusal.PRERELEASE:
            fitting = mask & _allowed_by_all(fact, facts)
            if fitting and refused.detail:
                there = candidates.versions[fitting.bit_length() - 1]
                yield (
                    f"there is a pre-release of `{project}` that may fit, {there}; "
                    f"pre-releases are used when your own requirement names one, as `{project}>={there}` does"
                )
        case Refusal.TOO_NEW:
            yield from _upload_hint(fact, mask & _allowed_by_all(fact, facts))
        case Refusal.UNDATED:
            yield f"`--exclude-newer-package {project}=false` lets in all versions of `{project}`"
        case Refusal.YANKED:
            yield f"a yanked version is used when your own requirement pins it, as `{project}=={version}` does"
        case Refusal.PYTHON:
            direction = _python_direction(refused.detail, target.python_version)
            if direction:
                yield f"{direction} Python would do for `{project}` {version}: choose one with `--python`"
        case Refusal.NO_WHEEL:
            yield from _platform_hint(project, version, refused)
        case Refusal.SOURCE_ONLY:
            yield from _platform_hint(project, version, refused)
            yield f"allow that `{project}` is built: take it out of what `--no-build` and `no-build-package` say"
        case Refusal.WHEEL_ONLY:
            yield f"allow wheels of `{project}`: take it out of what `--no-binary` and `no-binary-package` say"
        case Refusal.URL_DEPENDENCY:
            requirement = without_credentials(refused.detail.partition(" ; ")[0])
            yield f"add `{requirement}` to your own requirements"
        case Refusal.UNREADABLE:
            return


def _upload_hint(fact: Unusable, mask: int) -> Iterator[str]:
    """Of the versions in `mask` that are too new the one to wait for least."""
    candidates = fact.package.candidates
    times = {verdict.uploaded: place for place, verdict in fact.verdicts.items() if mask >> place & 1}
    earliest = min((time for time in times if time is not None), default=None)
    if earliest is None:
        return
    version, day = candidates.versions[times[earliest]], datetime.fromtimestamp(earliest // 1_000_000, UTC).date()
    yield (
        f"`{candidates.project}` {version} was uploaded on {day}: "
        f"`--exclude-newer-package {candidates.project}={day}` lets it in"
    )


def _allowed_by_all(fact: Unusable, facts: Iterable[Leaf]) -> int:
    allowed = -1
    for leaf in facts:
        limit = leaf.fact
        if isinstance(limit, Asked | Constrained | Depends) and limit.target.candidates is fact.package.candidates:
            allowed &= limit.allowed
    return allowed


def _python_direction(requires_python: str, python: Version) -> str:
    """`a newer`, `an older`, or nothing when no near version of Python would do."""
    for step in range(1, MINORS_AHEAD + 1):
        if allows_python(requires_python, Version(f"{python.major}.{python.minor + step}")):
            return "a newer"
        if python.minor >= step and allows_python(requires_python, Version(f"{python.major}.{python.minor - step}")):
            return "an older"
    return ""


def _platform_hint(project: str, version: Version, refused: Refused) -> Iterator[str]:
    tags = dict.fromkeys(tag for filename in refused.files for tag in parse_wheel_name(filename).tags)
    if not tags:
        return
    named = list(tags)[:PLATFORMS]
    more = f" and {len(tags) - PLATFORMS} more" if len(tags) > PLATFORMS else ""
    yield f"the wheels of `{project}` {version} are for {', '.join(named)}{more}"
