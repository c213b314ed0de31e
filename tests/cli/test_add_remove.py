"""`dxpy add` and `dxpy remove`: the project file, the lock and the environment afterwards, and all that is printed."""

from __future__ import annotations

from pathlib import Path

from command import Command, without_times, write_project
from index_server import LoopbackIndex


def read(root: Path) -> str:
    return (root / "pyproject.toml").read_text()


def test_adding_locks_syncs_and_writes_the_lower_bound(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p")
    result = dxpy("add web", root)
    assert result.code == 0, result.err
    assert without_times(result.err) == (
        "Resolved 3 packages in T\n"
        "Added `web>=2.0` to project.dependencies\n"
        "Prepared 3 packages in T\n"
        "Installed 3 packages in T\n"
        " + safe==1.9\n"
        " + templates==1.5\n"
        " + web==2.0\n"
    )
    assert '"web>=2.0"' in read(root)
    assert dxpy("lock --check", root).code == 0
    assert "Checked 3 packages" in dxpy("sync", root).err


def test_removing_undoes_it(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "tool")
    dxpy("sync", root)
    before = read(root)
    dxpy("add web", root)
    result = dxpy("remove web", root)
    assert without_times(result.err) == (
        "Resolved 1 package in T\nRemoved 3 packages in T\n - safe==1.9\n - templates==1.5\n - web==2.0\n"
    )
    assert read(root) == before


def test_groups_and_extras_are_synced_with_what_was_added_to_them(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p")
    assert "+ tool==0.1" in dxpy("add --group tools tool", root).err
    assert "+ templates==1.5" in dxpy("add --optional pages templates", root).err
    assert 'tools = [\n    "tool>=0.1",\n]' in read(root)
    assert 'pages = [\n    "templates>=1.5",\n]' in read(root)
    assert dxpy("add --dev safe==1.9", root).code == 0
    assert "+ templates==1.5" in dxpy("sync --all-extras", root).err
    assert 'dev = [\n    "safe==1.9",\n]' in read(root)


def test_what_is_given_decides_what_is_written(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p")
    (root / "wanted.txt").write_text("safe<2  # old\n")
    assert dxpy("add --no-sync --bounds major templates -r wanted.txt", root).code == 0
    assert dxpy("add --no-sync --raw web", root).code == 0
    assert dxpy(["add", "--no-sync", "-m", "sys_platform == 'win32'", "tool"], root).code == 0
    assert '"safe<2"' in read(root)
    assert '"templates>=1.5,<2.0.0"' in read(root)
    assert '"web"' in read(root)
    assert "'tool; sys_platform == \"win32\"'" in read(root)
    assert not (root / ".venv").exists()


def test_what_changes_is_told(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "safe", "web")
    result = dxpy("add --no-sync safe<2 web", root)
    assert without_times(result.err) == "Resolved 3 packages in T\nChanged `safe<2` in project.dependencies\n"


def test_what_cannot_be_resolved_leaves_everything_as_it_was(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    dxpy("lock", root)
    before, lock = read(root), (root / "dxpy.lock").read_bytes()
    for wanted in ("nosuchproject", "safe>=2", "oldies"):
        result = dxpy(["add", wanted], root)
        assert result.code == 1, result.err
        assert result.err.startswith("error: ")
        assert wanted.partition(">")[0] in result.err
    assert read(root) == before
    assert (root / "dxpy.lock").read_bytes() == lock
    assert not (root / ".venv").exists()


def test_frozen_changes_the_project_file_alone(dxpy: Command, tmp_path: Path, index: LoopbackIndex) -> None:
    root = write_project(tmp_path / "p")
    asked = len(index.requests)
    assert dxpy("add --frozen web", root).err == "Added `web` to project.dependencies\n"
    assert '"web"' in read(root)
    assert dxpy("remove --frozen web", root).code == 0
    assert '"web"' not in read(root)
    assert len(index.requests) == asked
    assert sorted(path.name for path in root.iterdir()) == ["pyproject.toml"]


def test_mistakes_are_told_with_a_way_out(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    dxpy("add --frozen --dev tool", root)
    before = read(root)
    for words, said in [
        ("add", "there is nothing to add"),
        ("add flask>>3", "`flask>>3` is not a requirement"),
        ("add webapp", "`webapp` is this project itself"),
        ("add -r missing.txt", "there is no file of requirements `missing.txt`"),
        ("add --group a/b web", "`a/b` cannot be the name of a dependency group"),
        ("add -m nonsense web", "`nonsense` is not a marker"),
        ("remove tool", "hint: it is in `dependency-groups.dev`: `dxpy remove --dev tool`"),
        ("remove wbe", "hint: did you mean `web`?"),
        ("remove web>=2", "`web>=2` is not the name of a project"),
    ]:
        result = dxpy(words, root)
        assert result.code == 2, words
        assert said in result.err, result.err
    assert read(root) == before


def test_dependencies_of_a_build_backend_are_left_to_it(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p")
    (root / "pyproject.toml").write_text('[project]\nname = "p"\nversion = "1"\ndynamic = ["dependencies"]\n')
    result = dxpy("add web", root)
    assert result.code == 2
    assert "`project.dependencies` is dynamic" in result.err
