"""Locks in git: shown by `git diff`, merged by `git merge`, and saved from a conflict; with the real git."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Command, without_times, write_project
from index_server import LoopbackIndex
from json_schemas import document_in
from wheels import build_wheel

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not there")

Git = Callable[..., subprocess.CompletedProcess[str]]
Commit = Callable[[str], None]
ATTRIBUTES = "dxpy.lock -text diff=dxpy-lock merge=dxpy-lock\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project, the directory of which has a space and a quote in its name."""
    return write_project(tmp_path / "it's a project", "tool", "templates")


@pytest.fixture
def git(root: Path, dxpy: Command) -> Git:
    """git in the project's repository, with nobody's settings but the test's; it starts dxpy like the test does."""
    environ = {
        **dxpy.environ,
        "PATH": os.defpath,  # without a `dxpy` that may be installed
        "HOME": str(root.parent),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_EDITOR": "true",
        **{f"GIT_{who}_{what}": "test@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    dxpy.environ.update({name: environ[name] for name in ("PATH", "HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM")})

    def run(*arguments: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        ended = subprocess.run(
            ["git", *arguments], cwd=root, env=environ, capture_output=True, text=True, timeout=60, check=False
        )
        assert code is None or ended.returncode == code, ended.stdout + ended.stderr
        return ended

    run("init", "-q", "-b", "main")
    (root / ".gitignore").write_text(".venv\n")
    return run


@pytest.fixture
def commit(git: Git) -> Commit:
    def run(message: str) -> None:
        git("add", ".")
        git("commit", "-q", "-m", message)

    return run


@pytest.fixture
def branches(root: Path, dxpy: Command, git: Git, commit: Commit, index: LoopbackIndex, tmp_path: Path) -> Path:
    """Two branches from one lock: `main` needs `web` too, `other` an old `extra`; both change the same lock."""
    for version in ("1.0", "2.0"):
        index.add_wheel(build_wheel(tmp_path / "more", "extra", version))
    write_project(root, more=_tables("tool", "templates"))
    assert dxpy("lock", root).code == 0
    commit("base")
    git("checkout", "-q", "-b", "other")
    write_project(root, more=_tables("tool", "templates", group="extra<2"))
    assert dxpy("lock", root).code == 0
    write_project(root, more=_tables("tool", "templates", group="extra"))
    assert dxpy("lock", root).code == 0  # keeps extra 1.0
    commit("other")
    git("checkout", "-q", "main")
    write_project(root, more=_tables("tool", "templates", "web<2"))
    assert dxpy("lock", root).code == 0
    commit("main")
    return root


def _tables(*extra: str, group: str = "") -> str:
    """Requirements far enough from each other for git to merge changes to them."""
    listed = ", ".join(f'"{each}"' for each in extra)
    return (
        f"[project.optional-dependencies]\nall = [{listed}]\n"
        + "# a line that nobody changes\n" * 6
        + f"[dependency-groups]\nmore = [{f'{chr(34)}{group}{chr(34)}' if group else ''}]\n"
    )


def pins(dxpy: Command, root: Path) -> list[str]:
    text = dxpy("export --frozen --no-hashes --no-annotate --all-extras --all-groups", root).out
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_setup_writes_attributes_and_settings_once_and_says_so(dxpy: Command, root: Path, git: Git) -> None:
    (root / ".gitattributes").write_bytes(b"*.py text")
    first = dxpy("lock --git-setup", root)
    assert (first.code, first.out) == (0, "")
    assert [line.partition(" = ")[0] for line in first.err.splitlines()] == [
        f"Added `{ATTRIBUTES.strip()}` to .gitattributes",
        "Set git config diff.dxpy-lock.textconv",
        "Set git config merge.dxpy-lock.name",
        "Set git config merge.dxpy-lock.driver",
        "Set git config merge.dxpy-lock.recursive",
    ]
    assert (root / ".gitattributes").read_text() == f"*.py text\n{ATTRIBUTES}"
    assert git("config", "--get", "merge.dxpy-lock.driver").stdout.endswith(" lock --git-merge %O %A %B %P\n")
    again = dxpy("lock --git-setup", root)
    assert (again.code, again.err) == (0, "git shows and merges locks with dxpy already\n")
    assert (root / ".gitattributes").read_text() == f"*.py text\n{ATTRIBUTES}"


def test_setup_tells_programs_what_it_did(dxpy: Command, root: Path, git: Git) -> None:
    first = document_in(dxpy("lock --git-setup --output-format json", root).out, "lock-git-setup")
    assert (first["directory"], len(first["done"])) == (str(root), 5)
    again = document_in(dxpy("lock --git-setup --output-format json", root).out, "lock-git-setup")
    assert again == {**first, "done": []}


def test_setup_in_a_clone_adds_only_what_the_clone_lacks(dxpy: Command, root: Path, git: Git, commit: Commit) -> None:
    dxpy("lock --git-setup", root)
    commit("set up")
    git("clone", "-q", ".", "../clone")
    clone = root.parent / "clone"
    said = dxpy("lock --git-setup", clone).err
    assert "gitattributes" not in said
    assert said.count("Set git config") == 4


def test_setup_names_dxpy_by_its_name_where_that_is_on_path(dxpy: Command, root: Path, git: Git) -> None:
    scripts = root.parent / "scripts"
    scripts.mkdir()
    (scripts / "dxpy").write_text("#!/bin/sh\n")
    (scripts / "dxpy").chmod(0o755)
    dxpy.environ["PATH"] += f":{scripts}"
    assert "Set git config diff.dxpy-lock.textconv = dxpy lock --git-textconv\n" in dxpy("lock --git-setup", root).err


def test_setup_outside_a_repository(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "tool")
    result = dxpy("lock --git-setup", root, environ={"GIT_CEILING_DIRECTORIES": str(tmp_path)})
    assert result.code == 2
    assert result.err == f"error: `{root}` is not in a git repository\n\nhint: make one with `git init`\n"
    assert not (root / ".gitattributes").exists()


def test_git_diff_shows_what_changed_as_text(dxpy: Command, root: Path, git: Git, commit: Commit) -> None:
    dxpy("lock", root)
    dxpy("lock --git-setup", root)
    commit("lock")
    (root / "dxpy.lock").write_bytes(b"DPL\x01 and nothing more")
    assert "+a lock that cannot be read: it is cut short" in git("diff").stdout
    write_project(root, "tool", "templates", "web<2")
    (root / "dxpy.lock").unlink()
    dxpy("lock", root)
    changed = [line for line in git("diff", "-U0", "dxpy.lock").stdout.splitlines() if line[0] in "+-"][2:]
    assert changed[:4] == ["+needs web<2", "+", "+web 1.0", changed[3]]
    assert changed[3].startswith("+  from index http://127.0.0.1:")
    assert not [line for line in changed if line.startswith("-")]


def test_a_merge_gives_the_lock_of_both_branches(dxpy: Command, branches: Path, git: Git) -> None:
    dxpy("lock --git-setup", branches)
    said = git("merge", "-q", "-m", "merge", "other")
    assert without_times(said.stderr) == "Resolved 5 packages in T\nAdded extra v1.0\n"
    assert dxpy("lock --check", branches).code == 0
    assert pins(dxpy, branches) == ["extra==1.0", "safe==1.9", "templates==1.5", "tool==0.1", "web==1.0"]
    assert git("status", "--porcelain", "dxpy.lock").stdout == ""


def test_a_rebase_and_a_lock_in_a_subdirectory_are_merged_too(
    dxpy: Command, root: Path, git: Git, commit: Commit
) -> None:
    inner = write_project(root / "inner", more=_tables("tool"))
    dxpy("lock", inner)
    dxpy("lock --git-setup", inner)
    commit("base")
    git("checkout", "-q", "-b", "other")
    write_project(inner, more=_tables("tool", group="safe<2"))
    dxpy("lock", inner)
    commit("other")
    git("checkout", "-q", "main")
    write_project(inner, more=_tables("tool", "templates"))
    dxpy("lock", inner)
    commit("main")
    git("rebase", "-q", "other")
    assert dxpy("lock --check", inner).code == 0
    assert pins(dxpy, inner) == ["safe==1.9", "templates==1.5", "tool==0.1"]


def test_branches_that_cannot_be_had_together_are_a_conflict_with_a_way_out(
    dxpy: Command, branches: Path, git: Git
) -> None:
    dxpy("lock --git-setup", branches)
    git("checkout", "-q", "other")
    write_project(branches, more=_tables("tool", "templates", group="web>=2"))
    dxpy("lock", branches)
    git("commit", "-q", "-a", "-m", "web 2")
    ours = (branches / "dxpy.lock").read_bytes()
    said = git("merge", "main", code=1)
    assert "CONFLICT" in said.stdout
    assert "web" in said.stderr
    assert (branches / "dxpy.lock").read_bytes() == ours
    write_project(branches, more=_tables("tool", "templates", "web"))
    merged = dxpy("lock --merge", branches)
    assert merged.code == 0, merged.err
    assert dxpy("lock --check", branches).code == 0
    assert "web==2.0" in pins(dxpy, branches)


def test_a_conflict_without_the_driver_is_resolved_with_the_pins_of_both_sides(
    dxpy: Command, branches: Path, git: Git
) -> None:
    git("merge", "other", code=1)
    result = dxpy("lock --merge", branches)
    assert (result.code, result.out) == (0, "")
    assert without_times(result.err) == "Resolved 5 packages in T\nAdded extra v1.0\n"
    assert dxpy("lock --check", branches).code == 0


def test_a_lock_that_git_merged_as_text_is_saved_by_locking(dxpy: Command, branches: Path, git: Git) -> None:
    git("merge", "other", code=1)
    (branches / "dxpy.lock").write_bytes(b"<<<<<<< HEAD\nDPL\x01\n=======\nDPL\x01\n>>>>>>> other\n")
    path = branches / "dxpy.lock"
    refused = dxpy("sync --frozen", branches)
    assert refused.code == 2
    assert refused.err == (
        f"error: `{path} (at byte 0)` holds git conflict markers\n\n"
        "hint: in the middle of a git merge, `dxpy lock` takes the pins of both sides\n"
        "hint: take it from a commit with `git checkout COMMIT -- dxpy.lock`, or remove it; then run `dxpy lock`\n"
    )
    assert dxpy("lock --check", branches).code == 2
    result = dxpy("lock", branches)
    assert without_times(result.err) == (
        f"warning: `{path}` holds git conflict markers; git has both sides of it, "
        "their pins are kept where they fit\n"
        "Resolved 5 packages in T\n"
        "Added extra v1.0\n"
    )
    assert dxpy("lock --check", branches).code == 0


def test_a_lock_damaged_in_the_middle_of_a_merge_is_saved_too(dxpy: Command, branches: Path, git: Git) -> None:
    git("merge", "other", code=1)
    path = branches / "dxpy.lock"
    path.write_bytes(path.read_bytes()[:-1])
    result = dxpy("lock", branches)
    assert result.code == 0
    assert "git has both sides of it" in result.err
    assert dxpy("lock --check", branches).code == 0


def test_conflict_markers_without_a_merge_keep_their_error_and_the_file(
    dxpy: Command, root: Path, git: Git, commit: Commit
) -> None:
    dxpy("lock", root)
    commit("good")
    (root / "dxpy.lock").write_bytes(b"<<<<<<< HEAD\nDPL\n=======\nDPL\n>>>>>>> other\n")
    refused = dxpy("lock", root)
    assert refused.code == 2
    assert "holds git conflict markers" in refused.err
    assert (root / "dxpy.lock").read_bytes().startswith(b"<<<<<<<")
    git("checkout", "HEAD", "--", "dxpy.lock")  # what the hint says
    assert dxpy("lock", root).code == 0


def test_merge_takes_two_locks_by_path_and_the_newer_pins(dxpy: Command, root: Path, tmp_path: Path) -> None:
    for name, requirement in (("ours", "web<2"), ("theirs", "web")):
        write_project(root, requirement)
        dxpy("lock", root)
        (root / "dxpy.lock").rename(root / f"{name}.lock")
    write_project(root, "web", "tool")
    result = dxpy("lock --merge ours.lock theirs.lock", root)
    assert without_times(result.err) == "Resolved 4 packages in T\nAdded tool v0.1\nUpdated web v1.0 -> v2.0\n"
    assert dxpy("lock --check", root).code == 0


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        ("lock --merge one.lock", 2, "takes the paths of two locks"),
        ("lock --merge one.lock two.lock", 1, "there is no lock at `one.lock`"),
        ("lock --merge pyproject.toml pyproject.toml", 2, "is not a lock"),
        ("lock --merge", 2, "git has no two sides of"),
        ("lock --merge --upgrade", 2, "go neither with `--upgrade`"),
        ("lock --merge --show", 2, "not allowed with"),
        ("lock --git-textconv no-such-file", 1, "there is no lock at `no-such-file`"),
        ("lock --git-merge a b c dxpy.lock", 1, "there is no lock at `b`"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    dxpy: Command, root: Path, git: Git, words: str, code: int, part: str
) -> None:
    result = dxpy(words, root)
    assert (result.code, result.out) == (code, "")
    assert part in result.err
    assert not (root / "dxpy.lock").exists()
