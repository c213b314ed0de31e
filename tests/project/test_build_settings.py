"""The settings of builds: from tables, variables and flags, the later over the earlier."""

from __future__ import annotations

from pathlib import Path

import pytest

from dxpy_async.core.settings import BuildSettings
from dxpy_async.errors import InvalidProject, UsageError
from dxpy_async.project.pyproject import parse_project
from dxpy_async.project.settings import load_settings

TABLE = """\
no-build = true
no-build-package = ["A"]
no-binary = true
no-binary-package = ["B"]
no-build-isolation = true
no-build-isolation-package = ["C"]
config-settings = { one = "1", more = ["1", "2"], on = true }
config-settings-package = { D = { two = "2" } }
build-constraint-dependencies = ["setuptools<80"]
extra-build-dependencies = { E = ["numpy", "cython<3"] }
build-timeout = 90
"""


def builds(
    table: str = "",
    flags: dict[str, object] | None = None,
    variables: dict[str, str] | None = None,
    *,
    tool: str = "dxpy",
) -> BuildSettings:
    text = f'[project]\nname = "it"\nversion = "1"\n[tool.{tool}]\n{table}'
    project = parse_project(text.encode(), Path("/it"))
    return load_settings(flags or {}, {"HOME": "/none", **(variables or {})}, project, directory=Path("/here")).builds


@pytest.mark.parametrize("tool", ["dxpy", "uv"])
def test_a_table_says_all_of_them(tool: str) -> None:
    found = builds(TABLE if tool == "dxpy" else TABLE.replace("build-timeout = 90\n", ""), tool=tool)
    assert (found.no_build, found.no_binary, found.isolated) == (True, True, False)
    assert (found.no_build_projects, found.no_binary_projects, found.not_isolated_projects) == ({"a"}, {"b"}, {"c"})
    assert found.config == {"one": ("1",), "more": ("1", "2"), "on": ("true",)}
    assert found.config_of == {"d": {"two": ("2",)}}
    assert [(str(each.requirement), each.origin) for each in found.constraints] == [
        ("setuptools<80", "pyproject.toml:13")
    ]
    assert {name: [str(each) for each in these] for name, these in found.extra_requires.items()} == {
        "e": ["numpy", "cython<3"]
    }
    assert found.timeout == (90.0 if tool == "dxpy" else None)


def test_nothing_said_builds_what_has_no_wheel_in_isolation() -> None:
    assert builds() == BuildSettings()


def test_variables_come_before_the_table_and_flags_before_both(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("wheel>=1\n")
    variables = {
        "DXPY_NO_BUILD": "0",
        "DXPY_BUILD_TIMEOUT": "5",
        "DXPY_CONCURRENT_BUILDS": "3",
        "DXPY_BUILD_CONSTRAINT": str(tmp_path / "c.txt"),
    }
    found = builds(TABLE, variables=variables)
    assert (found.no_build, found.timeout, found.concurrent) == (False, 5.0, 3)
    assert [str(each.requirement) for each in found.constraints] == ["setuptools<80", "wheel>=1"]
    flags: dict[str, object] = {
        "no_build": True,
        "build_timeout": "2.5",
        "no_build_package": ["X"],
        "config_setting": ["one=3", "new=a=b", "new=c"],
        "config_settings_package": ["D:two=4", "D:two=5", "F:x="],
    }
    found = builds(TABLE, flags, variables)
    assert (found.no_build, found.timeout, found.no_build_projects) == (True, 2.5, {"a", "x"})
    assert found.config == {"one": ("3",), "more": ("1", "2"), "on": ("true",), "new": ("a=b", "c")}
    assert found.config_of == {"d": {"two": ("4", "5")}, "f": {"x": ("",)}}


def test_what_one_project_is_given_comes_after_what_all_are() -> None:
    found = builds('config-settings = { a = "1" }\nconfig-settings-package = { d = { a = "2", b = "3" } }')
    assert found.config_for(None) == {"a": ("1",)}
    assert found.config_for("d") == {"a": ("1", "2"), "b": ("3",)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"build_timeout": "soon"}, "--build-timeout is `soon`; it must be a number of seconds above 0"),
        ({"build_timeout": "0"}, "--build-timeout is `0`; it must be a number of seconds above 0"),
        ({"config_setting": ["a"]}, "--config-setting is `a`; it must be a key, `=` and a value"),
        (
            {"config_settings_package": ["a=b"]},
            "--config-settings-package is `a=b`; it must be the name of a project, `:`, a key, `=` and a value",
        ),
        ({"no_build_package": ["-"]}, "--no-build-package is `-`, which is not the name of a project"),
        ({"build_constraint": ["none.txt"]}, "there is no file of build constraints `none.txt`"),
    ],
)
def test_a_flag_that_makes_no_sense(flags: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        builds("", flags)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no-build = 1", "`tool.dxpy.no-build` must be true or false, not an integer"),
        ("no-build-package = ['-']", "`tool.dxpy.no-build-package` names '-', which is not the name of a project"),
        ("config-settings = 'a=b'", "`tool.dxpy.config-settings` must be a table, not a string"),
        (
            "config-settings.a = 1",
            "`tool.dxpy.config-settings.a` must be a string or an array of strings, not an integer",
        ),
        (
            "config-settings.a = []",
            "`tool.dxpy.config-settings.a` must be a string or an array of strings, not an array",
        ),
        ("build-timeout = true", "`tool.dxpy.build-timeout` must be a number of seconds above 0"),
        ("build-timeout = -1", "`tool.dxpy.build-timeout` must be a number of seconds above 0"),
        ("build-timeout = nan", "`tool.dxpy.build-timeout` must be a number of seconds above 0"),
        (
            "extra-build-dependencies.a = ['b c']",
            "`tool.dxpy.extra-build-dependencies.a` holds an invalid requirement: ",
        ),
    ],
)
def test_a_table_that_makes_no_sense_is_refused_with_its_line(line: str, message: str) -> None:
    with pytest.raises(InvalidProject) as caught:
        builds(line)
    assert str(caught.value).startswith(f"`/it/pyproject.toml:5` is not a valid project file: {message}")
