"""From the flags and files of `dxpy pip` to settings and requirements, for all actions that resolve."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dxpy_async.cli import load
from dxpy_async.cli.context import settings_of
from dxpy_async.cli.pip_inputs import group_requirements, groups_at, settle_flags
from dxpy_async.core.amendments import Amendments, Statement
from dxpy_async.core.dataclass import dataclass, replace
from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.names import ProjectName
from dxpy_async.core.places import PROJECT_NAME
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.settings import Settings
from dxpy_async.core.source_urls import ArchiveUrl, parse_source_url
from dxpy_async.core.target_platforms import WantedTarget, moved, platform_of, target_environment
from dxpy_async.errors import InvalidRequirementsFile, UsageError
from dxpy_async.formats.requirements_file import RequirementEntry, parse_editable, parse_entry
from dxpy_async.project.requirements_files import FoundRequirements, WantedFile, read_requirements
from dxpy_async.python.interpreters import Interpreter

if TYPE_CHECKING:  # a command that finds all in place needs no engine
    from dxpy_async.engine.engine import Engine
    from dxpy_async.engine.events import Listener

T = TypeVar("T")

Promises = dict[ProjectName, dict[str, frozenset[str]]]
"""The digests by kind that files of projects may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipRequest:
    """What one command line asks for, from words, `-e` and files; the hashes that names have are in `entries`."""

    entries: tuple[RequirementEntry, ...]
    constraints: tuple[Statement, ...]
    found: FoundRequirements
    requires_hashes: bool


def request_of(arguments: argparse.Namespace, fetched: dict[str, bytes]) -> PipRequest | WantedFile:
    """What is asked for. Raises UsageError and InvalidRequirementsFile."""
    found = read_requirements(
        arguments.requirement, arguments.limits, directory=Path.cwd(), environ=os.environ, fetched=fetched
    )
    if isinstance(found, WantedFile):
        return found
    given = [given_entry(text) for text in arguments.packages]
    given += [given_entry(text, parse_editable) for text in arguments.editable]
    for path, _, group in (text.rpartition(":") for text in getattr(arguments, "group", ())):
        file = path or PROJECT_NAME
        given += [each.entry for each in group_requirements(groups_at(file), file, [group])]
    entries = (*given, *found.entries)
    return PipRequest(
        entries=entries,
        constraints=found.constraints,
        found=found,
        requires_hashes=arguments.require_hashes or found.has("require-hashes") or any(each.hashes for each in entries),
    )


def given_entry(text: str, parse: Callable[..., RequirementEntry] = parse_entry) -> RequirementEntry:
    """What a word of the command line asks for. Raises UsageError."""
    if os.path.isfile(text) and text.endswith((".txt", ".in")):
        raise UsageError(f"`{text}` is a file", hints=(f"read requirements from it with `-r {text}`",))
    try:
        return parse(text, origin="")
    except InvalidRequirementsFile as error:
        said = error.reason.removeprefix("has a line that is no requirement: ")
        raise UsageError(f"`{text}` is not a requirement: {said}", hints=error.hints()) from error


def read_now(arguments: argparse.Namespace) -> PipRequest:
    """What is asked for, files at addresses fetched."""
    return fetching(partial(request_of, arguments), _as_settings_flags(arguments, FoundRequirements()))


def fetching(read: Callable[[dict[str, bytes]], T | WantedFile], flags: argparse.Namespace) -> T:
    """What `read` comes to once it has the files that it wants, each fetched with an engine of its own."""
    fetched: dict[str, bytes] = {}
    while isinstance(found := read(fetched), WantedFile):
        fetched[found.url] = _fetched(found.url, flags)
    return found


def _fetched(url: str, flags: argparse.Namespace) -> bytes:
    with settings_of(flags, None) as settings:
        content: bytes = load("engine_run").run_engine(settings, lambda engine: engine.fetch_file(url))
        return content


def require_wheels(arguments: argparse.Namespace) -> str | None:
    """The flag that means another Python or machine, if there is one. Raises UsageError where things may be built."""
    elsewhere = [name for name in ("platform", "python_version", "implementation", "abi") if getattr(arguments, name)]
    if not elsewhere:
        return None
    flag = f"`--{elsewhere[0].replace('_', '-')}`"
    if not arguments.no_deps and ":all:" not in ",".join(arguments.wheels).split(","):
        raise UsageError(
            f"{flag} goes with wheels alone, since what is built here is for this machine",
            hints=("add `--only-binary=:all:`",),
        )
    return flag


