"""How locks say where releases come from: what is written is read again, and which requirement it answers."""

from __future__ import annotations

import pytest

from dxpy_async.core.locked_sources import (
    LockedGit,
    answers_reference,
    directory_of_source,
    git_of_source,
    is_commit,
    parse_locked_git,
)
from dxpy_async.core.locks import LockedFile, Source, SourceKind
from dxpy_async.core.source_urls import GitUrl, best_sdist, public_url
from dxpy_async.errors import LockError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HOST = "https://git.test/x.git"


@pytest.mark.parametrize(
    ("asked", "url"),
    [
        (GitUrl(HOST, "main"), f"git+{HOST}@{COMMIT}#requested=main"),
        (GitUrl(HOST, "feature/a b"), f"git+{HOST}@{COMMIT}#requested=feature/a%20b"),
        (GitUrl(HOST), f"git+{HOST}@{COMMIT}#requested="),
        (GitUrl(HOST, COMMIT), f"git+{HOST}@{COMMIT}"),
        (GitUrl(HOST, "v1", "libs/x"), f"git+{HOST}@{COMMIT}#requested=v1&subdirectory=libs/x"),
        (GitUrl(HOST, "", "libs/x"), f"git+{HOST}@{COMMIT}#subdirectory=libs/x&requested="),
    ],
)
def test_a_commit_is_locked_with_what_was_asked_for(asked: GitUrl, url: str) -> None:
    locked = LockedGit(asked, COMMIT)
    assert locked.source() == Source(SourceKind.GIT, url)
    assert parse_locked_git(url) == locked
    assert answers_reference(locked.source(), str(asked))
    assert not answers_reference(locked.source(), str(asked._replace(revision="other")))


@pytest.mark.parametrize("url", [f"git+{HOST}@main", "https://git.test/x-1.0.zip", "file:libs/x", "nonsense"])
def test_what_names_no_commit_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        parse_locked_git(url)


@pytest.mark.parametrize(
    ("source", "url", "answers"),
    [
        (Source(SourceKind.DIRECT, "https://x.test/a-1.zip"), "https://x.test/a-1.zip#sha256=ab", True),
        (Source(SourceKind.DIRECT, "https://x.test/a-1.zip"), "https://x.test/a-2.zip", False),
        (Source(SourceKind.DIRECT, "https://x.test/a-1.zip#subdirectory=d"), "https://x.test/a-1.zip", False),
        (Source(SourceKind.TREE, "file:libs/a#editable=true"), "file:libs/a#editable=1", True),
        (Source(SourceKind.TREE, "file:libs/a"), "file:libs/a#editable=true", False),
        (Source(SourceKind.INDEX, "https://x.test/simple"), "file:libs/a", False),
        (Source(SourceKind.INDEX, "https://x.test/simple"), "nonsense", False),
    ],
)
def test_a_reference_is_answered_by_what_it_leads_to(source: Source, url: str, answers: bool) -> None:
    assert answers_reference(source, url) is answers


@pytest.mark.parametrize("kind", [SourceKind.GIT, SourceKind.TREE])
@pytest.mark.parametrize("url", ["", "nonsense", "file://elsewhere/x", "https://x.test/a.zip", "git+file:///x@main"])
def test_a_lock_that_words_a_source_in_another_way_is_refused(kind: SourceKind, url: str) -> None:
    read = git_of_source if kind is SourceKind.GIT else directory_of_source
    with pytest.raises(LockError, match="the lock has"):
        read(Source(kind, url))


def test_only_a_whole_id_is_a_commit() -> None:
    assert is_commit(COMMIT)
    assert not any(map(is_commit, (COMMIT[:39], COMMIT.upper(), "main", "", "g" * 40)))


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://user:secret@x.test/a@b.zip", "https://x.test/a@b.zip"),
        ("git+https://token@x.test/a.git@main", "git+https://x.test/a.git@main"),
        ("git+ssh://git@x.test/a.git@main", "git+ssh://git@x.test/a.git@main"),
        ("git+ssh://git:secret@x.test/a.git", "git+ssh://git@x.test/a.git"),
        ("file:libs/a@b", "file:libs/a@b"),
    ],
)
def test_an_address_loses_its_secrets_alone(url: str, public: str) -> None:
    assert public_url(url) == public


def test_the_best_sdist_has_the_form_of_today() -> None:
    def best(*names: str) -> str | None:
        found = best_sdist([LockedFile(filename=name, url="") for name in names])
        return found.filename if found is not None else None

    assert best("a-1.zip", "a-1.tar.gz", "a-1-py3-none-any.whl") == "a-1.tar.gz"
    assert best("a-1.tar.bz2", "a-1.zip") == "a-1.tar.bz2"
    assert best("a-1-py3-none-any.whl", "a-1.exe") is None
