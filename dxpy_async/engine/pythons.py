"""Pythons: found on this machine, installed, removed, pinned. (`python_offers`: what can be installed.)"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from dxpy_async.builds.source_archives import unpack_source_archive
from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.settings import PythonDownloads, PythonPreference, Settings
from dxpy_async.core.user_places import bin_dir
from dxpy_async.engine.events import (
    Finished,
    Listener,
    PythonInstalled,
    Warned,
    ignore,
)
from dxpy_async.engine.holding import held
from dxpy_async.engine.python_offers import open_offers
from dxpy_async.errors import (
    FormatError,
    InstallationFailed,
    InterpreterNotFound,
    UsageError,
)
from dxpy_async.index.finishing import in_thread
from dxpy_async.project.pin_files import NAME, user_wide_pin
from dxpy_async.project.settings import load_settings
from dxpy_async.project.version_files import read_requests, remove_pin, write_pin
from dxpy_async.python.builds import Machine, PythonBuild, PythonKey
from dxpy_async.python.installations import (
    LOCK_NAME,
    STAGING_NAME,
    ManagedPython,
    link_executables,
    publish,
    settle,
    unlink_executables,
    withdraw,
)
from dxpy_async.python.interpreters import (
    Found,
    Interpreter,
    SearchPlaces,
    all_interpreters,
    find_interpreter,
    managed_pythons,
)
from dxpy_async.python.requests import ANY, PythonRequest, parse_request, python_specifier
from dxpy_async.store.locks import FileLock
from dxpy_async.store.trees import remove_tree


@dataclass(frozen=True, slots=True)
class PythonInstallation:
    """What became of one request: the build, and whether it was installed now or there before."""

    python: ManagedPython
    installed: bool


class PythonManager:
    """Finds, installs, removes and pins Pythons. Safe for any number of tasks at once, and beside other processes.

        pythons = PythonManager(settings)
        interpreter = await pythons.ensure(">=3.12")

    Without `settings` those of the environment variables and defaults hold. All methods raise `DxpyError` leaves.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        search: SearchPlaces | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._environ = os.environ if environ is None else environ
        self._settings = settings or load_settings({}, self._environ, None, directory=Path.cwd())
        self._search = search or SearchPlaces.from_environ(self._environ, sys.executable)

    # Those that are there

    @property
    def directory(self) -> Path:
        """Where Pythons are installed; it need not exist."""
        if self._search.managed is None:
            raise UsageError("there is no directory for Pythons to be installed in")
        return Path(self._search.managed)

    @property
    def bin_directory(self) -> Path:
        """Where links to them are put, for PATH."""
        return Path(bin_dir(self._environ, "DXPY_PYTHON_BIN_DIR"))

    async def find(self, request: str | None = None, *, requires_python: str = "") -> Interpreter:
        """The interpreter that a search ends with; see `dxpy python find`. Raises InterpreterNotFound."""
        return await in_thread(
            find_interpreter,
            request if request is not None else self._settings.python,
            search=self._search,
            requires_python=requires_python,
            cache_dir=self._settings.cache_dir,
            preference=self._settings.python_preference,
        )

    async def discover(self) -> list[Found]:
        """Every interpreter that works, in the order in which they would be taken."""
        searching = partial(
            all_interpreters,
            search=self._search,
            cache_dir=self._settings.cache_dir,
            preference=self._settings.python_preference,
        )
        return await in_thread(lambda: list(searching()))

    def installed(self) -> list[ManagedPython]:
        """What dxpy has installed, newest first."""
        return [ManagedPython(key, Path(path)) for key, path in managed_pythons(self._search)]

    async def ensure(
        self, request: str | None = None, *, requires_python: str = "", on_event: Listener = ignore
    ) -> Interpreter:
        """The interpreter that a search ends with, installed first if none fits and the settings allow that."""
        try:
            return await self.find(request, requires_python=requires_python)
        except InterpreterNotFound as error:
            if error.wanted is None or not self.may_install(error):
                raise
            await self.install(error.wanted[:1], requires_python=error.wanted[1], on_event=on_event)
        return await self.find(request, requires_python=requires_python)

    def may_install(self, error: InterpreterNotFound) -> bool:
        """Whether what was not found is something to be fetched without being told to."""
        settings = self._settings
        return (
            settings.python_downloads is PythonDownloads.AUTOMATIC
            and settings.python_preference is not PythonPreference.ONLY_SYSTEM
            and settings.python_mirror is not None
            and not settings.network.offline
            and error.wanted is not None
            and (error.wanted[0] is None or parse_request(error.wanted[0]).implementation in (None, "cpython"))
        )

    # Those that could be

    async def available(
        self, request: str | None = None, *, all_versions: bool = False, machine: Machine | None = None
    ) -> list[PythonBuild]:
        """The builds of the mirror's newest release, with `all_versions` of all releases: newest first.

        Of a version that was built more than once the latest build is given. Raises InstallationFailed.
        """
        wanted = parse_request(request) if request is not None else ANY._replace(free_threaded=None)
        machine = machine if machine is not None else await in_thread(self._machine)
        async with open_offers(self._settings, machine) as offers:
            return await offers.listed(wanted, all_versions=all_versions)

    async def install(
        self,
        requests: Sequence[str | None] = (),
        *,
        requires_python: str = "",
        reinstall: bool = False,
        upgrade: bool = False,
        bin_links: bool = False,
        default: bool = False,
        force: bool = False,
        on_event: Listener = ignore,
    ) -> list[PythonInstallation]:
        """Install the newest build for each request (none: the newest final version) that has none installed.

        With `reinstall` those that are there are installed again, with `upgrade` the newest is installed beside an
        older one. `bin_links` puts `python3.12` into `bin_directory`, `default` also `python` and `python3`; `force`
        replaces what is there and not ours. Everything is downloaded and checked beside; interrupted at any moment,
        what was there is as it was. Raises InstallationFailed.
        """
        asked = [(text, _installable(text)) for text in requests or (None,)]
        required = python_specifier(requires_python)
        try:
            async with self._changing(on_event) as staging:
                outcomes: list[PythonInstallation] = []
                for text, wanted in asked:
                    there = None if reinstall or upgrade else self._fitting(wanted, required)
                    if there is not None:
                        outcomes.append(PythonInstallation(there, installed=False))
                        continue
                    outcomes.append(await self._install(text, wanted, required, reinstall, staging, on_event))
                if bin_links or default:
                    for outcome in outcomes:
                        await self._link(outcome.python, default, force, on_event)
                return outcomes
        except OSError as error:
            raise self._disk_error(error) from error
        finally:
            on_event(Finished())

    async def uninstall(
        self, requests: Sequence[str] = (), *, all_versions: bool = False, on_event: Listener = ignore
    ) -> list[ManagedPython]:
        """Remove what fits the requests, or with `all_versions` everything; what was removed.

        Raises InstallationFailed for a request that nothing installed fits: then nothing is removed.
        """
        wanted = [(text, parse_request(text)) for text in requests]
        try:
            if not self.directory.is_dir():
                if all_versions or not requests:
                    return []
                raise _not_installed(requests[0], ())
            async with self._changing(on_event) as staging:
                there = self.installed()
                leaving = list(there) if all_versions else []
                for text, request in wanted:
                    fitting = [python for python in there if python.key.fits(request)]
                    if not fitting:
                        raise _not_installed(text, there)
                    leaving += [python for python in fitting if python not in leaving]
                await in_thread(unlink_executables, leaving, self.bin_directory, managed=self.directory)
                for python in leaving:
                    await in_thread(withdraw, python, staging)
                return leaving
        except OSError as error:
            raise self._disk_error(error) from error
        finally:
            on_event(Finished())

    # Pins

    def pin(self, request: str, directory: Path | None) -> Path:
        """Write `request` into the `.python-version` of `directory`, without one into the user-wide one; that file.

        Raises UsageError for a request that does not parse, and for a file that cannot be written.
        """
        parse_request(request)
        file = self._pin_file(directory)
        write_pin(str(file), request)
        return file

    def unpin(self, directory: Path | None) -> bool:
        """Remove that file; False when there is none. Raises UsageError when it cannot be removed."""
        return remove_pin(str(self._pin_file(directory)))

    def pinned(self, directory: Path | None) -> list[str]:
        """The requests that stand in that file."""
        return read_requests(str(self._pin_file(directory)))

    def _pin_file(self, directory: Path | None) -> Path:
        return directory / NAME if directory is not None else Path(user_wide_pin(self._environ))

    # How

    def _fitting(self, wanted: PythonRequest, required: str) -> ManagedPython | None:
        wanted = wanted._replace(free_threaded=bool(wanted.free_threaded)) if wanted.key is None else wanted
        allowed = PythonRequest(specifier=required, free_threaded=None)
        pythons = self.installed()
        return next((each for each in pythons if each.key.fits(wanted) and each.key.fits(allowed)), None)

    async def _install(
        self,
        text: str | None,
        wanted: PythonRequest,
        required: str,
        reinstall: bool,
        staging: Path,
        on_event: Listener,
    ) -> PythonInstallation:
        """Fetch and put in place one build; the lock is held."""
        async with open_offers(self._settings, await in_thread(self._machine)) as offers:
            release, build = await offers.choose(text, wanted, required)
            python = ManagedPython(build.key, self.directory / str(build.key))
            if python.root.exists() and not reinstall:
                return PythonInstallation(python, installed=False)
            started = time.perf_counter()
            archive = staging / build.filename
            await offers.fetch(release, build, archive, on_event)
        await in_thread(self._unpack, archive, build, python.root, staging)
        on_event(PythonInstalled(str(build.key), time.perf_counter() - started))
        return PythonInstallation(python, installed=True)

    def _unpack(self, archive: Path, build: PythonBuild, final: Path, staging: Path) -> None:
        into = staging / f"new-{os.urandom(4).hex()}"
        into.mkdir()
        try:
            root = unpack_source_archive(archive, build.filename, into)
        except FormatError as error:
            raise InstallationFailed(f"the archive of `{build.key}` cannot be unpacked: {error}") from error
        settle(root, build.key, final, staging / "facts")
        publish(root, final, staging)

    async def _link(self, python: ManagedPython, default: bool, force: bool, on_event: Listener) -> None:
        linked = await in_thread(
            link_executables, python, self.bin_directory, managed=self.directory, default=default, force=force
        )
        for path in linked.refused:
            on_event(Warned(f"`{path}` is there and not dxpy's, so it stays; `--force` replaces it"))

    def _machine(self) -> Machine:
        """That of the interpreter dxpy runs with, or of any other."""
        path = self._search.fallback or "python3"
        anyone = find_interpreter(path, search=self._search, cache_dir=self._settings.cache_dir)
        return Machine.of(anyone.target, is_64bit=anyone.is_64bit)

    @asynccontextmanager
    async def _changing(self, on_event: Listener) -> AsyncIterator[Path]:
        """An empty directory for what is being made, beside the installations, which nobody else changes meanwhile."""
        self.directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.directory / LOCK_NAME)
        async with held(lock, f"another process that is changing `{self.directory}`", on_event):
            staging = self.directory / STAGING_NAME
            await in_thread(_empty, staging)  # what a killed process left: the lock says that nobody is at work in it
            try:
                yield staging
            finally:
                await in_thread(remove_tree, str(staging))

    def _disk_error(self, error: OSError) -> InstallationFailed:
        at = f" (`{error.filename}`)" if error.filename else ""
        return InstallationFailed(f"`{self.directory}` cannot be changed: {error.strerror}{at}")


def _empty(directory: Path) -> None:
    if directory.exists():
        remove_tree(str(directory))
    directory.mkdir(parents=True)


def _installable(text: str | None) -> PythonRequest:
    """What is asked to be installed. Raises InstallationFailed for what no mirror can have."""
    if text is None:
        return ANY
    request = parse_request(text)
    key = PythonKey.parse(text) if request.key is not None else None
    implementation = key.implementation if key is not None else request.implementation
    if request.path is not None or request.name is not None:
        raise InstallationFailed(
            f"`{text}` is not a version that could be installed", hints=("name a version, like `3.12`",)
        )
    if implementation not in (None, "cpython"):
        raise InstallationFailed(f"`{text}` cannot be installed: there are builds of CPython only")
    return request


def _not_installed(text: str, there: Sequence[ManagedPython]) -> InstallationFailed:
    names = ", ".join(f"`{python.key}`" for python in there)
    return InstallationFailed(
        f"dxpy has installed no Python `{text}`",
        hints=(f"it has installed {names}" if names else "it has installed none at all",),
    )
