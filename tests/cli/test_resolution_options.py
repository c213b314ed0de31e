"""What people can say about how versions are picked: on the command line, in variables and in the project."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Command, write_project
from index_server import LoopbackIndex
from wheels import build_wheel


@pytest.fixture
def index(index: LoopbackIndex, tmp_path: Path) -> LoopbackIndex:
    """Beside the others: `app` needs `lib`, and both came month by month, a version each."""
    wheels = tmp_path / "more"
    for number in (1, 2, 3):
        day = f"2024-0{number}-15T12:00:00Z"
        index.add_wheel(build_wheel(wheels, "app", f"{number}.0", requires=[f"lib>={number}"]), upload_time=day)
        index.add_wheel(build_wheel(wheels, "lib", f"{number}.0"), upload_time=day)
    index.add_wheel(build_wheel(wheels, "app", "4.0rc1"), upload_time="2024-04-15T12:00:00Z")
    return index


def locked(dxpy: Command, root: Path, flags: str = "--frozen") -> list[str]:
    """The pins of the lock, which is brought up to date first unless `flags` say otherwise."""
    result = dxpy(f"export --no-hashes --no-annotate {flags}", root)
    assert result.code == 0, result.err
    return [line for line in result.out.splitlines() if not line.startswith("#")]


def tool(root: Path, *dependencies: str, settings: str, table: str = "dxpy") -> Path:
    return write_project(root, *dependencies, more=f"[tool.{table}]\n{settings}\n")


@pytest.mark.parametrize(
    ("flags", "pins"),
    [
        ("--resolution lowest", ["app==1.0", "lib==1.0"]),
        ("--resolution lowest-direct", ["app==1.0", "lib==3.0"]),
        ("--prerelease allow", ["app==4.0rc1"]),
        ("--prerelease-package app=allow", ["app==4.0rc1"]),
        ("--prerelease allow --prerelease-package app=disallow", ["app==3.0", "lib==3.0"]),
        ("--exclude-newer 2024-02-15", ["app==2.0", "lib==2.0"]),
        ("--exclude-newer 2024-02-15T12:00:00Z", ["app==1.0", "lib==1.0"]),
        ("--exclude-newer 2024-01-31 --exclude-newer-package lib=false", ["app==1.0", "lib==3.0"]),
        ("-c constraints.txt", ["app==2.0", "lib==2.0"]),
        ("--override overrides.txt", ["app==3.0", "lib==1.0"]),
    ],
)
def test_a_flag_decides(dxpy: Command, tmp_path: Path, flags: str, pins: list[str]) -> None:
    root = write_project(tmp_path / "p", "app>=1")
    (root / "constraints.txt").write_text("lib<3  # not yet\nsafe<1\n")
    (root / "overrides.txt").write_text("lib==1.0\n")
    assert locked(dxpy, root, flags) == pins


def test_a_lock_that_a_flag_made_is_up_to_date_with_the_flag_and_not_without(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "app>=1")
    (root / "c.txt").write_text("lib<3\n")
    assert dxpy("lock --resolution lowest -c c.txt", root).code == 0
    assert dxpy("lock --resolution lowest -c c.txt --check", root).code == 0
    assert "does not match the project: `lib<3` was removed from constraints" in dxpy("lock --check", root).err


@pytest.mark.parametrize(
    ("settings", "pins"),
    [
        ('resolution = "lowest"\nexclude-newer = "2024-02-15"', ["app==1.0", "lib==1.0"]),
        ('prerelease = "allow"', ["app==4.0rc1"]),
        ('exclude-newer = "2024-02-15"\nexclude-newer-package = { lib = false }', ["app==2.0", "lib==3.0"]),
        ('constraint-dependencies = ["lib<3", "safe<1"]', ["app==2.0", "lib==2.0"]),
        ('override-dependencies = ["lib==1.0"]', ["app==3.0", "lib==1.0"]),
        ('exclude-dependencies = ["lib"]', ["app==3.0"]),
    ],
)
def test_the_project_decides(dxpy: Command, tmp_path: Path, settings: str, pins: list[str]) -> None:
    root = tool(tmp_path / "p", "app>=1", settings=settings)
    assert locked(dxpy, root, "") == pins


def test_the_settings_of_uv_count_where_there_are_none_of_dxpy(dxpy: Command, tmp_path: Path) -> None:
    settings = (
        'resolution = "lowest-direct"\nprerelease = "disallow"\nexclude-newer = "2024-03-31"\n'
        'exclude-newer-package = { lib = "2024-03-01" }\nconstraint-dependencies = ["app>=2"]\n'
        'override-dependencies = ["lib>=1"]\nexclude-dependencies = ["safe"]\n'
    )
    root = tool(tmp_path / "p", "app>=1", "safe", settings=settings, table="uv")
    assert locked(dxpy, root, "") == ["app==2.0", "lib==2.0"]


def test_what_makes_a_lock_stale_is_told_in_words(dxpy: Command, tmp_path: Path) -> None:
    root = tool(tmp_path / "p", "app>=1", settings='constraint-dependencies = ["lib<3"]')
    assert dxpy("lock", root).code == 0
    told = []
    for settings in (
        'constraint-dependencies = ["lib<2"]',
        "",
        'constraint-dependencies = ["lib<3"]\noverride-dependencies = ["app==2"]',
        'constraint-dependencies = ["lib<3"]\nresolution = "lowest"',
        'constraint-dependencies = ["lib<3"]\nexclude-newer = "4 weeks"',
        'constraint-dependencies = ["lib<3"]\nexclude-newer-package = { app = "1 day" }',
    ):
        tool(root, "app>=1", settings=settings)
        result = dxpy("lock --check", root)
        assert result.code == 1
        told.append(result.err.partition(": the lock `")[2].partition("\n")[0].partition("project: ")[2])
    assert told == [
        "`lib<2` was added to constraints",
        "`lib<3` was removed from constraints",
        "`app==2` was added to overrides",
        "it was made with resolution `unset`, and that is `lowest` now",
        "it was made with exclude-newer `unset`, and that is `P28D` now",
        "`app=P1D` was added to exclude-newer-package",
    ]


def test_pins_stay_when_constraints_come_and_go_but_not_when_the_rule_of_picking_does(
    dxpy: Command, tmp_path: Path
) -> None:
    root = tool(tmp_path / "p", "app>=1", settings='constraint-dependencies = ["lib<3"]')
    assert dxpy("lock", root).code == 0
    tool(root, "app>=1", settings="")
    assert locked(dxpy, root, "") == ["app==2.0", "lib==2.0"]
    assert locked(dxpy, root, "--resolution lowest") == ["app==1.0", "lib==1.0"]


def test_a_failed_resolution_names_the_constraint_and_its_file(dxpy: Command, tmp_path: Path) -> None:
    root = tool(tmp_path / "p", "app==3", settings='constraint-dependencies = [\n  "safe<1",\n  "lib<3",\n]')
    result = dxpy("lock", root)
    assert result.code == 1
    assert result.err == (
        "error: because you require app==3, and app 3.0 depends on lib>=3, and pyproject.toml:9 constrains lib to <3, "
        "webapp cannot be resolved\n"
    )
    write_project(root, "app==3")
    (root / "limits").mkdir()
    (root / "limits" / "all.txt").write_text("# by team\n-c more.txt\n")
    (root / "limits" / "more.txt").write_text("safe \\\n  <1\n\nlib<3\n")
    result = dxpy("lock --constraint limits/all.txt", root)
    assert "limits/more.txt:4 constrains lib to <3" in result.err


def test_a_failed_resolution_names_the_override_and_the_latest_time(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "app==3")
    (root / "o.txt").write_text("lib==9\n")
    assert dxpy("lock --override o.txt", root).err == (
        "error: because you require app==3, and app 3.0 depends on lib==9 (overridden in o.txt:1), and the only "
        "versions of lib are 1.0 to 3.0, webapp cannot be resolved\n"
    )
    assert dxpy("lock --exclude-newer 2024-01-31", root).err == (
        "error: because you require app==3, and app 3.0 was uploaded after 2024-01-31, webapp cannot be resolved\n\n"
        "hint: `app` 3.0 was uploaded on 2024-03-15: `--exclude-newer-package app=2024-03-15` lets it in\n"
    )


def test_an_age_leaves_out_what_is_younger_and_never_makes_the_lock_stale(
    dxpy: Command, index: LoopbackIndex, tmp_path: Path
) -> None:
    fresh = build_wheel(tmp_path / "fresh", "lib", "9.0")
    index.add_wheel(fresh, upload_time="2999-01-01T00:00:00Z")
    root = tool(tmp_path / "p", "lib", settings='exclude-newer = "2 days"')
    assert locked(dxpy, root, "") == ["lib==3.0"]
    before = (root / "dxpy.lock").read_bytes()
    assert dxpy("lock --check", root).code == 0
    assert dxpy("lock --upgrade", root).code == 0
    assert (root / "dxpy.lock").read_bytes() == before
    assert "made with exclude-newer = P2D" in dxpy("lock --show", root).out


def test_files_that_came_later_to_a_version_are_not_locked(dxpy: Command, index: LoopbackIndex, tmp_path: Path) -> None:
    late = build_wheel(tmp_path / "late", "lib", "3.0", tags="cp311-cp311-win_amd64")
    index.add_wheel(late, upload_time="2024-06-01T00:00:00Z")
    root = write_project(tmp_path / "p", "lib")
    assert dxpy("lock --exclude-newer 2024-05-01", root).code == 0
    assert "win_amd64" not in dxpy("lock --show lib", root).out
    assert dxpy("lock", root).code == 0
    assert "win_amd64" in dxpy("lock --show lib", root).out


def test_variables_decide_and_a_file_that_one_names_is_read_again(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "app>=1")
    constraints = root / "constraints.txt"
    constraints.write_text("")
    environ = {"DXPY_CONSTRAINT": "constraints.txt"}
    assert dxpy("sync", root, environ=environ).code == 0
    assert "Checked 2 packages" in dxpy("sync", root, environ=environ).err
    constraints.write_text("app<3\n")
    assert "app==2.0" in dxpy("sync", root, environ=environ).err.replace(" v", "==")
    assert "Checked 2 packages" in dxpy("sync", root, environ=environ).err
    (root / "overrides.txt").write_text("lib==1\n")
    for environ, pins in (
        ({"DXPY_RESOLUTION": "lowest"}, ["app==1.0", "lib==1.0"]),
        ({"DXPY_PRERELEASE": "allow"}, ["app==4.0rc1"]),
        ({"DXPY_EXCLUDE_NEWER": "2024-01-31"}, ["app==1.0", "lib==1.0"]),
        ({"DXPY_OVERRIDE": "overrides.txt"}, ["app==3.0", "lib==1.0"]),
    ):
        assert dxpy("lock --upgrade", root, environ=environ).code == 0
        assert locked(dxpy, root) == pins


def test_an_excluded_requirement_of_the_project_itself_is_not_installed(dxpy: Command, tmp_path: Path) -> None:
    settings = 'exclude-dependencies = ["lib"]\noverride-dependencies = ["safe; sys_platform == \'never\'"]'
    root = tool(tmp_path / "p", "lib", "safe", "tool", settings=settings)
    result = dxpy("sync", root)
    assert result.code == 0, result.err
    assert locked(dxpy, root) == ["tool==0.1"]
    assert "Checked 1 package" in dxpy("sync --locked", root).err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("lock --resolution newest", "--resolution: not `newest`"),
        ("lock --exclude-newer tomorrow", "--exclude-newer is `tomorrow`, which is none of: a date like"),
        ("lock -c nothing.txt", "there is no file of constraints `nothing.txt`"),
        ("lock --override wrong.txt", "or end\n    lib=<3\n       ^\n"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(dxpy: Command, tmp_path: Path, words: str, part: str) -> None:
    root = write_project(tmp_path / "p", "app")
    (root / "wrong.txt").write_text("app\n# lib\nlib=<3\n")
    result = dxpy(words, root)
    assert (result.code, result.out) == (2, "")
    assert part in result.err
    assert not (root / "dxpy.lock").exists()


def test_the_help_tells_of_all_options(dxpy: Command, tmp_path: Path) -> None:
    for command in ("lock", "run"):
        text = dxpy(f"{command} --help", tmp_path).out
        for flag in ("--resolution", "--prerelease", "--exclude-newer", "--constraint", "--override"):
            assert flag in text, (command, flag)