def target_of(arguments: argparse.Namespace, interpreter: Interpreter) -> TargetEnvironment | None:
    """What pip's flags ask to install for instead of `interpreter`, None when they ask for nothing else.

    Wheels for any of several platforms will do, the first one's before the others'; markers are those of the first.

    Source: https://pip.pypa.io/en/stable/cli/pip_download/#cmdoption-platform
    """
    version, platforms = arguments.python_version, arguments.platform
    if not (version or platforms or arguments.implementation or arguments.abi):
        return None
    if version and version.isdigit() and len(version) > 1:
        version = f"{version[0]}.{version[1:]}"  # pip takes 312 for 3.12
    targets = [_moved(interpreter.target, version, platform) for platform in platforms or (None,)]
    tags = [tag for target in targets for tag in target.tags if _allowed(tag, arguments.implementation, arguments.abi)]
    own = [tag for tag in tags if not tag.endswith("-any")]
    anywhere = [tag for tag in tags if tag.endswith("-any")]
    return TargetEnvironment(targets[0].markers, tuple(dict.fromkeys([*own, *anywhere])))


def _moved(here: TargetEnvironment, version: str | None, platform: str | None) -> TargetEnvironment:
    """`here` with another Python and on another platform, where they are given."""
    wanted = WantedTarget.parse(version, platform)
    if wanted.python is not None:
        return target_environment(wanted.python, wanted.platform or platform_of(here))
    return moved(here, wanted.platform) if wanted.platform is not None else here


def _allowed(tag: str, implementation: str | None, abis: Sequence[str]) -> bool:
    python, abi, _ = tag.split("-", 2)
    is_pure = python.startswith("py") and not python.startswith("pypy")
    return (is_pure or implementation is None or python.startswith(implementation)) and (
        not abis or abi in (*abis, "none")
    )


@contextmanager
def settings_for(arguments: argparse.Namespace, request: PipRequest) -> Iterator[Settings]:
    """The settings that flags, variables, pip's files and `request` come to. No project has a part in them."""
    flags = _as_settings_flags(arguments, request.found)
    flags.config_settings_package = [
        f"{entry.requirement.name}:{text}"
        for entry in request.entries
        if entry.requirement.name
        for text in entry.config_settings
    ]
    with settings_of(flags, None) as settings:
        resolution = settings.resolution
        constraints = resolution.amendments.constraints + request.constraints
        amendments = Amendments(
            constraints=constraints,
            overrides=resolution.amendments.overrides,
            exclusions=resolution.amendments.exclusions,
        )
        yield replace(settings, resolution=replace(resolution, amendments=amendments))


def _as_settings_flags(arguments: argparse.Namespace, found: FoundRequirements) -> argparse.Namespace:
    """pip's flags, and the options in its files, under the names that settings have."""
    flags = argparse.Namespace(**vars(arguments))
    flags.python = None
    flags.index_url = next(reversed(found.values("index-url")), arguments.index_url)
    flags.prerelease = "allow" if arguments.pre else getattr(arguments, "prerelease", None)
    flags.config_setting = arguments.config_settings
    settle_flags(flags, found, wheels=arguments.wheels, sources=arguments.sources)
    return flags


async def named_requirements(
    engine: Engine, request: PipRequest, interpreter: Interpreter, on_event: Listener
) -> tuple[list[Requirement], Promises]:
    """The requirements of `request` with their names, and the hashes that files of these may have."""
    requirements = [await engine.named(entry, interpreter, on_event=on_event) for entry in request.entries]
    return requirements, promised_hashes(request, requirements)


def promised_hashes(request: PipRequest, requirements: Sequence[Requirement]) -> Promises:
    """The hashes that files may have of `requirements`, which are those of `request` by name; empty if none count."""
    hashes: Promises = {}
    if not request.requires_hashes:
        return hashes
    for entry, requirement in zip(request.entries, requirements, strict=True):
        for kind, digests in {**_promised(requirement), **entry.hashes}.items():
            known = hashes.setdefault(requirement.name, {})
            known[kind] = known.get(kind, frozenset()) | digests
    return hashes


def _promised(requirement: Requirement) -> dict[str, frozenset[str]]:
    """The hashes in the URL of a requirement."""
    if requirement.url is None:
        return {}
    found = parse_source_url(requirement.url)
    return {kind: frozenset((digest,)) for kind, digest in found.hashes} if isinstance(found, ArchiveUrl) else {}
