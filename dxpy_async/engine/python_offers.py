"""What a mirror of Python builds has for a machine: listed, chosen from, fetched."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from dxpy_async.core.settings import PythonDownloads, Settings
from dxpy_async.engine.events import (
    DownloadFinished,
    DownloadProgress,
    DownloadStarted,
    Listener,
    Prepared,
    Preparing,
)
from dxpy_async.errors import IndexFailure, InstallationFailed, IntegrityError
from dxpy_async.index.client import IndexClient
from dxpy_async.index.credentials import Credentials
from dxpy_async.index.python_mirror import PythonMirror, Release
from dxpy_async.python.builds import Machine, PythonBuild, PythonKey, best_build, is_exact, parse_sums
from dxpy_async.python.requests import PythonRequest

_HINTS = (
    "name one by `--mirror URL`, the variable DXPY_PYTHON_INSTALL_MIRROR or `python-install-mirror` in [tool.dxpy]",
    "docs/python.md says what a mirror must have; a directory (`file:///srv/python`) can be one",
)


class PythonOffers:
    """The builds of one mirror for one machine. All methods raise InstallationFailed."""

    def __init__(self, mirror: PythonMirror, machine: Machine) -> None:
        self._mirror, self._machine = mirror, machine

    async def listed(self, wanted: PythonRequest, *, all_versions: bool) -> list[PythonBuild]:
        """The builds of the newest release that fit, with `all_versions` those of all releases: newest first.

        Of a version that was built more than once the latest build is given.
        """
        found: dict[PythonKey, PythonBuild] = {}
        async with aclosing(self._releases()) as releases:
            async for _, builds in releases:
                for build in sorted(builds, key=lambda build: not build.stripped):
                    if build.key.fits(wanted):
                        found.setdefault(build.key, build)
                if not all_versions:
                    break
        return sorted(found.values(), key=lambda build: build.key.order, reverse=True)

    async def choose(self, text: str | None, wanted: PythonRequest, required: str) -> tuple[Release, PythonBuild]:
        """The best build for `wanted`, as `text` called it, that `required` allows, of the newest release with one."""
        seen: set[PythonKey] = set()
        async with aclosing(self._releases()) as releases:
            async for release, builds in releases:
                build = best_build(builds, wanted, required)
                if build is not None:
                    return release, build
                seen.update(each.key for each in builds)
        raise _not_available(text or required, wanted, seen, self._machine, self._mirror.shown)

    async def fetch(self, release: Release, build: PythonBuild, into: Path, on_event: Listener) -> None:
        """Bring the archive of `build` to the file `into`, checked."""
        on_event(Preparing(files=1, size=0))
        on_event(DownloadStarted(build.filename, None))
        try:
            await self._mirror.fetch(
                release,
                build.filename,
                sha256=build.sha256,
                into=into,
                progress=lambda received: on_event(DownloadProgress(build.filename, received)),
            )
        except IntegrityError as error:
            raise InstallationFailed(
                f"{error}: the archive is not the one that the mirror's SHA256SUMS tells of",
                hints=("try again later: a mirror may be half updated",),
            ) from error
        except IndexFailure as error:
            raise InstallationFailed(f"`{build.key}` cannot be fetched: {error}") from error
        finally:
            on_event(DownloadFinished(build.filename))
            on_event(Prepared(0, 0.0))

    async def _releases(self) -> AsyncGenerator[tuple[Release, list[PythonBuild]], None]:
        """The releases of the mirror with their builds for the machine, newest first."""
        listed = False
        try:
            async with aclosing(self._mirror.releases()) as releases:
                async for release in releases:
                    sums = await self._mirror.sums(release)
                    if sums is not None:
                        listed = True
                        yield release, list(parse_sums(sums, self._machine))
        except IndexFailure as error:
            raise InstallationFailed(f"the mirror of Python builds cannot be used: {error}") from error
        if not listed:
            raise InstallationFailed(
                f"`{self._mirror.shown}` is not a mirror of Python builds: it has no release with a file SHA256SUMS",
                hints=_HINTS[1:],
            )


@asynccontextmanager
async def open_offers(settings: Settings, machine: Machine) -> AsyncIterator[PythonOffers]:
    """What the mirror of `settings` has. Raises InstallationFailed when there is none, or nothing may be fetched."""
    if settings.python_downloads is PythonDownloads.NEVER:
        raise InstallationFailed(
            "no Python may be downloaded: `python-downloads` is `never`",
            hints=("allow it with `manual` or `automatic`, in [tool.dxpy] or by DXPY_PYTHON_DOWNLOADS",),
        )
    if settings.python_mirror is None:
        raise InstallationFailed("no mirror of Python builds is configured, so none can be downloaded", hints=_HINTS)
    async with IndexClient(
        indexes=settings.indexes,
        network=settings.network,
        cache_dir=settings.cache_dir,
        now=time.time,
        base_directory=Path.cwd(),
        credentials=Credentials(settings.credentials, settings.indexes),
    ) as client:
        yield PythonOffers(PythonMirror(client, settings.python_mirror), machine)


def _not_available(
    text: str, wanted: PythonRequest, seen: set[PythonKey], machine: Machine, mirror: str
) -> InstallationFailed:
    """Names what is nearest: the versions of the same minor, else the newest of each."""
    keys = sorted(seen, key=lambda key: key.order, reverse=True)
    of_minor = wanted.minor and [key for key in keys if key.version.startswith(f"{wanted.minor[0]}.{wanted.minor[1]}.")]
    newest = {key.minor_name: key for key in reversed(keys)}.values()
    near = of_minor if of_minor and is_exact(wanted) else sorted(newest, key=lambda key: key.order, reverse=True)
    names = ", ".join(f"{key.version}{'t' if key.free_threaded else ''}" for key in near)
    kind = " free-threaded" if wanted.free_threaded else ""
    return InstallationFailed(
        f"the mirror `{mirror}` has no{kind} Python{f' `{text}`' if text else ''} for {machine.triple}",
        hints=(f"it has {names}",) if names else (),
    )
