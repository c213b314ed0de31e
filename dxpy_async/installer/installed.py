"""What is installed in an environment, as its `.dist-info` directories tell it.

Names and versions are read from directory names and completeness from file sizes; no METADATA and no RECORD is opened,
because this runs before every change, over hundreds of distributions.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from dxpy_async.core.dataclass import dataclass, replace
from dxpy_async.core.names import ProjectName, is_valid_name, normalize
from dxpy_async.core.schemes import InstallScheme

DIST_INFO = ".dist-info"
EGG_INFO = ".egg-info"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledDistribution:
    """One distribution in an environment. `directory` is its `.dist-info`, or its legacy `.egg-info` directory or file.

    `version` is what the directory's name says. `installer` is empty when the distribution does not name one,
    `direct_url` the text of `direct_url.json`, None when it came from an index. `problem` says what is wrong with it,
    None when it looks complete; a distribution with a problem is never kept. `duplicates` are further directories that
    name the same project, left by an interrupted upgrade.

    Source: https://packaging.python.org/en/latest/specifications/recording-installed-packages/
    """

    name: ProjectName
    version: str
    directory: Path
    installer: str = ""
    requested: bool = False
    direct_url: str | None = None
    problem: str | None = None
    duplicates: tuple[Path, ...] = ()

    @property
    def directories(self) -> tuple[Path, ...]:
        """All that makes this distribution visible."""
        return (self.directory, *self.duplicates)


def read_installed(scheme: InstallScheme) -> Mapping[ProjectName, InstalledDistribution]:
    """The distributions in the environment's `purelib` and `platlib`, by name in sorted order.

    A directory whose name begins with no valid project name (pip's `~` leftovers, hidden directories) is left out.
    """
    return read_sites(site_directories(scheme))


def read_sites(sites: Iterable[str]) -> Mapping[ProjectName, InstalledDistribution]:
    """The distributions in these directories as in one environment."""
    found: dict[ProjectName, InstalledDistribution] = {}
    for site in sites:
        for distribution in _read_site(site):
            earlier = found.get(distribution.name)
            found[distribution.name] = distribution if earlier is None else _doubled(earlier, distribution)
    return {name: found[name] for name in sorted(found)}


def site_directories(scheme: InstallScheme) -> tuple[str, ...]:
    """`purelib` and `platlib`, once when both are the same directory (`lib64` is often a link to `lib`)."""
    purelib, platlib = str(scheme.purelib), str(scheme.platlib)
    if purelib == platlib or os.path.realpath(purelib) == os.path.realpath(platlib):
        return (purelib,)
    return (purelib, platlib)


def parse_dist_info(name: str) -> tuple[ProjectName, str] | None:
    """Project and version in the name of a `.dist-info` directory; None when it names none."""
    if not name.endswith(DIST_INFO):
        return None
    project, dash, version = name.removesuffix(DIST_INFO).rpartition("-")
    if not dash or not version or not is_valid_name(project):
        return None
    return normalize(project), version.replace("_", "-")


def _doubled(one: InstalledDistribution, other: InstalledDistribution) -> InstalledDistribution:
    return replace(
        one,
        problem=f"is installed twice: `{one.directory.name}` and `{other.directory.name}`",
        duplicates=(*one.duplicates, other.directory),
    )


def _read_site(site: str) -> Iterator[InstalledDistribution]:
    try:
        names = sorted(os.listdir(site))
    except FileNotFoundError:
        return
    for name in names:
        if name.endswith(DIST_INFO):
            if (parsed := parse_dist_info(name)) is not None:
                yield _read_dist_info(f"{site}{os.sep}{name}", *parsed)
        elif name.endswith(EGG_INFO):
            yield from _read_egg_info(f"{site}{os.sep}{name}", name)


def _read_dist_info(directory: str, project: ProjectName, version: str) -> InstalledDistribution:
    try:
        files = frozenset(os.listdir(directory))
    except NotADirectoryError:
        problem: str | None = "has a file where its metadata directory should be"
        files = frozenset()
    else:
        problem = _incomplete(directory)
    return InstalledDistribution(
        name=project,
        version=version,
        directory=Path(directory),
        installer=_text(directory, "INSTALLER").strip() if "INSTALLER" in files else "",
        requested="REQUESTED" in files,
        direct_url=_text(directory, "direct_url.json") if "direct_url.json" in files else None,
        problem=problem,
    )


def _incomplete(directory: str) -> str | None:
    """What a complete `.dist-info` has and this one has not: an empty file is what a power cut leaves of one."""
    for name in ("METADATA", "RECORD"):
        try:
            size = os.stat(f"{directory}{os.sep}{name}").st_size
        except FileNotFoundError:
            return f"has no {name}"
        if not size:
            return f"has an empty {name}"
    return None


def _text(directory: str, name: str) -> str:
    """A small file's text; one that is too large or not a file counts as empty, it is only compared and shown."""
    try:
        with open(f"{directory}{os.sep}{name}", "rb") as file:
            return file.read(65_536).decode(errors="replace")
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        return ""


def _read_egg_info(path: str, name: str) -> Iterator[InstalledDistribution]:
    """`name[-version[-pyX.Y]].egg-info`, a directory of setuptools or a file of distutils."""
    project, _, rest = name.removesuffix(EGG_INFO).partition("-")
    if is_valid_name(project):
        version = rest.partition("-py")[0].replace("_", "-")
        problem = f"was installed the legacy way (`{name}`)"
        yield InstalledDistribution(name=normalize(project), version=version, directory=Path(path), problem=problem)
