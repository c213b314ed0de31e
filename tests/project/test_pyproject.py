"""Projects are read as the standards say, and every mistake is one error that names the file and the line."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxpy_async.core.requirements import parse_requirement
from dxpy_async.core.resolution_settings import Prereleases, ResolutionMode
from dxpy_async.core.settings import LinkMode
from dxpy_async.core.upload_limits import parse_upload_limit
from dxpy_async.errors import InvalidProject, ProjectNotFound
from dxpy_async.project.document import FILE_BYTES
from dxpy_async.project.pyproject import Project, find_project, parse_project, read_project

ROOT = Path("/somewhere")
HEAD = '[project]\nname = "Web_App"\nversion = "1.0"\n'


def parse(text: str) -> Project:
    return parse_project(text.encode(), ROOT)


def refused(text: str | bytes) -> InvalidProject:
    with pytest.raises(InvalidProject) as caught:
        parse_project(text.encode() if isinstance(text, str) else text, ROOT)
    return caught.value


# --- what is read -----------------------------------------------------------------------------------------------------


def test_whole_project() -> None:
    project = parse(
        """
        [build-system]
        requires = ["hatchling"]
        [project]
        name = "Web_App"
        version = "1.0.0-rc.1"
        requires-python = ">= 3.11"
        dependencies = ["Flask >= 3", "httpx[http2,brotli]; sys_platform != 'win32'"]
        [project.optional-dependencies]
        Fast_JSON = ["orjson"]
        [dependency-groups]
        dev = [{include-group = "Test"}, "ruff"]
        test = ["pytest>8"]
        """
    )
    assert project == Project(
        root=ROOT,
        name="web-app",  # type: ignore[arg-type]
        version="1.0.0rc1",
        requires_python=">=3.11",
        dependencies=(
            parse_requirement("flask>=3"),
            parse_requirement('httpx[brotli,http2]; sys_platform != "win32"'),
        ),
        optional_dependencies={"fast-json": (parse_requirement("orjson"),)},  # type: ignore[dict-item]
        dependency_groups={
            "dev": (parse_requirement("pytest>8"), parse_requirement("ruff")),  # type: ignore[dict-item]
            "test": (parse_requirement("pytest>8"),),  # type: ignore[dict-item]
        },
        default_groups=("dev",),  # type: ignore[arg-type]
        has_build_system=True,
    )


def test_dynamic_version_is_unknown() -> None:
    project = parse('[project]\nname = "a"\ndynamic = ["version"]\n')
    assert (project.version, project.is_told_by_backend) == (None, False)


@pytest.mark.parametrize("key", ["dependencies", "optional-dependencies", "requires-python"])
def test_what_a_lock_needs_and_is_dynamic_is_told_by_the_backend(key: str) -> None:
    assert parse(f'{HEAD}dynamic = ["{key}"]\n').is_told_by_backend


@pytest.mark.parametrize(
    ("more", "is_packaged"),
    [
        ("", False),
        ("[build-system]\nrequires = []\n", True),
        ("[tool.dxpy]\npackage = true\n", True),
        ("[build-system]\nrequires = []\n[tool.dxpy]\npackage = false\n", False),
        ("[build-system]\nrequires = []\n[tool.uv]\npackage = false\n", False),
    ],
)
def test_a_project_is_installed_when_it_has_a_build_system_or_says_so(more: str, is_packaged: bool) -> None:
    assert parse(HEAD + more).is_packaged is is_packaged


def test_byte_order_mark_is_no_mistake() -> None:
    assert parse_project(b"\xef\xbb\xbf" + HEAD.encode(), ROOT).name == "web-app"


def test_windows_line_ends_are_no_mistake() -> None:
    assert parse(HEAD.replace("\n", "\r\n")).name == "web-app"


def test_tool_table() -> None:
    project = parse(
        HEAD
        + """
        [dependency-groups]
        dev = []
        docs = []
        [tool.dxpy]
        index-url = "https://index.example/simple"
        extra-index-url = ["https://more.example/simple"]
        find-links = ["wheels", "/abs/olute", "https://links.example/"]
        link-mode = "copy"
        python = "3.12"
        default-groups = ["Docs"]
        [tool.uv]
        index-url = "https://other.example"
        """
    )
    assert project.tool.index_url == "https://index.example/simple"
    assert project.tool.extra_index_urls == ("https://more.example/simple",)
    assert project.tool.find_links == ("/somewhere/wheels", "/abs/olute", "https://links.example/")
    assert project.tool.link_mode is LinkMode.COPY
    assert project.tool.python == "3.12"
    assert project.default_groups == ("docs",)


RESOLUTION = """
resolution = "lowest-direct"
prerelease = "allow"
prerelease-package = { A_b = "disallow" }
constraint-dependencies = [
    "a<2",  # not yet
    "b @ https://example.test/b.whl",
]
override-dependencies = ["a<2; os_name == 'nt'", 'a<2']
exclude-dependencies = ["C.d"]
exclude-newer = "3 weeks"
exclude-newer-package = { A-B = "2024-01-31", c = false }
"""


@pytest.mark.parametrize("tool", ["dxpy", "uv"])
def test_settings_of_the_resolution(tool: str) -> None:
    found = parse(f'{HEAD}dependencies = ["a<2"]\n[tool.{tool}]{RESOLUTION}').tool
    assert (found.mode, found.prereleases) == (ResolutionMode.LOWEST_DIRECT, Prereleases.ALLOW)
    assert found.prereleases_of == {"a-b": Prereleases.DISALLOW}
    assert [(str(each.requirement), each.origin) for each in found.amendments.constraints] == [
        ("a<2", "pyproject.toml:10"),
        ("b @ https://example.test/b.whl", "pyproject.toml:11"),
    ]
    assert [(str(each.requirement), each.origin) for each in found.amendments.overrides] == [
        ('a<2; os_name == "nt"', "pyproject.toml:13"),
        ("a<2", "pyproject.toml:13"),
    ]
    assert found.amendments.exclusions == {"c-d"}
    limits = found.upload_limits
    assert limits.general == parse_upload_limit("P21D")
    assert limits.projects == {"a-b": parse_upload_limit("2024-01-31"), "c": None}


def test_all_groups_can_be_the_default_ones() -> None:
    text = HEAD + '[dependency-groups]\na = []\nb = []\n[tool.dxpy]\ndefault-groups = "all"\n'
    assert parse(text).default_groups == ("a", "b")


def test_no_group_is_default_without_a_dev_group() -> None:
    assert parse(HEAD + "[dependency-groups]\ntest = []\n").default_groups == ()
    assert parse(HEAD + "[dependency-groups]\ndev = []\n[tool.dxpy]\ndefault-groups = []\n").default_groups == ()


def test_uv_settings_are_used_where_there_are_none_of_dxpy() -> None:
    project = parse(
        HEAD
        + """
        [dependency-groups]
        docs = []
        [tool.uv]
        default-groups = ["docs"]
        managed = true
        [[tool.uv.index]]
        name = "main"
        url = "https://main.example/simple"
        default = true
        [[tool.uv.index]]
        url = "https://more.example/simple"
        [[tool.uv.index]]
        name = "pinned"
        url = "https://pinned.example/simple"
        explicit = true
        """
    )
    assert project.tool.index_url == "https://main.example/simple"
    assert project.tool.extra_index_urls == ("https://more.example/simple",)
    assert project.default_groups == ("docs",)


def test_requirement_that_comes_twice_into_a_group_is_there_once() -> None:
    groups = parse(HEAD + '[dependency-groups]\na = ["x", {include-group = "b"}]\nb = ["x", "y"]\n').dependency_groups
    assert [str(one) for one in groups["a"]] == ["x", "y"]  # type: ignore[index]


# --- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", None, "no [project] table"),
        ("[tool.black]\nline-length = 9\n", None, "no [project] table"),
        ("project = 3\n", 1, "`project` must be a table, not an integer"),
        ("\n[project]\nversion = '1'\n", 2, "no `name`"),
        ("[project]\nname = 3\n", 2, "`project.name` must be a string, not an integer"),
        ("[project]\nname = '-a'\nversion = '1'\n", 2, "`project.name` is '-a'"),
        ("[project]\nname = 'a'\n", 1, "no `version`"),
        ("[project]\nname = 'a'\nversion = '1.x'\n", 3, "not a version: '1.x'"),
        ("[project]\nname = 'a'\nversion = 1.0\n", 3, "must be a string, not a float"),
        ("[project]\ndynamic = ['name']\n", 2, "cannot be dynamic"),
        (HEAD + "dynamic = ['version']\n", 4, "is given and also listed"),
        (HEAD + "dynamic = 'version'\n", 4, "must be an array of strings, not a string"),
        (HEAD + "requires-python = '3.11'\n", 4, "not a range of versions: '3.11'"),
        (HEAD + "requires-python = 3.11\n", 4, "must be a string, not a float"),
        (HEAD + "dependencies = 'flask'\n", 4, "must be an array of strings, not a string"),
        (HEAD + "dependencies = [\n  'flask',\n  3,\n]\n", 4, "must hold only strings, not an integer"),
        (HEAD + "dependencies = [\n  'flask',\n  'httpx>>1',\n]\n", 6, "httpx>>1"),
        (HEAD + "dependencies = ['a; python_version @ 3']\n", 4, "invalid requirement"),
        (HEAD + "[project.dependencies]\nflask = '*'\n", 4, "must be an array of strings, not a table"),
        (HEAD + "optional-dependencies = ['x']\n", 4, "must be a table, not an array"),
        (HEAD + "[project.optional-dependencies]\nx = 'y'\n", 5, "`project.optional-dependencies.x` must be an array"),
        (HEAD + "[project.optional-dependencies]\n'-x' = []\n", 5, "not a valid name"),
        (HEAD + "[project.optional-dependencies]\na-b = []\nA_B = []\n", 6, "`a-b` and `A_B` are one name"),
        (HEAD + "[dependency-groups]\na-b = []\n'A.b' = []\n", 6, "`a-b` and `A.b` are one name"),
        (HEAD + "[dependency-groups]\ndev = 'x'\n", 5, "must be an array, not a string"),
        (HEAD + "[dependency-groups]\ndev = [3]\n", 5, "not an integer"),
        (HEAD + "[dependency-groups]\ndev = [{include = 'x'}]\n", 5, "not a table"),
        (HEAD + "[dependency-groups]\ndev = [{include-group = 3}]\n", 5, "not a table"),
        (HEAD + "[dependency-groups]\ndev = ['x y']\n", 5, "invalid requirement"),
        (HEAD + "[dependency-groups]\ndev = [{include-group = 'no'}]\n", 5, "includes `no`, which does not exist"),
        (HEAD + "[dependency-groups]\na = [{include-group = 'a'}]\n", 5, "in a circle: a → a"),
        (HEAD + "[tool]\ndxpy = 3\n", 5, "`tool.dxpy` must be a table"),
        (HEAD + "[tool.dxpy]\nindexurl = 'x'\n", 5, "no setting `indexurl`"),
        (HEAD + "[tool.dxpy]\nlink-mode = 'symbolic'\n", 5, "it can be hardlink, copy"),
        (HEAD + "[tool.dxpy]\nhints = 'no'\n", 5, "`tool.dxpy.hints` must be true or false, not a string"),
        (HEAD + "[tool.dxpy]\nresolution = 'new'\n", 5, "is 'new'; it can be highest, lowest, lowest-direct"),
        (HEAD + "[tool.dxpy]\nprerelease = 'x'\n", 5, "it can be disallow, allow, if-necessary, explicit, if-nec"),
        (HEAD + "[tool.dxpy]\nprerelease-package = {a = 'x'}\n", 5, "`tool.dxpy.prerelease-package.a` is 'x'; it can"),
        (HEAD + "[tool.dxpy]\nprerelease-package = {'a b' = 'x'}\n", 5, "names 'a b', which is not the name of a"),
        (HEAD + "[tool.dxpy]\nexclude-newer = 2024-01-31\n", 5, "must be a string, not a date or time"),
        (HEAD + "[tool.dxpy]\nexclude-newer = '2024-02-30'\n", 5, "is '2024-02-30', which is no date that exists"),
        (HEAD + "[tool.dxpy.exclude-newer-package]\nb = '1 day'\na = true\n", 6, "-package.a` must be a string, not a"),
        (HEAD + "[tool.dxpy]\nexclude-newer-package = {a = '1 year'}\n", 5, "-package.a` is '1 year', which counts in"),
        (HEAD + "[tool.dxpy]\nexclude-dependencies = ['a b']\n", 5, "names 'a b', which is not the name of a project"),
        (HEAD + "[tool.dxpy]\nconstraint-dependencies = [\n'a',\n'b=<1'\n]\n", 7, "holds an invalid requirement"),
        (HEAD + "[tool.uv]\noverride-dependencies = 'a'\n", 5, "`tool.uv.override-dependencies` must be an array"),
        (HEAD + "[tool.dxpy]\npython = 3.12\n", 5, "must be a string, not a float"),
        (HEAD + "[tool.dxpy]\nfind-links = 'x'\n", 5, "must be an array of strings"),
        (HEAD + "[tool.dxpy]\ndefault-groups = ['no']\n", 5, "names the group `no`, which does not exist"),
        (HEAD + "[tool.uv]\ndefault-groups = ['no']\n", 5, "`tool.uv.default-groups` names"),
        ("[project]\nname = 'a\n", 2, "end of document"),
        ("[project]\nname = \n", 2, "Invalid value"),
        ("[project]\n[project]\n", 2, "Cannot declare"),
        ("[project]\nx = [", 2, "end of document"),
        (HEAD + "x = " + "[" * 100_000, None, "nested too deeply"),
        (HEAD + "x = " + "9" * 5000 + "\n", None, "digits"),
        (b"[project]\nname = '\xff'\n", 2, "not UTF-8: byte 0xff at offset 18"),
        ("[project]\nname = '\0'\n".encode("utf-16"), 1, "not UTF-8"),
        (b"#" * (FILE_BYTES + 1), None, "more than"),
    ],
)
def test_mistake_is_named_with_its_line(text: str | bytes, line: int | None, reason: str) -> None:
    error = refused(text)
    assert reason in error.reason
    assert error.file == "/somewhere/pyproject.toml"
    if line is not None:
        assert error.line == line
        assert f"/somewhere/pyproject.toml:{line}`" in str(error)


def test_invalid_requirement_is_shown_with_its_mistake_marked() -> None:
    lines = str(refused(HEAD + 'dependencies = ["flask >= 3 please"]\n')).splitlines()
    assert lines[1].strip() == "flask >= 3 please"
    assert "^" in lines[2]


def test_circle_of_groups_names_those_in_it_and_no_others() -> None:
    text = "[dependency-groups]\n" + "".join(
        f"{name} = [{{include-group = '{included}'}}]\n" for name, included in ("ab", "bc", "cd", "db")
    )
    assert refused(HEAD + text).reason.endswith("in a circle: b → c → d → b")


def test_long_chain_of_groups_is_no_mistake() -> None:
    lines = [f'g{number} = [{{include-group = "g{number + 1}"}}]\n' for number in range(3000)]
    groups = parse(HEAD + "[dependency-groups]\n" + "".join(lines) + 'g3000 = ["x"]\n').dependency_groups
    assert len(groups) == 3001
    assert all([str(one) for one in group] == ["x"] for group in groups.values())


def test_groups_that_include_the_next_twice_do_not_double_the_work_each_time() -> None:
    twice = [
        f'g{number} = [{{include-group = "g{number + 1}"}}, {{include-group = "G{number + 1}"}}]\n'
        for number in range(60)
    ]
    groups = parse(HEAD + "[dependency-groups]\n" + "".join(twice) + 'g60 = ["x"]\n').dependency_groups
    assert [str(one) for one in groups["g0"]] == ["x"]  # type: ignore[index]


def test_close_setting_is_suggested() -> None:
    assert refused(HEAD + "[tool.dxpy]\nindex_url = 'x'\n").hints() == ("did you mean `index-url`?",)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_project_or_an_invalid_one(content: bytes) -> None:
    with pytest.raises(InvalidProject):
        parse_project(content, ROOT)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "flask>1", "dev", "all"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "A", "dev", "include-group", "url"]), inner, max_size=2)
    ),
    max_leaves=6,
)
keys = st.sampled_from(
    [
        "dependency-groups",
        "project.dependencies",
        "project.dynamic",
        "project.optional-dependencies",
        "project.requires-python",
        "tool",
        "tool.dxpy",
        "tool.dxpy.default-groups",
        "tool.uv.default-groups",
        "tool.uv.index",
        "tool.uv.index-url",
    ]
)


def toml(value: object) -> str:
    if value is None:
        return "1979-05-27"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) else str(value)


@given(st.dictionaries(keys, values, max_size=3))
def test_values_of_any_type_are_read_or_refused(fields: dict[str, object]) -> None:
    text = 'project.name = "a"\nproject.version = "1"\n' + "".join(f"{k} = {toml(v)}\n" for k, v in fields.items())
    with suppress(InvalidProject):
        parse(text)


# --- finding ----------------------------------------------------------------------------------------------------------


def test_project_is_found_in_the_directory_or_the_nearest_one_above(tmp_path: Path) -> None:
    inner = tmp_path / "outer" / "inner" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / "outer" / "pyproject.toml").write_text(HEAD)
    assert find_project(inner) == find_project(tmp_path / "outer") == tmp_path / "outer"
    (inner / "pyproject.toml").mkdir()
    assert find_project(inner) == tmp_path / "outer"
    assert read_project(find_project(inner)).root == tmp_path / "outer"


def test_no_project_anywhere_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProjectNotFound, match="or any parent directory"):
        find_project(tmp_path)
    with pytest.raises(ProjectNotFound):
        read_project(tmp_path)


def test_file_that_cannot_be_read_is_an_invalid_project(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").mkdir()
    with pytest.raises(InvalidProject, match="cannot be read"):
        read_project(tmp_path)
