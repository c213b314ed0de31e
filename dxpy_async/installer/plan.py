"""Deciding what changes in an environment: wanted against installed, as a pure function."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.names import ProjectName
from dxpy_async.installer.installed import InstalledDistribution


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A distribution that should be in the environment.

    `requested` tells whether somebody asked for it by name, `direct_url` is the text of its `direct_url.json`, None
    when it comes from an index. Where that says all, the installed one is of any version.
    """

    name: ProjectName
    version: str
    requested: bool = False
    direct_url: str | None = None
    is_any_version: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """A distribution that gives way to another version or origin of the same project, and why."""

    installed: InstalledDistribution
    wanted: Wanted
    reason: str

    @property
    def name(self) -> ProjectName:
        return self.wanted.name


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallPlan:
    """All that changes, and what stays; each part sorted by name."""

    remove: tuple[InstalledDistribution, ...] = ()
    replace: tuple[Replacement, ...] = ()
    add: tuple[Wanted, ...] = ()
    keep: tuple[InstalledDistribution, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the environment is as it should be."""
        return not (self.remove or self.replace or self.add)

    @property
    def coming(self) -> tuple[Wanted, ...]:
        """What has to be installed, sorted by name."""
        replacing = [replacement.wanted for replacement in self.replace]
        return tuple(sorted([*self.add, *replacing], key=lambda wanted: wanted.name))

    @property
    def leaving(self) -> tuple[InstalledDistribution, ...]:
        """What has to be uninstalled, sorted by name."""
        replaced = [replacement.installed for replacement in self.replace]
        return tuple(sorted([*self.remove, *replaced], key=lambda installed: installed.name))

    def lines(self) -> Iterator[str]:
        """The changes for people, by name: `- name==version` for what leaves, then `+ name==version` for what comes."""
        changes = [(item.name, 0, f"- {item.name}=={item.version}") for item in self.leaving]
        changes += [(item.name, 1, f"+ {item.name}=={item.version}") for item in self.coming]
        for _, _, line in sorted(changes):
            yield line


def plan_sync(
    wanted: Mapping[ProjectName, Wanted],
    installed: Mapping[ProjectName, InstalledDistribution],
    *,
    exact: bool,
    relink: Collection[ProjectName] = (),
    renew: Collection[ProjectName] = (),
    spare: Collection[ProjectName] = (),
) -> InstallPlan:
    """What must happen so that `wanted` is installed, and when `exact` nothing else but what is in `spare`.

    An installed distribution is kept when it is complete, has the wanted version and came from the wanted place.
    Without `exact` whatever nobody wants is left alone, broken or not. Those in `relink` are there, but linked to the
    store in another way than they should be; those in `renew` are to be installed again whatever is there.
    """
    add, keep, replaced = [], [], []
    for name in sorted(wanted):
        there = installed.get(name)
        if there is None:
            add.append(wanted[name])
        elif (reason := _reason_to_replace(wanted[name], there, relink, renew)) is None:
            keep.append(there)
        else:
            replaced.append(Replacement(installed=there, wanted=wanted[name], reason=reason))
    others = [installed[name] for name in sorted(installed) if name not in wanted]
    leaving = [each for each in others if exact and each.name not in spare]
    keep = sorted([*keep, *(each for each in others if each not in leaving)], key=lambda item: item.name)
    return InstallPlan(remove=tuple(leaving), replace=tuple(replaced), add=tuple(add), keep=tuple(keep))


def _reason_to_replace(
    wanted: Wanted, installed: InstalledDistribution, relink: Collection[ProjectName], renew: Collection[ProjectName]
) -> str | None:
    if wanted.name in renew:
        return "it is to be installed again"
    if installed.problem is not None:
        return f"the installed one {installed.problem}"
    if not wanted.is_any_version and not same_version(wanted.version, installed.version):
        return f"version {installed.version} is installed"
    if not _same_origin(wanted.direct_url, installed.direct_url):
        return "the installed one came from somewhere else"
    if wanted.name in relink:
        return "the installed one is linked in another way"
    return None


def _same_origin(one: str | None, other: str | None) -> bool:
    if one == other:
        return True
    if one is None or other is None:
        return False
    try:
        return bool(json.loads(one) == json.loads(other))
    except (ValueError, RecursionError):
        return False


def same_version(one: str, other: str) -> bool:
    """Whether two texts spell the same version: `1.0`, `1.0.0` and `v1.0` do. Texts that are no versions must be equal.

    Decided here and not by `packaging`, whose loading costs more than planning two hundred distributions.

    Source: https://packaging.python.org/en/latest/specifications/version-specifiers/#normalization
    """
    return one == other or _version_key(one) == _version_key(other)


_VERSION = re.compile(
    r"""\s*v?
    (?:([0-9]+)!)?                                               # epoch
    ([0-9]+(?:\.[0-9]+)*)                                        # release
    (?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?([0-9]+)?)?  # pre-release
    (?:-([0-9]+)|[-_.]?(post|rev|r)[-_.]?([0-9]+)?)?             # post-release
    (?:[-_.]?(dev)[-_.]?([0-9]+)?)?                              # development release
    (?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?                        # local version
    \s*""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_PRE_RELEASES = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}


@lru_cache(maxsize=4096)
def _version_key(text: str) -> object:
    match = _VERSION.fullmatch(text) if len(text) <= 1000 else None
    if match is None:
        return text
    epoch, release, pre, pre_number, implicit_post, post, post_number, dev, dev_number, local = match.groups()
    parts = [int(part) for part in release.split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    kind = pre.lower() if pre else ""
    return (
        int(epoch or 0),
        tuple(parts),
        (_PRE_RELEASES.get(kind, kind), int(pre_number or 0)) if pre else None,
        int(implicit_post or post_number or 0) if post or implicit_post else None,
        int(dev_number or 0) if dev else None,
        tuple(_local_part(part) for part in re.split(r"[-_.]", local.lower())) if local else (),
    )


def _local_part(text: str) -> int | str:
    return int(text) if text.isdigit() else text
