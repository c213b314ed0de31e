"""Commits of git repositories, by the `git` program: one bare clone of each repository, one directory for each commit.

    git-v1/repositories/<key>        a bare clone with what was asked for so far, and nothing else
    git-v1/commits/<key>/<commit>    the files of a commit, submodules included; complete when it is there
    git-v1/new/                      what is on its way there

Only what is asked for is fetched: the branch, tag or commit, and the tags on its way, which build backends make
versions of. Prompts are switched off, credentials reach git by its environment alone, and never a disk. Whoever changes
a repository's clone holds its lock, which dies with the process.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple, Protocol

from dxpy_async.core.locked_sources import is_commit
from dxpy_async.core.logins import Login
from dxpy_async.core.source_urls import GitUrl
from dxpy_async.errors import SourceUnavailable
from dxpy_async.sources.places import BUCKET, Remote, commit_directory, key_of, remote_of

TIME_LIMIT = 600.0
"""Seconds that one call of git may take: clones of large repositories over slow lines do take minutes."""

_PROTOCOLS = "https:http:ssh:git"
"""What a repository of another machine and its submodules are reached by: not by paths of this one, nor by commands."""
_POLL_SECONDS = 0.05
_OUTPUT_BYTES = 16 * 1024**2
"""The most that is read of what git says: the references of the largest repositories."""
_LINES_SHOWN = 4
_LEFT_OUT = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_CEILING_DIRECTORIES",
)
"""What a hook or another git that runs dxpy would steer ours with."""
_HEADS, _TAGS, _PEELED = "refs/heads/", "refs/tags/", "^{}"


class Lock(Protocol):
    """What excludes others, until it is released or its process ends."""

    def try_acquire(self) -> bool: ...
    def release(self) -> None: ...


class GitRepositories:
    """The repositories below `cache_dir`. Safe for any number of tasks, and of processes.

    `lock` makes a holder of the lock at a path. `environ` are the variables that git is run with. With `offline`
    nothing is fetched that is not on this machine. `on_wait` is told the repository that another process is busy with.
    `known_login` is asked for the login of an http(s) address that has none.
    """

    def __init__(
        self,
        cache_dir: Path,
        *,
        lock: Callable[[Path], Lock],
        environ: Mapping[str, str],
        offline: bool = False,
        known_login: Callable[[str], Login | None] | None = None,
        time_limit: float = TIME_LIMIT,
    ) -> None:
        self._cache_dir, self._root = cache_dir, cache_dir / BUCKET
        self._lock, self._offline, self._time_limit = lock, offline, time_limit
        self._environ = {name: value for name, value in environ.items() if name not in _LEFT_OUT}
        self._busy: dict[str, asyncio.Lock] = {}
        self._credentials: dict[str, str] = {}
        self._known_login = known_login

    def learn(self, url: GitUrl) -> None:
        """Use the credentials in `url`, if it has any, for all repositories of its host; locks have none."""
        remote = remote_of(url.repository)
        if remote.authorization is not None:
            self._credentials.setdefault(remote.origin, remote.authorization)

    async def commit_of(self, url: GitUrl, *, on_wait: Callable[[str], None]) -> str:
        """The commit that the revision of `url` names now. Asks the repository, unless it is a whole commit id.

        Raises SourceUnavailable.
        """
        if is_commit(url.revision):
            return url.revision
        self.learn(url)
        remote = remote_of(url.repository)
        self._refuse_offline(remote, f"`{url.revision}`" if url.revision else "the default branch")
        wanted = url.revision or "HEAD"
        patterns = (wanted, f"{_HEADS}{wanted}", f"{_TAGS}{wanted}", f"{_TAGS}{wanted}{_PEELED}")
        self._root.mkdir(parents=True, exist_ok=True)
        output = await self._ask(remote, "ls-remote", "--", remote.url, *patterns)
        found = {name: commit for commit, tab, name in (line.partition("\t") for line in output.splitlines()) if tab}
        for name in (f"{_TAGS}{wanted}{_PEELED}", f"{_TAGS}{wanted}", f"{_HEADS}{wanted}", wanted):
            if name in found:
                return found[name]
        return await self._abbreviated(remote, url.revision, on_wait)

    async def _abbreviated(self, remote: Remote, revision: str, on_wait: Callable[[str], None]) -> str:
        """The commit whose id begins with `revision`, which no branch or tag is called."""
        if len(revision) >= 4 and not revision.strip("0123456789abcdef"):
            async with self._held(remote, on_wait) as clone:
                everything = (f"+{_HEADS}*:{_HEADS}*", f"+{_TAGS}*:{_TAGS}*")
                await self._ask(remote, "fetch", "--quiet", "--no-auto-gc", "--", remote.url, *everything, cwd=clone)
                found = await self._run(["rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"], cwd=clone)
                if not found.code:
                    return found.output.strip()
        raise await self._no_revision(remote, revision)

    async def _no_revision(self, remote: Remote, revision: str) -> SourceUnavailable:
        if not revision:
            return SourceUnavailable(
                f"the git repository `{remote.url}` is empty: it has no default branch",
                hints=("name a branch, tag or commit",),
            )
        output = await self._ask(remote, "ls-remote", "--heads", "--tags", "--", remote.url)
        names = [line.partition("\t")[2].removesuffix(_PEELED) for line in output.splitlines()]
        short = sorted({name.removeprefix(_HEADS).removeprefix(_TAGS) for name in names})
        close = get_close_matches(revision, short, n=3) or short[:5]
        hints = (f"there is {' and '.join(f'`{name}`' for name in close)}",) if close else ()
        return SourceUnavailable(
            f"the git repository `{remote.url}` has no branch, tag or commit `{revision}`", hints=hints
        )

    async def checkout(self, url: GitUrl, *, on_wait: Callable[[str], None]) -> Path:
        """The directory with the files of the commit that `url` names by its whole id, fetched if need be.

        Raises SourceUnavailable. The subdirectory of `url` is not applied.
        """
        remote, commit = remote_of(url.repository), url.revision
        place = commit_directory(self._cache_dir, url)
        if _is_there(place):
            return place
        async with self._held(remote, on_wait) as clone:
            if _is_there(place):
                return place
            await self._fetch(remote, commit, clone)
            await self._publish(remote, commit, clone, place)
        return place

    async def _fetch(self, remote: Remote, commit: str, clone: Path) -> None:
        """Have `commit` in the bare clone."""
        if await self._has(commit, clone):
            return
        self._refuse_offline(remote, f"the commit {commit}")
        # By its id alone: most hosts give what is asked for. Those that do not are asked for all branches.
        alone = ["fetch", "--quiet", "--no-auto-gc", "--", remote.url, f"+{commit}:refs/commits/{commit}"]
        ended = await self._run(alone, cwd=clone, remote=remote)
        if ended.code and not await self._has(commit, clone):
            everything = (f"+{_HEADS}*:{_HEADS}*", f"+{_TAGS}*:{_TAGS}*")
            await self._ask(remote, "fetch", "--quiet", "--no-auto-gc", "--", remote.url, *everything, cwd=clone)
        if not await self._has(commit, clone):
            raise SourceUnavailable(
                f"the git repository `{remote.url}` has no commit {commit}",
                hints=("it may have been removed from the branch: `dxpy lock --upgrade-package NAME` takes another",),
            )

    async def _has(self, commit: str, clone: Path) -> bool:
        return not (await self._run(["cat-file", "-e", f"{commit}^{{commit}}"], cwd=clone)).code

    async def _publish(self, remote: Remote, commit: str, clone: Path, place: Path) -> None:
        """The files of `commit` in a directory of their own, which is there as a whole or not at all.

        It is a repository too, because build backends ask git for versions and files.
        """
        own = Remote(clone.as_uri(), None)
        beside = self._root / "new" / f"{os.getpid()}-{os.urandom(8).hex()}"
        try:
            beside.parent.mkdir(parents=True, exist_ok=True)
            await self._ask(own, "clone", "--quiet", "--local", "--no-checkout", "--", str(clone), str(beside))
            await self._ask(own, "fetch", "--quiet", "--", str(clone), commit, cwd=beside)
            await self._ask(remote, "remote", "set-url", "origin", remote.url, cwd=beside)
            await self._ask(remote, "checkout", "--quiet", "--detach", "--force", commit, cwd=beside)
            if (beside / ".gitmodules").is_file():
                await self._ask(remote, "submodule", "--quiet", "update", "--init", "--recursive", cwd=beside)
            place.parent.mkdir(parents=True, exist_ok=True)
            beside.rename(place)
        except OSError as error:
            raise SourceUnavailable(f"`{place}` cannot be made: {error.strerror or error}") from error
        finally:
            if beside.exists():
                await asyncio.to_thread(shutil.rmtree, beside, ignore_errors=True)

    @asynccontextmanager
    async def _held(self, remote: Remote, on_wait: Callable[[str], None]) -> AsyncIterator[Path]:
        """The bare clone of `remote`, made if need be, for this task alone."""
        key = key_of(remote)
        clone = self._root / "repositories" / key
        async with self._busy.setdefault(key, asyncio.Lock()):
            lock = self._lock(self._root / "repositories" / f"{key}.lock")
            told = False
            while not lock.try_acquire():
                if not told:
                    on_wait(remote.url)
                told = True
                await asyncio.sleep(_POLL_SECONDS)
            try:
                if not (clone / "HEAD").is_file():
                    await self._ask(remote, "init", "--quiet", "--bare", "--", str(clone))
                yield clone
            finally:
                lock.release()

    def _refuse_offline(self, remote: Remote, what: str) -> None:
        if self._offline and not remote.is_local:
            raise SourceUnavailable(
                f"{what} of the git repository `{remote.url}` is not in the cache, "
                "and the network is not used (offline)"
            )

    # Running git

    async def _ask(self, remote: Remote, *arguments: str, cwd: Path | None = None) -> str:
        """What git says. Raises SourceUnavailable when it fails."""
        ended = await self._run(arguments, cwd=cwd, remote=remote)
        if ended.code:
            raise SourceUnavailable(
                f"git cannot read the repository `{remote.url}` (`git {arguments[0]}` failed): {ended.complaint}",
                hints=_hints(ended.complaint),
            )
        return ended.output

    async def _run(self, arguments: Sequence[str], *, cwd: Path | None, remote: Remote | None = None) -> _Ended:
        program = shutil.which("git", path=self._environ.get("PATH"))
        if program is None:
            raise SourceUnavailable(
                "the program `git`, which repositories are read with, is not on the search path",
                hints=("install git, or have it on PATH",),
            )
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            cwd=cwd or self._root,
            env=self._environ_for(remote),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self._time_limit):
                async with asyncio.TaskGroup() as tasks:
                    output = tasks.create_task(_read(process.stdout))
                    complaint = tasks.create_task(_read(process.stderr))
                code = await process.wait()
        except TimeoutError as error:
            where = f" of `{remote.url}`" if remote is not None else ""
            raise SourceUnavailable(f"`git {arguments[0]}`{where} took over {self._time_limit:g} seconds") from error
        finally:
            if process.returncode is None:
                _kill(process.pid)
                await process.wait()
        return _Ended(code, output.result(), _last_lines(complaint.result()))

    def _look_up(self, remote: Remote | None) -> None:
        """Use the login that is known for a repository whose address has none."""
        if remote is None or self._known_login is None or remote.origin in self._credentials:
            return
        login = self._known_login(remote.url) if remote.url.startswith(("http:", "https:")) else None
        if login is not None and login.password is not None:
            self._credentials[remote.origin] = login.authorization

    def _environ_for(self, remote: Remote | None) -> dict[str, str]:
        """Variables that switch off prompts and all ways to reach a repository that were not asked for."""
        settings = {"advice.detachedHead": "false", "core.hooksPath": os.devnull, "gc.auto": "0"}
        self._look_up(remote)
        for origin, authorization in self._credentials.items():
            settings[f"http.{origin}/.extraHeader"] = f"Authorization: {authorization}"
        chosen = {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS": "",
            "GCM_INTERACTIVE": "never",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_ALLOW_PROTOCOL": _PROTOCOLS + (":file" if remote is None or remote.is_local else ""),
            "LC_ALL": "C",
            "GIT_CONFIG_COUNT": str(len(settings)),
        }
        for number, (key, value) in enumerate(settings.items()):
            chosen |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes", **self._environ, **chosen}


class _Ended(NamedTuple):
    code: int
    output: str
    complaint: str


async def _read(stream: asyncio.StreamReader | None) -> str:
    """What comes from a process, bounded; the rest is read and dropped, so that it can end."""
    assert stream is not None
    parts, size = [], 0
    while chunk := await stream.read(65_536):
        if size < _OUTPUT_BYTES:
            parts.append(chunk)
            size += len(chunk)
    return b"".join(parts).decode("utf-8", "replace")


def _last_lines(text: str) -> str:
    """What git complains of, on one line and without control characters."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("hint:")]
    shown = "; ".join(lines[:_LINES_SHOWN]) or "it said nothing"
    return "".join(each if each.isprintable() else " " for each in shown)


def _hints(complaint: str) -> tuple[str, ...]:
    lowered = complaint.lower()
    if "authentication" in lowered or "permission denied" in lowered or "could not read username" in lowered:
        return ("give git credentials for it (a credential helper, an SSH key), and try `git ls-remote` on it",)
    if "could not resolve host" in lowered or "unable to access" in lowered or "connection" in lowered:
        return ("see whether the host can be reached: `git ls-remote` on it",)
    return ()


def _kill(pid: int) -> None:
    """End git and what it started."""
    try:
        os.killpg(pid, 9) if hasattr(os, "killpg") else os.kill(pid, 9)
    except (ProcessLookupError, PermissionError):
        return


def _is_there(commit: Path) -> bool:
    """Whether the files of a commit are there; from now on they count as used (`store.upkeep`)."""
    try:
        os.utime(commit)
    except FileNotFoundError:
        return False
    except OSError:
        return commit.is_dir()  # in a cache that is only read
    return True
