"""`dxpy why PACKAGE`: the chains of requirements that bring a package into the lock, from the lock alone."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from dxpy_async.cli.context import lock_root
from dxpy_async.cli.output import Output, count, printable
from dxpy_async.core.environments import describe_markers
from dxpy_async.core.lock_paths import Chain, Chains, Link, LockPaths, Node, ReleaseNode, RootKind
from dxpy_async.core.locked_parts import member_and_name
from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.core.places import LOCK_NAME
from dxpy_async.core.selection import LockedRelease
from dxpy_async.errors import NotInLock
from dxpy_async.formats.dpl import DplLockFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.cli.json_documents import Link as LinkPart
    from dxpy_async.cli.json_documents import Requirer, WhyDocument

SHOWN = 5
"""How many chains are shown without `--all`."""
MOST_SHOWN = 1_000
"""How many are shown with it; their number can grow without bound."""

_IDLE_SHOWN = 3
_DEEPEST = 40
"""Chains longer than this are indented no further."""


def run(arguments: argparse.Namespace, output: Output) -> int:
    path = lock_root(arguments) / LOCK_NAME
    name = normalize(arguments.package)
    with DplLockFile.open(path) as lock:
        releases = lock.find(name)
        paths = LockPaths(lock)
        if not releases:
            raise _missing(name, arguments.package, path, lock, paths)
        chains = paths.chains(name, at_most=MOST_SHOWN if arguments.all else SHOWN)
        title = ", ".join(f"{release.name} {release.version}" for release in releases)
        direct = paths.requirers(name)
    if output.is_json:
        output.document(_document(releases, chains, direct))
        return 0
    lines = _lines(title, chains.found, direct)
    output.data("\n".join(printable(line).replace("\n", "\\x0a") for line in lines))  # no value makes up a line
    if not chains.complete:
        hint = "" if arguments.all else "; `--all` shows more"
        output.say(f"These are the {count(len(chains.found), 'shortest chain')}, there are others{hint}")
    return 0


def _document(releases: Iterable[LockedRelease], chains: Chains, direct: Iterable[Link]) -> WhyDocument:
    def steps(links: Iterable[Link]) -> list[LinkPart]:
        return [{"requirer": _requirer(link.requirer), "requirement": str(link.requirement)} for link in links]

    return {
        "schema": "dxpy/why/1",
        "releases": [{"name": release.name, "version": release.version} for release in releases],
        "chains": [steps(chain) for chain in chains.found],
        "complete": chains.complete,
        "needed_by": steps(direct),
    }


def _requirer(node: Node) -> Requirer:
    if isinstance(node, ReleaseNode):
        return {
            "kind": "package",
            "name": node.name,
            "version": node.version,
            "extra": node.extra or None,
            "member": None,
        }
    member, name = member_and_name(node.name)
    return {
        "kind": "project" if not name else "extra" if node.kind is RootKind.EXTRA else "group",
        "name": name or None,
        "version": None,
        "extra": None,
        "member": member or None,
    }


def _lines(title: str, chains: tuple[Chain, ...], direct: tuple[Link, ...]) -> Iterator[str]:
    yield title
    if not chains:
        yield "nothing in the lock needs it where the lock was made"
        return
    for chain in chains:
        yield ""
        for depth, link in enumerate(chain):
            yield f"{'  ' * min(depth, _DEEPEST)}{link}"
    yield ""
    yield "needed directly by"
    for link in direct:
        yield f"  {link.requirer}: {link.requirement}"


def _missing(name: ProjectName, spelled: str, path: Path, lock: DplLockFile, paths: LockPaths) -> NotInLock:
    hints = [
        f"{link}, which does not hold on {describe_markers(lock.environment)}"
        for link in islice(paths.idle_links(name), _IDLE_SHOWN)
    ]
    if name == lock.project:
        hints.append(f"`{name}` is the project that the lock was made for")
    elif not hints and (close := get_close_matches(name, lock.names())):
        hints.append(f"did you mean {' or '.join(f'`{each}`' for each in close)}?")
    return NotInLock(spelled, str(path), hints=hints or ("`dxpy lock --show` prints all that is in it",))
