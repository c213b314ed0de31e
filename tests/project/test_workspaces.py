"""A workspace is read whole from any of its members, and what cannot be one is refused with the paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from dxpy_async.errors import InvalidProject
from dxpy_async.project.pyproject import Project
from dxpy_async.project.workspaces import open_project

BUILD = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'


def write(place: Path, name: str | None, *requires: str, python: str = "", more: str = "") -> Path:
    place.mkdir(parents=True, exist_ok=True)
    head = ""
    if name is not None:
        head = f'[project]\nname = "{name}"\nversion = "1"\ndependencies = [{", ".join(map(repr, requires))}]\n'
        head += f'requires-python = "{python}"\n' if python else ""
    (place / "pyproject.toml").write_text(head + more)
    return place


def workspace(root: Path, *, name: str | None = "site", members: str = '"packages/*"', more: str = "") -> Path:
    return write(root, name, more=f"[tool.dxpy.workspace]\nmembers = [{members}]\n{more}")


def members_of(project: Project) -> dict[str, str]:
    return {member.path: member.url for member in project.members}


def refused(directory: Path) -> InvalidProject:
    with pytest.raises(InvalidProject) as caught:
        open_project(directory)
    return caught.value


# --- what is found ----------------------------------------------------------------------------------------------------


def test_a_workspace_is_the_same_from_everywhere_but_for_who_is_meant(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w")
    beta = write(root / "packages/beta", "Beta", more=BUILD)
    write(root / "packages/alpha", "alpha")
    (root / "packages/notes").mkdir()
    from_root, from_member = open_project(root), open_project(beta)
    assert from_root.root == from_member.root == root
    assert [member.project.name for member in from_root.members] == ["alpha", "beta"]
    assert members_of(from_root) == {
        "packages/alpha": "file:packages/alpha#virtual=true",
        "packages/beta": "file:packages/beta#editable=true",
    }
    assert (from_root.current, from_member.current) == (None, "beta")
    assert from_root.members == from_member.members


def test_a_member_takes_others_by_name_and_the_required_one_is_installed(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w")
    write(root / "packages/alpha", "alpha")
    write(
        root / "packages/beta",
        "beta",
        "alpha[fast]>=1",
        "site",
        more="[tool.dxpy.sources]\nalpha = { workspace = true }\nsite = { workspace = true, editable = false }\n",
    )
    project = open_project(root)
    assert members_of(project)["packages/alpha"] == "file:packages/alpha#editable=true"
    assert list(map(str, project.members[1].project.dependencies)) == [
        "alpha[fast] @ file:packages/alpha#editable=true",
        "site @ file:.",
    ]


def test_a_member_that_says_it_is_no_package_is_virtual(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w")
    write(root / "packages/alpha", "alpha", more=f"{BUILD}[tool.dxpy]\npackage = false\n")
    assert members_of(open_project(root)) == {"packages/alpha": "file:packages/alpha#virtual=true"}


def test_sources_of_the_root_count_for_members_that_say_nothing_else(tmp_path: Path) -> None:
    root = workspace(
        tmp_path / "w", more='[tool.dxpy.sources]\nlib = { path = "libs/lib" }\ntool = { path = "tool" }\n'
    )
    write(root / "packages/alpha", "alpha", "lib", "tool", more='[tool.dxpy.sources]\ntool = { path = "../../mine" }\n')
    alpha = open_project(root).members[0].project
    assert list(map(str, alpha.dependencies)) == ["lib @ file:libs/lib", "tool @ file:mine"]


def test_the_pythons_that_suit_all(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w")
    write(root / "packages/alpha", "alpha", python=">=3.9,<3.14")
    write(root / "packages/beta", "beta", python=">=3.11,!=3.12.1")
    assert open_project(root).requires_python == "!=3.12.1,<3.14,>=3.11"


def test_a_root_without_project_holds_groups_and_settings(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w", name=None, more='[dependency-groups]\ndev = ["ruff"]\n')
    write(root / "packages/alpha", "alpha")
    project = open_project(root / "packages/alpha")
    assert (project.name, project.dependencies, list(project.dependency_groups)) == ("", (), ["dev"])


def test_the_catalog_narrows_what_all_members_may_have(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w", more='[tool.dxpy.workspace.catalog]\nNumPy = ">=2,<3"\n"ruff" = "==0.9"\n')
    statements = open_project(root).tool.amendments.constraints
    assert [(str(each.requirement), each.origin) for each in statements] == [
        ("numpy<3,>=2", "pyproject.toml:8"),
        ("ruff==0.9", "pyproject.toml:9"),
    ]


def test_the_workspace_of_uv_counts_where_there_is_no_table_of_ours(tmp_path: Path) -> None:
    root = write(tmp_path / "w", "site", more='[tool.uv.workspace]\nmembers = ["a"]\n')
    write(root / "a", "alpha")
    assert members_of(open_project(root / "a")) == {"a": "file:a#virtual=true"}
    write(root, "site", more='[tool.uv.workspace]\nmembers = ["a"]\n[tool.dxpy]\npython = "3.12"\n')
    assert open_project(root / "a").root == root / "a"


def test_whoever_is_not_named_or_excluded_stands_alone(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w", more='exclude = ["packages/old*"]\n')
    write(root / "packages/alpha", "alpha")
    old = write(root / "packages/old-one", "old")
    other = write(root / "other", "other")
    assert list(members_of(open_project(root))) == ["packages/alpha"]
    assert (open_project(old).root, open_project(old).members) == (old, ())
    assert open_project(other).root == other


def test_a_project_between_ends_the_search(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w", members='"packages/**"')
    write(root / "packages", "between")
    inner = write(root / "packages/alpha", "alpha")
    assert open_project(inner).root == inner


def test_everything_that_decides_about_a_workspace_is_watched(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w")
    alpha = write(root / "packages/alpha", "alpha")
    (root / "packages/empty").mkdir()
    watched = open_project(alpha).watched
    for path in ("packages", "packages/alpha/pyproject.toml", "packages/empty/pyproject.toml", "pyproject.toml"):
        assert str(root / path) in watched
    assert str(root / "packages/pyproject.toml") in watched


def test_a_project_alone_watches_where_a_workspace_could_appear(tmp_path: Path) -> None:
    alone = write(tmp_path / "a/b", "alone")
    assert str(tmp_path / "a/pyproject.toml") in open_project(alone).watched


def test_a_glob_that_names_no_project_is_told(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w", members='"packages/*", "libs/*"')
    write(root / "packages/alpha", "alpha")
    assert open_project(root).warnings == ("`tool.dxpy.workspace.members` has `libs/*`, which names no project",)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("glob", "problem"),
    [
        ("../b", "which leads out of the workspace"),
        ("/abs", "which is not a path below the workspace"),
        ("", "which names no directory"),
        ("packages\\\\a", "which is not a path below the workspace"),
    ],
)
def test_a_glob_that_cannot_name_members_is_refused(tmp_path: Path, glob: str, problem: str) -> None:
    error = refused(workspace(tmp_path / "w", members=f'"{glob}"'))
    assert problem in str(error)
    assert error.line == 6


def test_an_unknown_key_of_the_table_is_refused(tmp_path: Path) -> None:
    error = refused(workspace(tmp_path / "w", more='excludes = ["x"]\n'))
    assert str(error).endswith(
        "pyproject.toml:7` is not a valid project file: [tool.dxpy.workspace] has no setting `excludes`"
    )


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w")
    write(root / "packages/a", "Same.Name")
    write(root / "packages/b", "same-name")
    assert "`packages/b` and `packages/a` are both called `same-name`" in str(refused(root))


def test_a_member_of_the_roots_name_is_refused(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w")
    write(root / "packages/a", "site")
    assert "`packages/a` and the root are both called `site`" in str(refused(root))


def test_a_named_directory_without_project_file_is_refused(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w", members='"packages/a"')
    (root / "packages/a").mkdir(parents=True)
    assert f"there is no pyproject.toml in `{root}/packages/a`" in str(refused(root))


def test_a_member_without_project_table_is_refused_in_its_own_file(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w")
    write(root / "packages/a", None, more="[tool.ruff]\n")
    error = refused(root)
    assert error.file == str(root / "packages/a/pyproject.toml")
    assert f"is named a member by the workspace in `{root}`" in str(error)


def test_a_member_that_does_not_parse_is_named(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w")
    alpha = write(root / "packages/alpha", "alpha")
    write(root / "packages/beta", "beta", more="[broken\n")
    error = refused(alpha)
    assert (error.file, error.line) == (str(root / "packages/beta/pyproject.toml"), 5)


def test_a_workspace_in_a_workspace_is_refused_from_both_sides(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w")
    inner = workspace(root / "packages/inner", name="inner")
    for place in (root, inner):
        error = refused(place)
        assert error.file == str(inner / "pyproject.toml")
        assert f"`{inner}`, inside of another, `{root}`" in str(error)


def test_a_link_to_what_the_workspace_is_in_is_refused(tmp_path: Path) -> None:
    root = workspace(tmp_path / "top/w")
    write(tmp_path / "top", "top")
    (root / "packages").mkdir()
    (root / "packages/up").symlink_to(tmp_path / "top")
    assert "the workspace would be a member of itself" in str(refused(root))


def test_a_link_out_of_the_workspace_is_refused(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w")
    other = write(tmp_path / "other", "other")
    (root / "packages").mkdir()
    (root / "packages/other").symlink_to(other)
    assert f"leads to `{other}`, which is outside of the workspace" in str(refused(root))


def test_members_that_no_python_suits_are_both_named(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w")
    write(root / "packages/alpha", "alpha", python="<3.11")
    write(root / "packages/beta", "beta", python=">=3.12")
    error = refused(root)
    assert "`beta` requires `>=3.12`, and `alpha` `<3.11`" in str(error)


def test_a_member_that_is_required_without_a_source_is_refused(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w")
    write(root / "packages/alpha", "alpha")
    write(root / "packages/beta", "beta", "alpha")
    error = refused(root)
    assert error.file == str(root / "packages/beta/pyproject.toml")
    assert error.hints() == ("add `alpha = { workspace = true }` to [tool.dxpy.sources]",)


def test_a_source_for_no_member_meets_the_names(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w")
    write(root / "packages/alpha", "alpha")
    write(root / "packages/beta", "beta", "alhpa", more="[tool.dxpy.sources]\nalhpa = { workspace = true }\n")
    error = refused(root)
    assert (error.line, error.hints()) == (6, ("there is `alpha`",))


def test_a_source_for_what_nobody_requires_is_told(tmp_path: Path) -> None:
    more = '[tool.dxpy.sources]\nlib = { path = "lib" }\ntool = { path = "tool" }\nany = { index = "i" }\n'
    alone = write(tmp_path / "alone", "alone", "lib", more=more)
    file = alone / "pyproject.toml"
    assert open_project(alone).warnings == (f"`{file}:7` says where `tool` comes from, and nothing requires it",)
    root = workspace(tmp_path / "w", more=more)
    write(root / "packages/alpha", "alpha", "tool")
    assert open_project(root).warnings == (
        f"`{root}/pyproject.toml:8` says where `lib` comes from, and nothing requires it",
    )


def test_such_a_source_of_uv_is_passed_over(tmp_path: Path) -> None:
    alone = write(tmp_path, "alone", more='[tool.uv.sources]\nlib = { path = "lib" }\n')
    assert open_project(alone).warnings == ()
