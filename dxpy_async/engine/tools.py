"""Tools: commands of packages, each in an environment of its own, installed for the user or run without that."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from dxpy_async.core.dataclass import dataclass, replace
from dxpy_async.core.locks import Lock
from dxpy_async.core.names import ProjectName, is_valid_name, normalize
from dxpy_async.core.pins import WantedPin, pins_of
from dxpy_async.core.places import LOCK_NAME, RECEIPT_NAME
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.settings import Settings
from dxpy_async.core.source_urls import DirectoryUrl, parse_source_url
from dxpy_async.core.tool_requests import parse_tool_request
from dxpy_async.core.user_places import bin_dir, home_dir, tool_dir
from dxpy_async.engine.engine import Engine
from dxpy_async.engine.events import Finished, Listener, ignore
from dxpy_async.engine.given_requirements import Use, read_given, with_name, with_own_name
from dxpy_async.engine.holding import held
from dxpy_async.engine.installed_tools import (
    ENVIRONMENTS_NAME,
    InstalledTool,
    fitting,
    manifest_of,
    not_installed,
    read_tool,
    read_tools,
)
from dxpy_async.engine.kept_environments import tool_question
from dxpy_async.engine.locking import LockOptions, read_lock
from dxpy_async.engine.pythons import PythonManager
from dxpy_async.engine.syncing import SyncOutcome
from dxpy_async.engine.tool_environments import (
    ANSWER_ALONE,
    AS_LOCKED,
    with_lock,
    without_commands,
    without_local_pins,
)
from dxpy_async.engine.watching import StateWatch
from dxpy_async.errors import ToolError
from dxpy_async.formats.dpl_builder import build_dpl
from dxpy_async.index.finishing import in_thread
from dxpy_async.installer.commands import commands_of_all
from dxpy_async.installer.installed import read_installed
from dxpy_async.installer.state import unchanged
from dxpy_async.installer.tool_links import abandoned, check_clashes, given_away, links_of, publish, withdraw
from dxpy_async.project.build_settings import SWITCHES, VALUES
from dxpy_async.project.pyproject import Project, ProjectPlaces
from dxpy_async.project.replacing import replace_file
from dxpy_async.project.settings import load_settings
from dxpy_async.project.shell_profiles import PathAdvice, follow, is_on_path, path_advice
from dxpy_async.project.tool_manifests import ToolManifest, read_manifest
from dxpy_async.project.tool_receipts import ToolCommand, ToolReceipt, ToolSpec, write_receipt
from dxpy_async.python.environments import VirtualEnvironment, create_environment, open_environment
from dxpy_async.python.interpreters import Interpreter, SearchPlaces, satisfies
from dxpy_async.resolver.hints import without_credentials
from dxpy_async.store.locks import FileLock
from dxpy_async.store.trees import remove_tree

INSTALLING = Use("dxpy tool install", "its receipt")
LOCK_FILE = ".lock"

_KEPT_OPTIONS = (
    *("index_url", "extra_index_url", "find_links", "no_index", "resolution", "prerelease", "prerelease_package"),
    *("exclude_newer", "exclude_newer_package", "constraint", "override", "link_mode", *VALUES, *SWITCHES),
)
"""The flags that an upgrade remembers."""
_PATHS = ("find_links", "constraint", "override", "build_constraint")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutcome:
    """What became of a tool. `earlier` is what was installed before; both are the same when nothing had to change.

    `receipt` is None for a tool that was removed. `added` and `removed` are names and versions of all that is in its
    environment, not only its own.
    """

    name: ProjectName
    receipt: ToolReceipt | None
    earlier: ToolReceipt | None = None
    changed: bool = True
    added: tuple[tuple[ProjectName, str], ...] = ()
    removed: tuple[tuple[ProjectName, str], ...] = ()


class ToolManager:
    """Installs, upgrades and removes tools. Safe for any number of tasks at once, and beside other processes.

        tools = ToolManager()
        outcome = await tools.install("ruff>=0.6")
        environment = await tools.environment("pycowsay")

    `flags` are settings as `load_settings` takes them; those that decide what is installed are kept for upgrades.
    Settings of a project around do not count. All methods raise `DxpyError` leaves.
    """

    def __init__(
        self,
        flags: Mapping[str, Any] | None = None,
        *,
        search: SearchPlaces | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._flags = dict(flags or {})
        self._environ = os.environ if environ is None else environ
        self._search = search or SearchPlaces.from_environ(self._environ, sys.executable)
        self._settings = self._settings_with({})

    @property
    def directory(self) -> Path:
        """Where tools are installed; it need not exist."""
        return Path(tool_dir(self._environ))

    @property
    def bin_directory(self) -> Path:
        """Where their commands are put, for PATH."""
        return Path(bin_dir(self._environ, "DXPY_TOOL_BIN_DIR"))

    # What is there

    async def installed(self) -> list[InstalledTool]:
        """All installed tools by name, those that do not work any more among them."""
        return await in_thread(read_tools, self.directory, cache_dir=self._settings.cache_dir)

    async def find(self, name: str) -> InstalledTool:
        """The installed tool of that name. Raises ToolError with the names that are close."""
        found = await in_thread(self._read, normalize(name)) if is_valid_name(name) else None
        if found is None:
            raise not_installed(name, self.directory)
        return found

    async def newest(self, tools: Sequence[InstalledTool], *, on_event: Listener = ignore) -> dict[ProjectName, str]:
        """The newest version that indexes have of each tool that came from one."""
        alike: dict[str, list[ToolSpec]] = {}
        for spec in (tool.receipt.spec for tool in tools if tool.receipt is not None):
            if spec.requirement.url is None:
                alike.setdefault(repr(spec.options), []).append(spec)
        found: dict[ProjectName, str] = {}
        for specs in alike.values():
            async with Engine(self._settings_with(specs[0].options), search=self._search) as engine:
                found |= await engine.newest_versions([spec.name for spec in specs], on_event=on_event)
        return found

    # Running without installing

    async def environment(
        self,
        request: str,
        *,
        besides: Sequence[Requirement] = (),
        python: str | None = None,
        isolated: bool = False,
        on_event: Listener = ignore,
    ) -> VirtualEnvironment:
        """An environment with the tool `request` (`NAME`, `NAME@VERSION`, a requirement, a path or an address).

        It is that of the installed tool if it fits, unless `isolated`, else one in the cache.
        """
        try:
            spec, newest = await self.spec(request, besides=besides, python=python, on_event=on_event)
            settings, wanted = self._settings_for(spec), [spec.requirement, *besides]
            tool = None if isolated or newest else await in_thread(self._read, spec.name)
            there = fitting(tool, wanted, settings.python, cache_dir=settings.cache_dir) if tool is not None else None
            if there is not None:
                return there
            if newest:
                settings = _asking_for(spec.name, settings)
            interpreter = await self._interpreter(settings, on_event)
            settings = replace(settings, python=str(interpreter.executable))
            async with Engine(settings, search=self._search) as engine:
                question = tool_question(wanted, settings)
                project, _ = await bring_tool(engine, question, interpreter, settings, on_event=on_event)
            found = await in_thread(open_environment, project.environment, cache_dir=settings.cache_dir)
            assert found is not None
            return found
        finally:
            on_event(Finished())

    # Installing

    async def spec(
        self,
        request: str,
        *,
        besides: Sequence[Requirement] = (),
        commands_from: Sequence[str] = (),
        python: str | None = None,
        editable: bool = False,
        on_event: Listener = ignore,
    ) -> tuple[ToolSpec, bool]:
        """What `request` asks for, and whether for its newest version whatever is there or cached.

        A git repository is asked for its name. Raises ToolError for `editable` and anything but a directory.
        """
        asked = parse_tool_request(request)
        given = with_own_name(read_given(asked.package, INSTALLING), INSTALLING)
        if not given.requirement.name:
            async with Engine(self._settings, search=self._search) as engine:
                given = with_name(given, await engine.project_name(str(given.url), on_event=on_event))
        url = given.url
        if editable:
            if not isinstance(url, DirectoryUrl):
                raise ToolError(
                    f"`{request}` cannot be editable: it is not a directory",
                    hints=("name one: `dxpy tool install --editable ./tool`",),
                )
            url = url._replace(is_editable=True)
        spec = ToolSpec(
            requirement=given.requirement._replace(url=str(url) if url is not None else None),
            besides=tuple(besides),
            commands_from=tuple(map(normalize, commands_from)),
            python=python,
            options=self._kept_options(),
        )
        return spec, asked.newest

    async def install(
        self,
        request: str | ToolSpec,
        *,
        besides: Sequence[Requirement] = (),
        commands_from: Sequence[str] = (),
        python: str | None = None,
        editable: bool = False,
        upgrade: bool = False,
        reinstall: bool = False,
        force: bool = False,
        on_event: Listener = ignore,
    ) -> ToolOutcome:
        """Install a tool, or make one that is installed what is asked for; its commands appear in `bin_directory`.

        What is installed of it keeps its version where that fits, unless `upgrade`. `force` replaces commands of others
        and installs anew. The new environment is made beside the old one and takes its place in one step. Raises
        CommandClash, ToolError for a package without commands, NoSolution: then everything is as it was.
        """
        try:
            newest = False
            if isinstance(request, ToolSpec):
                spec = request
            else:
                spec, newest = await self.spec(
                    request,
                    besides=besides,
                    commands_from=commands_from,
                    python=python,
                    editable=editable,
                    on_event=on_event,
                )
            async with self._changing(on_event):
                earlier = await in_thread(self._read, spec.name)
                anew = upgrade or newest
                settings = self._settings_for(spec)
                if newest:
                    settings = _asking_for(spec.name, settings)
                return await self._bring(spec, earlier, settings, anew, reinstall or force, force, on_event)
        finally:
            on_event(Finished())

    async def upgrade(
        self, name: str, *, python: str | None = None, reinstall: bool = False, on_event: Listener = ignore
    ) -> ToolOutcome:
        """Resolve an installed tool anew, within what was asked for when it was installed, with the same options.

        With `python` it gets another one from now on. A tool whose Python is gone gets one that is there.
        """
        try:
            async with self._changing(on_event):
                tool = await self.find(name)
                if tool.receipt is None:
                    raise ToolError(
                        f"`{name}` was not upgraded: {tool.problem}",
                        hints=(f"install it again: `dxpy tool install --force {name}`",),
                    )
                spec = tool.receipt.spec
                options = {**spec.options, **self._kept_options()}
                spec = replace(spec, options=options, python=python or spec.python)
                settings = self._settings_for(spec)
                return await self._bring(spec, tool, settings, True, reinstall, False, on_event)
        finally:
            on_event(Finished())

    async def uninstall(
        self, names: Sequence[str] = (), *, all_tools: bool = False, on_event: Listener = ignore
    ) -> list[ToolOutcome]:
        """Remove tools and their commands. Raises ToolError for one that is not installed: then nothing is removed."""
        try:
            async with self._changing(on_event):
                leaving = await self.installed() if all_tools else [await self.find(name) for name in names]
                for tool in leaving:
                    await in_thread(withdraw, tool.name, self.bin_directory, self.directory)
                await in_thread(self._sweep)
                return [ToolOutcome(name=tool.name, receipt=None, earlier=tool.receipt) for tool in leaving]
        finally:
            on_event(Finished())

    # Lists of tools

    async def export(self, *, pinned: bool = True) -> ToolManifest:
        """All installed tools as a list that `sync` takes; `pinned` to their versions, or as they were asked for.

        Raises ToolError for one whose receipt cannot be read.
        """
        return manifest_of(await self.installed(), pinned=pinned)

    async def sync(
        self, manifest: ToolManifest | Path, *, prune: bool = False, on_event: Listener = ignore
    ) -> list[ToolOutcome]:
        """Install what of `manifest` is not there or is something else; with `prune` remove what is not in it.

        Raises ToolError for a file that cannot be read, InvalidToolFile for one that is no list of tools, and then
        nothing has changed; else as `install`, and what came before in the list is installed.
        """
        if isinstance(manifest, Path):
            manifest = await in_thread(_read_manifest, manifest)
        outcomes = []
        for spec in manifest.tools:
            tool = await in_thread(self._read, spec.name)
            if tool is not None and tool.receipt is not None and self._is_as_listed(tool, spec):
                outcomes.append(ToolOutcome(name=tool.name, receipt=tool.receipt, earlier=tool.receipt, changed=False))
            else:
                outcomes.append(await self.install(spec, on_event=on_event))
        if prune:
            listed = {spec.name for spec in manifest.tools}
            leaving = [tool.name for tool in await self.installed() if tool.name not in listed]
            outcomes += await self.uninstall(leaving, on_event=on_event)
        return outcomes

    def _is_as_listed(self, tool: InstalledTool, spec: ToolSpec) -> bool:
        assert tool.receipt is not None
        there = tool.receipt.spec
        same = (there.commands_from, set(there.besides), there.requirement.extras, there.options) == (
            spec.commands_from,
            set(spec.besides),
            spec.requirement.extras,
            spec.options,
        )
        wanted = [spec.requirement, *spec.besides]
        return same and fitting(tool, wanted, spec.python, cache_dir=self._settings.cache_dir) is not None

    # PATH

    def path_advice(self) -> PathAdvice | None:
        """How the user's shell gets `bin_directory` into PATH; None when it is there."""
        directory = str(self.bin_directory)
        if is_on_path(directory, self._environ):
            return None
        return path_advice(directory, self._environ, Path(home_dir(self._environ)))

    async def update_shell(self) -> list[Path]:
        """Write that into the files that the user's shell reads when it starts; those that were changed.

        Raises UsageError for one that cannot be changed.
        """
        advice = self.path_advice()
        return await in_thread(follow, advice) if advice is not None else []

    # How

    async def _bring(
        self,
        spec: ToolSpec,
        earlier: InstalledTool | None,
        settings: Settings,
        upgrade: bool,
        reinstall: bool,
        force: bool,
        on_event: Listener,
    ) -> ToolOutcome:
        """Make the tool what `spec` says; the lock is held."""
        link = self.directory / spec.name
        if earlier is None and os.path.lexists(link):
            hints = ("remove it, or install elsewhere: DXPY_TOOL_DIR",)
            raise ToolError(f"`{link}` is in the way: it is no tool of dxpy", hints=hints)
        old_lock = read_lock(earlier.environment / LOCK_NAME) if earlier is not None else None
        interpreter = await in_thread(self._same_interpreter, earlier, settings)
        same_interpreter = interpreter is not None
        interpreter = interpreter or await self._interpreter(settings, on_event)
        settings = replace(settings, python=str(interpreter.executable))
        environment = self.directory / ENVIRONMENTS_NAME / f"{spec.name}-{os.urandom(4).hex()}"
        project = Project(
            root=Path.cwd(),
            name=ProjectName(""),
            dependencies=(spec.requirement, *spec.besides),
            elsewhere=ProjectPlaces(self.directory / "the tool", environment / LOCK_NAME, environment),
        )
        async with Engine(settings, search=self._search) as engine:
            kept = pins_of(old_lock) if old_lock is not None and not upgrade else {}
            pins = tuple(WantedPin(name, version) for name, version in kept.items())
            options = LockOptions(anew=True, dry_run=True, pins=pins)
            lock = (await engine.lock_project(project, options=options, on_event=on_event)).lock
            receipt = earlier.receipt if earlier is not None and earlier.problem is None else None
            had = receipt.commands if receipt is not None and upgrade and not force else ()
            elsewhere = given_away(spec.name, (each.name for each in had), self.bin_directory, self.directory)
            same = same_interpreter and old_lock is not None and lock.packages == old_lock.packages
            if same and receipt is not None and receipt.spec == spec and not (reinstall or _has_trees(spec)):
                commands = [command.name for command in receipt.commands if command.name not in elsewhere]
                await in_thread(check_clashes, spec.name, commands, self.bin_directory, self.directory)
                await in_thread(self._publish, spec.name, earlier.environment if earlier else environment, commands)
                return ToolOutcome(name=spec.name, receipt=receipt, earlier=receipt, changed=False)
            try:
                await in_thread(_begin, environment, interpreter, spec, lock)
                watch = StateWatch.of_lock(project.places)
                await engine.sync_project(project, watch, options=AS_LOCKED, on_event=on_event)
                made = await in_thread(self._receipt, spec, environment)
                commands = [command.name for command in made.commands if command.name not in elsewhere]
                if not force:
                    await in_thread(check_clashes, spec.name, commands, self.bin_directory, self.directory)
                await in_thread(replace_file, environment / RECEIPT_NAME, write_receipt(made))
                await in_thread(self._publish, spec.name, environment, commands)
            finally:
                await in_thread(self._sweep)
        before, after = _versions(old_lock), _versions(lock)
        return ToolOutcome(
            name=spec.name,
            receipt=made,
            earlier=earlier.receipt if earlier is not None else None,
            added=tuple(sorted(after - before)),
            removed=tuple(sorted(before - after)),
        )

    def _receipt(self, spec: ToolSpec, environment: Path) -> ToolReceipt:
        """What came of `spec`. Raises ToolError when it has no commands."""
        made = open_environment(environment, cache_dir=self._settings.cache_dir)
        assert made is not None
        found = commands_of_all(made.scheme)
        for source in spec.commands_from:
            if source not in found:
                raise ToolError(f"`{source}`, whose commands are wanted too, has none with `{spec.name}`")
        sources = (spec.name, *spec.commands_from)
        commands = [ToolCommand(name, source) for source in sources for name in found.get(source, ())]
        if not commands:
            raise without_commands(spec.name, made, f"dxpy tool install {spec.name} --with-executables-from {{0}}")
        version = read_installed(made.scheme)[spec.name].version
        return ToolReceipt(spec=spec, version=version, commands=tuple(dict.fromkeys(commands)))

    def _publish(self, name: ProjectName, environment: Path, commands: Sequence[str]) -> None:
        publish(name, environment, commands, self.bin_directory, self.directory)

    def _read(self, name: ProjectName) -> InstalledTool | None:
        return read_tool(self.directory, name, cache_dir=self._settings.cache_dir)

    def _same_interpreter(self, earlier: InstalledTool | None, settings: Settings) -> Interpreter | None:
        """The interpreter of what is installed, if it works and is what is wanted."""
        if earlier is None or earlier.problem is not None:
            return None
        there = open_environment(earlier.environment, cache_dir=settings.cache_dir)
        return there.interpreter if there is not None and satisfies(there.interpreter, settings.python) else None

    async def _interpreter(self, settings: Settings, on_event: Listener) -> Interpreter:
        pythons = PythonManager(settings, search=self._search, environ=self._environ)
        return await pythons.ensure(on_event=on_event)

    def _settings_with(self, flags: Mapping[str, Any]) -> Settings:
        """The settings for a tool with these flags of its own; those of this manager come before."""
        loaded = load_settings({**flags, **self._flags}, self._environ, None, directory=Path.cwd())
        return without_local_pins(loaded, self._environ)

    def _settings_for(self, spec: ToolSpec) -> Settings:
        return self._settings_with({**spec.options, **({"python": spec.python} if spec.python else {})})

    def _kept_options(self) -> dict[str, Any]:
        kept = {name: _public(self._flags[name]) for name in _KEPT_OPTIONS if self._flags.get(name)}
        for name in _PATHS:
            if name in kept:
                kept[name] = [text if "://" in text else os.path.abspath(text) for text in kept[name]]
        return kept

    @asynccontextmanager
    async def _changing(self, on_event: Listener) -> AsyncIterator[None]:
        """Hold the directory of tools, which nobody else changes meanwhile; what was left by the killed is removed."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.directory / LOCK_FILE)
            async with held(lock, f"another process that is changing `{self.directory}`", on_event):
                await in_thread(self._sweep)
                yield
        except OSError as error:
            place = error.filename2 or error.filename or ""  # of a link, where it was to be
            of_commands = Path(place).is_relative_to(self.bin_directory)
            directory = self.bin_directory if of_commands else self.directory
            at = f" (`{place}`)" if place else ""
            raise ToolError(f"`{directory}` cannot be changed: {error.strerror}{at}") from error

    def _sweep(self) -> None:
        for place in abandoned(self.directory / ENVIRONMENTS_NAME, self.directory):
            remove_tree(str(place))
        for path in links_of(None, self.bin_directory, self.directory):
            if not path.exists():
                path.unlink()


async def bring_tool(
    engine: Engine,
    question: Project,
    interpreter: Interpreter,
    settings: Settings,
    *,
    state_facts: Mapping[str, str] | None = None,
    on_event: Listener = ignore,
) -> tuple[Project, SyncOutcome | None]:
    """Resolve `question`, and bring the environment of the answer to hold it; None when it did already.

    With `state_facts`, by which that is recorded and found.
    """
    found = await engine.lock_project(question, options=ANSWER_ALONE, on_event=on_event)
    project = await in_thread(with_lock, question, found.lock, interpreter, settings)
    if state_facts is not None and unchanged(str(project.environment), dict(state_facts)) is not None:
        return project, None
    watch = StateWatch.of_lock(project.places).without_lock()
    return project, await engine.sync_project(
        project, watch, options=AS_LOCKED, state_facts=state_facts, on_event=on_event
    )


def _public(option: Any) -> Any:
    """An option as it may be kept: texts without credentials."""
    if isinstance(option, list):
        return [_public(each) for each in option]
    return without_credentials(option) if isinstance(option, str) else option


def _asking_for(name: ProjectName, settings: Settings) -> Settings:
    """`settings`, with the tool's page asked for again, however fresh it is."""
    refreshed = settings.network.refresh_projects | {name}
    return replace(settings, network=replace(settings.network, refresh_projects=refreshed))


def _begin(environment: Path, interpreter: Interpreter, spec: ToolSpec, lock: Lock) -> None:
    """Make the environment that the tool is to have, with nothing but its lock in it."""
    environment.parent.mkdir(parents=True, exist_ok=True)
    create_environment(environment, interpreter, prompt=spec.name)
    replace_file(environment / LOCK_NAME, build_dpl(lock))


def _read_manifest(file: Path) -> ToolManifest:
    try:
        return read_manifest(file.read_bytes(), Path(os.path.abspath(file)))
    except OSError as error:
        raise ToolError(
            f"the list of tools `{file}` cannot be read: {error.strerror}",
            hints=("`dxpy tool export -o FILE` writes one of what is installed",),
        ) from error


def _versions(lock: Lock | None) -> set[tuple[ProjectName, str]]:
    return {(package.name, package.version) for package in lock.packages} if lock is not None else set()


def _has_trees(spec: ToolSpec) -> bool:
    """Whether some of it is a directory that may have changed without a lock that shows it."""
    urls = [each.url for each in (spec.requirement, *spec.besides) if each.url is not None]
    trees = [parse_source_url(url) for url in urls]
    return any(isinstance(each, DirectoryUrl) and not each.is_editable for each in trees)
