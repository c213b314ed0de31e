"""Files that two distributions both have, found before anything is written: by manifests, and by RECORDs of what stays.

The commit of a transaction looks once more, at what is really there. This looks at what is known before, and only at
what is below a name that two wheels have, or that is there already.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from hashlib import sha256
from itertools import chain

from dxpy_async.core.manifests import Manifest
from dxpy_async.core.schemes import InstallScheme
from dxpy_async.installer.decision import digest_of, file_conflict
from dxpy_async.installer.installed import DIST_INFO, EGG_INFO, InstalledDistribution
from dxpy_async.installer.layout import encoded, lay_out
from dxpy_async.installer.ownership import claims, located_rows
from dxpy_async.installer.scripts import SCRIPT_GROUPS, launchers
from dxpy_async.installer.tree import SEP, Tree


def check_conflicts(
    manifests: Collection[Manifest],
    scheme: InstallScheme,
    *,
    leaving: Iterable[InstalledDistribution] = (),
    staying: Collection[InstalledDistribution] = (),
) -> None:
    """Raise FileConflict if two of these wheels have different files in one place, or one and what stays have.

    Wheels of what stays may be among them; how those get on with each other was decided before. Raises InvalidWheel and
    OSError, too.
    """
    tree = Tree(scheme)
    kept = {installed.name for installed in staying}
    counted = Counter(chain.from_iterable(_names(manifest) for manifest in manifests))
    there = _names_there(scheme) if staying else frozenset()
    owners: dict[str, tuple[Manifest, bytes]] = {}
    taken: dict[str, tuple[Manifest, bytes]] = {}
    real = lru_cache(maxsize=None)(os.path.realpath)
    for manifest in manifests:
        shared = frozenset(name for name in _names(manifest) if counted[name] > 1 or name in there)
        for directory, name, digest in _places(manifest, scheme, shared):
            place = f"{real(directory)}{SEP}{name}"
            other, known = owners.setdefault(place, (manifest, digest))
            if known != digest and not {manifest.name, other.name} <= kept:
                raise file_conflict(tree.relative(place), other.filename, manifest.filename)
            if there and manifest.name not in kept and os.path.lexists(place):
                taken[place] = (manifest, digest)
    if taken:
        _check_staying(tree, taken, leaving, staying)


def _check_staying(
    tree: Tree,
    taken: dict[str, tuple[Manifest, bytes]],
    leaving: Iterable[InstalledDistribution],
    staying: Iterable[InstalledDistribution],
) -> None:
    for installed in leaving:
        for place, _ in located_rows(tree, str(installed.directory)):
            taken.pop(place, None)
    for place, owners in claims(tree, [str(installed.directory) for installed in staying], taken.keys()).items():
        manifest, contents = taken[place]
        digest = encoded([contents])[0]
        for owner in owners:
            if owner.digest and digest not in (owner.digest, digest_of(place)):
                name = owner.directory.rpartition(SEP)[2].removesuffix(DIST_INFO).removesuffix(EGG_INFO)
                raise file_conflict(tree.relative(place), manifest.filename, name)


def _names(manifest: Manifest) -> Iterator[str]:
    """What a wheel may share: names in the site directory, and of launchers, each after a slash."""
    yield from manifest.top_level
    for group in SCRIPT_GROUPS:
        for name in manifest.entry_points.get(group, ()):
            yield f"/{name}"


def _names_there(scheme: InstallScheme) -> frozenset[str]:
    """The names, like `_names`, of what is in an environment."""
    found: set[str] = set()
    for directory, prefix in ((scheme.purelib, ""), (scheme.platlib, ""), (scheme.scripts, "/")):
        if directory.is_dir():
            found.update(f"{prefix}{name}" for name in os.listdir(directory))
    return frozenset(found)


def _places(manifest: Manifest, scheme: InstallScheme, shared: frozenset[str]) -> Iterator[tuple[str, str, bytes]]:
    """Directories, names and digests of a wheel's files below `shared` names, and of its data, which lies elsewhere.

    A script of its own is left to the commit: what it becomes is known only when it is written.
    """
    roots = tuple([f"{name}/" for name in shared] + ([f"{manifest.data}/"] if manifest.data else []))
    files = [file for file in manifest.files if file.path.startswith(roots) or file.path in shared]
    if files:
        for directory, group in lay_out(manifest._replace(files=tuple(files)), scheme).payload.items():
            for name, file in group:
                yield directory, name, file.sha256
    if any(f"/{name}" in shared for name in chain.from_iterable(manifest.entry_points.values())):
        for script in launchers(manifest.entry_points, scheme, manifest.filename):
            if f"/{script.name}" in shared:
                yield str(scheme.scripts), script.name, sha256(script.contents).digest()
