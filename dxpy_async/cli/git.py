"""What dxpy asks of git, and tells it: how a lock is shown and merged, and the sides of one that is in conflict."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from dxpy_async.core.places import LOCK_NAME
from dxpy_async.errors import DxpyError, ProjectError

_DRIVER = "dxpy-lock"
_ATTRIBUTES = f"{LOCK_NAME} -text diff={_DRIVER} merge={_DRIVER}"


def set_up(root: Path) -> list[str]:
    """Have git show and merge the lock of the project in `root` with dxpy; gives what was done, a line for each thing.

    What is set already is left alone. Raises ProjectError outside a repository.
    """
    done = []
    if _git(root, "rev-parse", "--is-inside-work-tree", expect=(0, 128)).strip() != b"true":
        raise ProjectError(f"`{root}` is not in a git repository", hints=("make one with `git init`",))
    wanted = {"diff": _DRIVER, "merge": _DRIVER, "text": "unset"}
    if _attributes(root, *wanted) != wanted:
        _append_line(root / ".gitattributes", _ATTRIBUTES)
        done.append(f"Added `{_ATTRIBUTES}` to .gitattributes")
    command = _own_command()
    for key, value in (
        (f"diff.{_DRIVER}.textconv", f"{command} lock --git-textconv"),
        (f"merge.{_DRIVER}.name", "dxpy: resolve what both sides ask for, with the pins of both"),
        (f"merge.{_DRIVER}.driver", f"{command} lock --git-merge %O %A %B %P"),
        (f"merge.{_DRIVER}.recursive", "binary"),
    ):
        if _git(root, "config", "--get", key, expect=(0, 1)).decode(errors="replace").rstrip("\n") != value:
            _git(root, "config", key, value)
            done.append(f"Set git config {key} = {value}")
    return done


def conflicting_sides(path: Path) -> tuple[bytes | None, bytes, bytes] | None:
    """The file at `path` as git has it in the middle of a merge: the common base, ours and theirs; None if it has not.

    A side that removed the file counts as the other one does.
    """
    if shutil.which("git") is None:
        return None
    listed = _git(path.parent, "ls-files", "-u", "-z", "--", path.name, expect=(0, 128))
    found: dict[bytes, bytes] = {}
    for entry in filter(None, listed.split(b"\0")):
        _, blob, stage = entry.partition(b"\t")[0].split(b" ")
        found[stage] = _git(path.parent, "cat-file", "blob", blob.decode())
    ours, theirs = found.get(b"2"), found.get(b"3")
    if ours is None and theirs is None:
        return None
    return found.get(b"1"), ours or theirs or b"", theirs or ours or b""


def _attributes(root: Path, *names: str) -> dict[str, str]:
    fields = _git(root, "check-attr", "-z", *names, "--", LOCK_NAME).decode(errors="replace").split("\0")
    return dict(zip(fields[1::3], fields[2::3], strict=False))


def _append_line(path: Path, line: str) -> None:
    before = path.read_bytes() if path.exists() else b""
    with open(path, "ab") as file:
        newline = b"\r\n" if b"\r\n" in before else b"\n"
        file.write((newline if before and not before.endswith(b"\n") else b"") + line.encode() + newline)


def _own_command() -> str:
    """How a shell, which is what git uses, starts dxpy: by its name where that is on PATH."""
    return "dxpy" if shutil.which("dxpy") else f"{shlex.quote(sys.executable)} -m dxpy_async"


def _git(directory: Path, *arguments: str, expect: tuple[int, ...] = (0,)) -> bytes:
    """What git says on stdout. Raises ProjectError for an exit code that is not among those expected."""
    try:
        ended = subprocess.run(
            ["git", *arguments], cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise DxpyError("git is needed for this, and is not on PATH") from error
    if ended.returncode not in expect:
        said = ended.stderr.decode(errors="replace").strip()
        raise ProjectError(f"`git {shlex.join(arguments)}` failed in `{directory}`: {said}")
    return ended.stdout
