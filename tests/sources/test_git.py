"""Git repositories: which commit a revision names, its files, and what is said when there is none."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from index_server import LoopbackIndex
from repositories import Repository

from dxpy_async.core.logins import Login
from dxpy_async.core.source_urls import GitUrl
from dxpy_async.errors import SourceUnavailable
from dxpy_async.sources.git import GitRepositories
from dxpy_async.sources.places import BUCKET
from dxpy_async.store.locks import FileLock

ABSENT = "0123456789" * 4


def cached(cache: Path, **more: object) -> GitRepositories:
    environ = {"PATH": os.environ["PATH"], "HOME": str(cache)}
    return GitRepositories(cache, lock=FileLock, **{"environ": environ, **more})  # type: ignore[arg-type]


def ignore(_: str) -> None:
    """Nobody waits."""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "upstream")
    (made.root / "a.txt").write_text("one\n")
    made.commit()
    return made


async def commit_of(repositories: GitRepositories, url: str, revision: str = "") -> str:
    return await repositories.commit_of(GitUrl(url, revision), on_wait=ignore)


async def checkout(repositories: GitRepositories, url: str, commit: str) -> Path:
    return await repositories.checkout(GitUrl(url, commit), on_wait=ignore)


async def test_every_kind_of_revision_names_a_commit(repository: Repository, tmp_path: Path) -> None:
    first = repository.git("rev-parse", "HEAD")
    repository.git("tag", "plain")
    repository.git("tag", "--annotate", "--message", "one", "v1")
    repository.git("switch", "--quiet", "--create", "feature/x")
    second = repository.commit()
    repository.git("switch", "--quiet", "main")
    repositories = cached(tmp_path / "cache")
    found = {
        revision: await commit_of(repositories, repository.url, revision)
        for revision in ("", "main", "plain", "v1", "feature/x", "refs/heads/feature/x", second, second[:10])
    }
    assert found == {
        "": first,
        "main": first,
        "plain": first,
        "v1": first,
        "feature/x": second,
        "refs/heads/feature/x": second,
        second: second,
        second[:10]: second,
    }


async def test_a_branch_that_moved_is_seen_and_the_old_commit_stays(repository: Repository, tmp_path: Path) -> None:
    repositories = cached(tmp_path / "cache")
    first = await commit_of(repositories, repository.url, "main")
    before = await checkout(repositories, repository.url, first)
    (repository.root / "a.txt").write_text("two\n")
    second = repository.commit()
    assert await commit_of(repositories, repository.url, "main") == second
    after = await checkout(repositories, repository.url, second)
    assert [(before / "a.txt").read_text(), (after / "a.txt").read_text()] == ["one\n", "two\n"]


async def test_a_commit_in_the_cache_needs_no_repository(repository: Repository, tmp_path: Path) -> None:
    commit = await commit_of(cached(tmp_path / "cache"), repository.url)
    first = await checkout(cached(tmp_path / "cache"), repository.url, commit)
    repository.root.rename(tmp_path / "gone")
    assert await checkout(cached(tmp_path / "cache"), repository.url, commit) == first


async def test_many_at_once_get_one_checkout(repository: Repository, tmp_path: Path) -> None:
    commit = await commit_of(cached(tmp_path / "cache"), repository.url)
    async with asyncio.TaskGroup() as tasks:
        shared = cached(tmp_path / "cache")
        running = [tasks.create_task(checkout(shared, repository.url, commit)) for _ in range(3)]
        running += [tasks.create_task(checkout(cached(tmp_path / "cache"), repository.url, commit)) for _ in range(2)]
    assert len({task.result() for task in running}) == 1
    assert list((tmp_path / "cache" / BUCKET / "new").iterdir()) == []


async def test_submodules_and_tags_come_along(repository: Repository, tmp_path: Path) -> None:
    inner = Repository(tmp_path / "inner")
    (inner.root / "b.txt").write_text("inside\n")
    inner.commit()
    repository.git("submodule", "--quiet", "add", inner.url, "below")
    commit = repository.commit()
    repository.git("tag", "v1")
    directory = await checkout(cached(tmp_path / "cache"), repository.url, commit)
    assert (directory / "below" / "b.txt").read_text() == "inside\n"
    described = Repository.__new__(Repository)
    described.root = directory
    assert described.git("describe", "--tags") == "v1"


async def test_a_missing_branch_names_those_that_are_there(repository: Repository, tmp_path: Path) -> None:
    repository.git("branch", "develop")
    with pytest.raises(SourceUnavailable) as caught:
        await commit_of(cached(tmp_path / "cache"), repository.url, "develp")
    assert str(caught.value) == f"the git repository `{repository.url}` has no branch, tag or commit `develp`"
    assert caught.value.hints() == ("there is `develop`",)


async def test_a_missing_commit_is_named(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=f"has no commit {ABSENT}") as caught:
        await checkout(cached(tmp_path / "cache"), repository.url, ABSENT)
    assert "--upgrade-package" in caught.value.hints()[0]


async def test_an_empty_repository_says_so(tmp_path: Path) -> None:
    empty = Repository(tmp_path / "empty")
    with pytest.raises(SourceUnavailable, match="is empty"):
        await commit_of(cached(tmp_path / "cache"), empty.url)


async def test_a_host_that_is_down_is_told_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        await commit_of(cached(tmp_path / "cache"), "http://user:s3cret@127.0.0.1:9/x.git", "main")
    assert str(caught.value).startswith(
        "git cannot read the repository `http://127.0.0.1:9/x.git` (`git ls-remote` failed): fatal: unable to access"
    )
    assert "s3cret" not in str(caught.value)
    assert caught.value.hints()


async def test_without_git_it_says_what_to_install(repository: Repository, tmp_path: Path) -> None:
    repositories = cached(tmp_path / "cache", environ={"PATH": str(tmp_path)})
    with pytest.raises(SourceUnavailable, match="the program `git`") as caught:
        await commit_of(repositories, repository.url)
    assert caught.value.hints() == ("install git, or have it on PATH",)


async def test_a_git_that_hangs_is_ended(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text("#!/bin/sh\nsleep 60\n")
    (tmp_path / "bin" / "git").chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    repositories = cached(tmp_path / "cache", environ={"PATH": path}, time_limit=0.3)
    with pytest.raises(SourceUnavailable, match=r"`git ls-remote` of .* took over 0.3 seconds"):
        await commit_of(repositories, repository.url)


async def test_hooks_and_foreign_variables_have_no_say(repository: Repository, tmp_path: Path) -> None:
    commit = await commit_of(cached(tmp_path / "cache"), repository.url)
    environ = {"PATH": os.environ["PATH"], "GIT_DIR": "/nowhere", "GIT_WORK_TREE": "/nowhere"}
    directory = await checkout(cached(tmp_path / "cache", environ=environ), repository.url, commit)
    assert (directory / "a.txt").read_text() == "one\n"


async def test_offline_only_what_is_here_is_used(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="offline"):
        await commit_of(cached(tmp_path / "cache", offline=True), "https://git.test/x", "main")


async def test_a_login_that_is_known_goes_to_its_host(tmp_path: Path) -> None:
    asked: list[str] = []

    def known(url: str) -> Login:
        asked.append(url)
        return Login("me", "secret")

    async with LoopbackIndex(credentials=("me", "secret")) as host:
        repository = f"{host.origin}/ours.git"
        with pytest.raises(SourceUnavailable) as caught:  # the login is accepted, and there is no repository
            await commit_of(cached(tmp_path / "cache", known_login=known), repository)
    assert "secret" not in str(caught.value)
    assert asked == [repository]
    assert {request.headers.get("authorization") for request in host.requests} == {"Basic bWU6c2VjcmV0"}
