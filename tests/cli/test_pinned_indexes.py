"""Projects that come from one index alone: what a project says, what flags change, and what a lock keeps of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Command, write_project
from index_server import LoopbackIndex, running_index
from wheels import build_wheel

from dxpy_async.formats.dpl import DplLockFile


@pytest.fixture
def private(tmp_path: Path) -> Iterator[LoopbackIndex]:
    """Another index, with a newer `tool` and a `safe` that nobody should get unasked."""
    wheels = tmp_path / "private-wheels"
    build_wheel(wheels, "tool", "0.2")
    build_wheel(wheels, "safe", "9.0")
    with running_index(LoopbackIndex(credentials=("me", "secret"))) as served:
        served.add_directory(wheels)
        yield served


def project(root: Path, *dependencies: str, index: str, source: str = 'tool = { index = "ours" }') -> Path:
    more = f"[tool.dxpy.sources]\n{source}\n[[tool.dxpy.index]]\n{index}\n"
    return write_project(root, *dependencies, more=more)


def explicit(private: LoopbackIndex) -> str:
    return f'name = "ours"\nurl = "{private.url_with_credentials}"\nexplicit = true'


def locked(root: Path) -> dict[str, str]:
    """Version and index of each release in the lock."""
    with DplLockFile.open(root / "dxpy.lock") as lock:
        return {str(package.name): f"{package.version} {package.source.url}" for package in lock}


def test_an_explicit_index_answers_for_the_projects_pinned_to_it_alone(
    dxpy: Command, index: LoopbackIndex, private: LoopbackIndex, tmp_path: Path
) -> None:
    root = project(tmp_path / "p", "tool", "safe", index=explicit(private))
    ended = dxpy("sync", root)
    assert ended.code == 0, ended.err
    assert locked(root) == {"safe": f"2.0 {index.url}", "tool": f"0.2 {private.url}"}
    assert not index.seen("*/tool/*")
    assert not private.seen("*/safe/*")
    assert b"secret" not in (root / "dxpy.lock").read_bytes()
    assert dxpy("lock --check", root).code == 0
    before = (root / "dxpy.lock").read_bytes()
    (root / "dxpy.lock").unlink()
    assert dxpy("lock", root).code == 0  # out of what was kept of the first time
    assert (root / "dxpy.lock").read_bytes() == before


def test_a_project_is_looked_for_nowhere_but_on_its_index(
    dxpy: Command, private: LoopbackIndex, tmp_path: Path
) -> None:
    root = project(tmp_path / "p", "web", index=explicit(private), source='web = { index = "ours" }')
    ended = dxpy("lock", root)
    assert ended.code == 1
    assert f"is not on `{private.url}`" in ended.err


@pytest.mark.parametrize("by_flag", [True, False])
def test_without_a_pin_the_first_index_that_has_a_project_is_believed(
    dxpy: Command, index: LoopbackIndex, private: LoopbackIndex, tmp_path: Path, by_flag: bool
) -> None:
    address = private.url_with_credentials
    table = "" if by_flag else f'[[tool.dxpy.index]]\nname = "ours"\nurl = "{address}"\n'
    root = write_project(tmp_path / "p", "safe", "templates", more=table)
    ended = dxpy(["lock", *(["--index", f"ours={address}"] if by_flag else [])], root)
    assert ended.code == 1  # the newest `templates` needs an older `safe` than the private index has
    assert "safe<2" in ended.err
    assert not index.seen("*/safe/*")


def test_a_pin_that_changes_makes_the_lock_stale(
    dxpy: Command, index: LoopbackIndex, private: LoopbackIndex, tmp_path: Path
) -> None:
    root = project(tmp_path / "p", "tool", index=explicit(private))
    assert dxpy("lock", root).code == 0
    write_project(root, "tool")
    ended = dxpy("lock --check", root)
    assert ended.code == 1
    assert f"`tool from {private.url}` was removed from sources" in ended.err
    assert dxpy("lock --upgrade", root).code == 0
    assert locked(root) == {"tool": f"0.1 {index.url}"}


def test_a_flag_puts_another_index_in_the_place_of_a_named_one(
    dxpy: Command, index: LoopbackIndex, private: LoopbackIndex, tmp_path: Path
) -> None:
    root = project(tmp_path / "p", "tool", "safe", index='name = "ours"\nurl = "http://localhost:1/"\nexplicit = true')
    ended = dxpy(["lock", "--index", f"ours={private.url_with_credentials}"], root)
    assert ended.code == 0, ended.err
    assert locked(root) == {"safe": f"2.0 {index.url}", "tool": f"0.2 {private.url}"}


def test_the_default_index_of_the_project_and_the_tables_of_uv_count(
    dxpy: Command, index: LoopbackIndex, private: LoopbackIndex, tmp_path: Path
) -> None:
    more = (
        f'[[tool.uv.index]]\nname = "main"\nurl = "{index.url}"\ndefault = true\n'
        f"[[tool.uv.index]]\n{explicit(private)}\nformat = 'simple'\n"
        '[tool.uv.sources]\ntool = { index = "ours" }\nweb = { git = "https://example.org/web" }\n'
    )
    root = write_project(tmp_path / "p", "tool", "safe", more=more)
    ended = dxpy("lock", root, environ={"DXPY_DEFAULT_INDEX": ""})
    assert ended.code == 0, ended.err
    assert locked(root) == {"safe": f"2.0 {index.url}", "tool": f"0.2 {private.url}"}


def test_a_pin_to_an_index_that_has_no_name_says_which_have(dxpy: Command, tmp_path: Path) -> None:
    root = project(tmp_path / "p", "tool", index='name = "theirs"\nurl = "https://example.org/simple"')
    ended = dxpy("lock", root)
    assert ended.code == 2
    assert "`tool` is to come from the index `ours`, and there is none of that name" in ended.err
    assert "the indexes with a name are `theirs`" in ended.err


@pytest.mark.parametrize(
    ("table", "source", "problem"),
    [
        ('name = "a"', "", "an index without a `url`"),
        ('url = "https://a.test"\nexplicit = true', "", "has no `name`"),
        ('url = "https://a.test"\nformat = "flat"', "", "an index with a key `format`"),
        ('url = "https://a.test"\ndefault = 1', "", "`tool.dxpy.index.default` must be true or false"),
        ('name = "a"\nurl = "https://a.test"\ndefault = true\nexplicit = true', "", "both `default` and `explicit`"),
        ('name = "a"\nurl = "https://a.test"\n[[tool.dxpy.index]]\nname = "a"\nurl = "https://b.test"', "", "one name"),
        ('url = "https://a.test"', 'tool = { index = "a", extra = "x" }', "an index can only hold everywhere"),
        ('url = "https://a.test"', '"-" = { index = "a" }', "not the name of a project"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(
    dxpy: Command, tmp_path: Path, table: str, source: str, problem: str
) -> None:
    root = project(tmp_path / "p", "tool", index=table, source=source)
    ended = dxpy("lock", root)
    assert ended.code == 2
    assert problem in ended.err
