"""A requirement comes from where the table of sources says, and every mistake in the table names its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dxpy_async.core.names import normalize_extra, normalize_group
from dxpy_async.errors import InvalidProject
from dxpy_async.project.pyproject import Project, parse_project

HEAD = '[project]\nname = "web"\nversion = "1"\n'


def project(root: Path, sources: str, *, requires: str = "lib>=2", more: str = "", tool: str = "dxpy") -> Project:
    text = f'{HEAD}dependencies = ["{requires}"]\n{more}\n[tool.{tool}.sources]\n{sources}\n'
    return parse_project(text.encode(), root)


@pytest.mark.parametrize("tool", ["dxpy", "uv"])
@pytest.mark.parametrize(
    ("source", "requirement"),
    [
        ('git = "https://host/x.git"', "lib @ git+https://host/x.git"),
        ('git = "git+ssh://git@host/x", tag = "v1"', "lib @ git+ssh://git@host/x@v1"),
        (
            'git = "https://host/x", branch = "main", subdirectory = "py/lib"',
            "lib @ git+https://host/x@main#subdirectory=py/lib",
        ),
        ('git = "https://host/x", rev = "0123abc"', "lib @ git+https://host/x@0123abc"),
        ('url = "https://host/lib-2.tar.gz"', "lib @ https://host/lib-2.tar.gz"),
        ('url = "https://host/lib.zip", subdirectory = "a"', "lib @ https://host/lib.zip#subdirectory=a"),
        ('path = "libs/lib"', "lib @ file:libs/lib"),
        ('path = "../lib", editable = true', "lib @ file:../lib#editable=true"),
        ('path = "./libs/../libs/lib", package = false', "lib @ file:libs/lib#virtual=true"),
        ('path = "/opt/lib"', "lib @ file:///opt/lib"),
        ('path = "dist/lib-2-py3-none-any.whl"', "lib @ file:dist/lib-2-py3-none-any.whl"),
        ('index = "ours"', "lib>=2"),
    ],
)
def test_a_source_becomes_the_url_of_the_requirement(tmp_path: Path, tool: str, source: str, requirement: str) -> None:
    found = project(tmp_path, f"lib = {{ {source} }}", tool=tool)
    assert list(map(str, found.dependencies)) == [requirement]


def test_a_directory_that_says_it_is_no_package_is_virtual(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/pyproject.toml").write_text("[tool.uv]\npackage = false\n")
    assert str(project(tmp_path, 'lib = { path = "lib" }').dependencies[0]) == "lib @ file:lib#virtual=true"


def test_markers_split_a_requirement_and_the_rest_comes_from_the_index(tmp_path: Path) -> None:
    sources = """lib = [
        { path = "a", marker = "sys_platform == 'linux'" },
        { git = "https://host/x", marker = "sys_platform == 'win32'" },
    ]"""
    found = project(tmp_path, sources, requires="lib[fast]>=2; python_version < '4'")
    assert list(map(str, found.dependencies)) == [
        'lib[fast] @ file:a ; python_version < "4" and sys_platform == "linux"',
        'lib[fast] @ git+https://host/x ; python_version < "4" and sys_platform == "win32"',
        'lib[fast]>=2; python_version < "4" and (sys_platform != "linux" and sys_platform != "win32")',
    ]


def test_sources_of_extras_and_groups_count_there_alone(tmp_path: Path) -> None:
    more = (
        '[project.optional-dependencies]\nfast = ["lib"]\n[dependency-groups]\nbase = ["lib"]\n'
        'dev = [{ include-group = "base" }]\n'
    )
    sources = 'lib = [{ path = "a", extra = "fast" }, { path = "b", group = "dev" }]'
    found = project(tmp_path, sources, more=more)
    assert list(map(str, found.dependencies)) == ["lib>=2"]
    assert list(map(str, found.optional_dependencies[normalize_extra("fast")])) == ["lib @ file:a"]
    assert list(map(str, found.dependency_groups[normalize_group("base")])) == ["lib"]
    assert list(map(str, found.dependency_groups[normalize_group("dev")])) == ["lib @ file:b"]


def test_with_a_table_of_ours_that_of_uv_does_not_count(tmp_path: Path) -> None:
    found = project(tmp_path, 'lib = { path = "a" }', tool="uv", more='[tool.dxpy]\npython = "3.12"')
    assert list(map(str, found.dependencies)) == ["lib>=2"]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ('"libs/lib"', 'must be a table like { git = "https://…" }, or an array of such, not a string'),
        ("[]", "gives no source"),
        ("{ editable = true }", "does not say where the project comes from"),
        ('{ git = "https://h/x", path = "x" }', "is both `git` and `path`"),
        ('{ git = "https://h/x", reb = "1" }', "has a key `reb`"),
        ('{ git = "https://h/x", rev = "1", tag = "1" }', "has both `rev` and `tag`"),
        ('{ git = "https://h/x", rev = 1 }', "`tool.dxpy.sources.lib.rev` must be a string, not an integer"),
        ('{ git = "host/x" }', "is not the URL of a repository"),
        ('{ git = "https://h/x", rev = "-o" }', "it begins with `-`"),
        ('{ git = "ftp://h/x" }', "git is not reached by `ftp`"),
        ('{ path = "x", tag = "1" }', "has `tag`, which goes with git only"),
        ('{ url = "https://h/x", editable = true }', "has `editable`, which goes with path and workspace only"),
        ('{ url = "https://h/x" }', "leads to no archive"),
        ('{ url = "git+https://h/x" }', "leads to no archive"),
        ('{ path = "" }', "names no file or directory"),
        ('{ path = "x.whl", editable = true }', "cannot be editable"),
        ("{ workspace = true }", "this project is in none"),
        ("{ workspace = false }", "can only be true"),
        ('{ path = "x", marker = "nonsense" }', "is not a marker"),
        ('{ path = "x", marker = "extra == \'a\'" }', "asks about extras"),
        ('{ path = "x", extra = "none" }', "is for the extra `none`, which does not exist"),
        ('{ path = "x", group = "none" }', "is for the group `none`, which does not exist"),
        ('{ path = "x", group = "g", extra = "e" }', "it can be for one of them"),
        ('[{ path = "x" }, { path = "y" }]', "two sources for the same requirements"),
        ('{ index = "a", marker = "os_name == \'nt\'" }', "an index can only hold everywhere"),
    ],
)
def test_a_source_that_makes_no_sense_is_refused_with_its_line(tmp_path: Path, source: str, problem: str) -> None:
    with pytest.raises(InvalidProject) as caught:
        project(tmp_path, f"lib = {source}")
    assert problem in str(caught.value)
    assert caught.value.line == 7


def test_a_slip_in_a_key_meets_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(InvalidProject) as caught:
        project(tmp_path, 'lib = { git = "https://h/x", brunch = "main" }')
    assert caught.value.hints() == ("did you mean `branch`?",)


def test_a_requirement_with_a_url_of_its_own_takes_no_source(tmp_path: Path) -> None:
    with pytest.raises(InvalidProject, match="by a URL, and a source says"):
        project(tmp_path, 'lib = { path = "x" }', requires="lib @ https://h/lib-1.zip")
