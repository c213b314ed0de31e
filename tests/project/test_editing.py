"""Requirements put into and taken out of a pyproject.toml, of which nothing else may change."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dxpy_async.core.names import normalize
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.errors import InvalidProject
from dxpy_async.project import editing
from dxpy_async.project.editing import (
    DEPENDENCIES,
    DependencyList,
    ListKind,
    drop_requirements,
    lists_with,
    put_requirements,
)

DEV = DependencyList(ListKind.GROUP, "dev")
WEB = DependencyList(ListKind.EXTRA, "web")

COMMENTED = """\
# who we are
[project]
name = "shop" # a shop
dependencies = [
    # the web
    "flask>=2", # not 1: it is old
    "rich"
    # more to come
]

[tool.other]
key = 1
"""


def put(text: str, *requirements: str, where: DependencyList = DEPENDENCIES) -> str:
    wanted = [parse_requirement(each) for each in requirements]
    return put_requirements(text.encode(), where, wanted, file="pyproject.toml").decode()


def drop(text: str, *names: str, where: DependencyList = DEPENDENCIES) -> str:
    return drop_requirements(text.encode(), where, map(normalize, names), file="pyproject.toml").decode()


def test_a_new_one_comes_where_a_sorted_list_has_it_and_comments_stay() -> None:
    assert put(COMMENTED, "httpx>=0.27") == COMMENTED.replace(
        "# not 1: it is old\n", '# not 1: it is old\n    "httpx>=0.27",\n'
    )


def test_behind_a_last_item_without_comma_the_comma_is_put() -> None:
    expected = COMMENTED.replace('    "rich"\n', '    "rich",\n    "zope",\n')
    assert put(COMMENTED, "zope") == expected


def test_a_list_in_no_order_gets_it_at_its_end() -> None:
    text = '[project]\nname = "p"\ndependencies = [\n  "zope", # z\n  "attrs",\n  # the end\n]\n'
    assert put(text, "mako") == text.replace('  "attrs",\n', '  "attrs",\n  "mako",\n')


def test_a_list_on_one_line_stays_on_it() -> None:
    text = '[project]\nname = "p"\ndependencies = ["flask>=2", "rich"]\n'
    assert put(text, "attrs", "zope") == text.replace('["flask>=2", "rich"]', '["attrs", "flask>=2", "rich", "zope"]')
    assert drop(text, "flask") == text.replace('"flask>=2", ', "")
    assert drop(text, "rich") == text.replace(', "rich"', "")
    assert drop(text, "rich", "flask") == text.replace('"flask>=2", "rich"', "")


def test_an_empty_or_missing_list_becomes_one_with_a_requirement_a_line() -> None:
    expected = 'dependencies = [\n    "rich",\n]\n'
    assert put('[project]\nname = "p"\ndependencies = []\n', "rich") == f'[project]\nname = "p"\n{expected}'
    assert put('[project]\nname = "p"\n', "rich") == f'[project]\nname = "p"\n{expected}'


def test_groups_and_extras_are_made_with_their_tables() -> None:
    text = '[project]\nname = "p"'
    assert put(text, "pytest", where=DEV) == f'{text}\n\n[dependency-groups]\ndev = [\n    "pytest",\n]\n'
    made = put('[project]\nname = "p"\n\n[tool.x]\ny = 1\n', "flask", where=WEB)
    assert tomllib.loads(made)["project"]["optional-dependencies"] == {"web": ["flask"]}


def test_an_extra_is_found_however_it_is_spelt() -> None:
    text = '[project]\nname = "p"\n[project.optional-dependencies]\nAll_Web = ["a"]\n'
    assert put(text, "b", where=DependencyList(ListKind.EXTRA, "all-web")) == text.replace('["a"]', '["a", "b"]')


@pytest.mark.parametrize(
    ("there", "wanted", "becomes"),
    [
        ("Flask [async]>=2", "flask>=3", "flask[async]>=3"),
        ("flask>=2", "flask", "flask>=2"),
        ("flask>=2", "flask[async]", "flask[async]>=2"),
        ("flask", "flask<4,>=3", "flask>=3,<4"),
        ("flask>=2", "flask @ https://example.org/flask-3.0-py3-none-any.whl", None),
        ("flask>=2; python_version < '3.12'", "flask>=2; python_version < '3.12'", "flask>=2; python_version < '3.12'"),
    ],
)
def test_one_that_is_there_keeps_its_place_and_what_is_not_said(there: str, wanted: str, becomes: str | None) -> None:
    text = f'[project]\nname = "p"\ndependencies = [\n    "zope", # z\n    "{there}", # why\n    "attrs",\n]\n'
    assert put(text, wanted) == text.replace(there, becomes or wanted)


def test_another_marker_makes_another_requirement_beside_it() -> None:
    text = '[project]\nname = "p"\ndependencies = [\n    "flask<3; python_version < \'3.12\'",\n    "rich",\n]\n'
    now = put(text, "flask>=3; python_version >= '3.12'")
    assert tomllib.loads(now)["project"]["dependencies"] == [
        "flask<3; python_version < '3.12'",
        'flask>=3; python_version >= "3.12"',
        "rich",
    ]


def test_removing_takes_its_line_with_its_comment_and_no_other() -> None:
    without = drop(COMMENTED, "flask")
    assert without == COMMENTED.replace('    "flask>=2", # not 1: it is old\n', "")
    assert drop(without, "rich") == without.replace('    "rich"\n', "")


def test_the_last_one_leaves_brackets() -> None:
    text = '[project]\nname = "p"\ndependencies = [\n    "rich",\n]\n'
    assert drop(text, "rich") == '[project]\nname = "p"\ndependencies = []\n'


def test_a_group_that_includes_another_keeps_that() -> None:
    text = '[project]\nname = "p"\n[dependency-groups]\ndev = [{include-group = "test"}, "ruff"]\ntest = ["pytest"]\n'
    assert put(text, "mypy", where=DEV) == text.replace('"ruff"]', '"ruff", "mypy"]')
    assert drop(text, "ruff", where=DEV) == text.replace(', "ruff"', "")


def test_line_ends_and_byte_order_mark_stay() -> None:
    text = '\ufeff[project]\r\nname = "p"\r\ndependencies = [\r\n    "flask",\r\n]\r\n'
    assert put(text, "rich") == text.replace('"flask",\r\n', '"flask",\r\n    "rich",\r\n')


def test_a_place_that_cannot_be_edited_is_refused() -> None:
    with pytest.raises(InvalidProject, match=r"project.optional-dependencies.web. cannot be edited where it stands"):
        put('project = {name = "p"}\n', "flask", where=WEB)


def test_all_lists_with_a_project_are_found() -> None:
    document = tomllib.loads(
        '[project]\nname = "p"\ndependencies = ["Foo_bar>1"]\noptional-dependencies = {a = ["foo-bar"], b = ["x"]}\n'
        '[dependency-groups]\nc = [{include-group = "d"}, "FOO.bar"]\nd = []\n'
    )
    places = lists_with(document, normalize("foo-bar"))
    assert [str(place) for place in places] == [
        "project.dependencies",
        "project.optional-dependencies.a",
        "dependency-groups.c",
    ]


NAMES = ["attrs", "blinker", "click", "django", "flask", "mako", "rich", "zope"]
SPACES = st.sampled_from(["", " ", "  ", "\t"])
BREAKS = st.sampled_from(["", " ", "\n", "\n    ", "\n  # a word\n  ", " # aside\n", "\n\n"])


@st.composite
def arrays(draw: st.DrawFn) -> tuple[str, list[str]]:
    """An array of requirements in any layout that TOML allows, and what is in it."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=5))
    text = "["
    for place, name in enumerate(names):
        quote = draw(st.sampled_from("\"'"))
        text += f"{draw(BREAKS)}{quote}{name}>=1{quote}{draw(BREAKS)}"
        if place < len(names) - 1 or draw(st.booleans()):
            text += f",{draw(SPACES)}"
    return f"{text}{draw(BREAKS)}]", names


@settings(max_examples=200)
@given(arrays(), st.sampled_from(NAMES))
def test_in_any_layout_an_edit_changes_what_it_should_and_keeps_comments(
    array: tuple[str, list[str]], name: str
) -> None:
    """Law: the document after an edit is the document before it but for the one requirement; no comment is lost
    unless it stood beside what was removed."""
    written, names = array
    text = f'[project]\nname = "p"\ndependencies = {written}\n[tool.x]\ny = [1, 2] # z\n'
    added = put(text, f"{name}>=2")
    wanted = {**dict.fromkeys(names, ">=1"), name: ">=2"}
    found = {
        each.name: each.specifier for each in map(parse_requirement, tomllib.loads(added)["project"]["dependencies"])
    }
    assert found == wanted
    assert added.count("#") == text.count("#")
    assert added.endswith("[tool.x]\ny = [1, 2] # z\n")
    removed = drop(added, name)
    left = [each.name for each in map(parse_requirement, tomllib.loads(removed)["project"]["dependencies"])]
    assert left == [each for each in names if each != name]


IN_A_STRING = """\
x = '''
dependencies = [
    "a",
]
'''"""
BEFORE = ['name = "x" # dependencies = [', IN_A_STRING]
AFTER = ["", "other = [1, 2]", "# end", "[tool.other] # more", "[tool.x]\ndependencies = ['a']", "['tool'.y]\na = 1"]
SPACE = st.sampled_from(["", " ", "\t", "  "])
SEPARATORS = st.sampled_from([",", ", ", ",\n    ", " ,\n", ", # why\n  ", "\n,", ",\n\n\t"])
ITEMS = st.sampled_from(['"a"', "'b>=1'", "\"c[x]; python_version > '3'\"", '"""d"""', '{include-group = "a"}'])


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, DependencyList]:
    """A file with a list of requirements in it, and where that is."""
    where = draw(st.sampled_from([DEPENDENCIES, DEV, WEB]))
    items = draw(st.lists(ITEMS, max_size=4))
    text = "".join(item + draw(SEPARATORS) for item in items)
    if items and draw(st.booleans()):
        text = text[: text.rindex(",")]
    opened = draw(st.sampled_from(["[", "[ ", "[\n    ", "[ # all\n"]))
    closed = draw(st.sampled_from(["]", " ]", "\n]", "] # those", "]  "]))
    lines = [
        *draw(st.lists(st.sampled_from(BEFORE), max_size=2, unique=True)),
        f"{where.name}{draw(SPACE)}={draw(SPACE)}{opened}{text}{closed}",
        *draw(st.lists(st.sampled_from(AFTER), max_size=2, unique=True)),
    ]
    header = draw(st.sampled_from([f"[{where.kind}]", f"[{where.kind}] # its own", f"[ {where.kind} ]"]))
    start = draw(st.sampled_from(["", "# first\n\n", f"[tool.z]\n{where.name} = ['z']\n"]))
    return f"{start}{header}\n" + "\n".join(lines) + draw(st.sampled_from(["\n", "\n\n"])), where


@settings(max_examples=500, deadline=None)
@given(documents(), st.lists(st.sampled_from(["a", "aa>=2", "b<3", "e; python_version > '3'"]), min_size=1, max_size=2))
def test_what_is_found_in_the_text_is_what_tomlkit_finds(
    document: tuple[str, DependencyList], added: list[str]
) -> None:
    text, where = document
    before = tomllib.loads(text)
    path, wanted = where.path_in(before), [parse_requirement(each) for each in added]

    def change(items: editing._Items) -> None:
        for requirement in wanted:
            editing._put(items, requirement)

    plainly = editing._edited_plainly(text, before, path, change, "pyproject.toml")
    if plainly is not None:
        assert plainly == editing._edited_anyhow(text, path, change, "pyproject.toml")
        assert (tomllib.loads(plainly[0]) == before) == (plainly[0] == text)


def test_a_plain_list_is_found_without_tomlkit_and_no_other() -> None:
    def is_plain(text: str, where: DependencyList = DEPENDENCIES) -> bool:
        before = tomllib.loads(text)
        found = editing._edited_plainly(text, before, where.path_in(before), lambda items: None, "")
        return found is not None and found[0] == text

    assert is_plain(COMMENTED)
    assert is_plain("[project]\ndependencies=[]\n")
    assert is_plain('[dependency-groups]\ndev = ["a", {include-group = "b"}]\nb = []\n', DEV)
    assert not is_plain('project = {dependencies = ["a"]}\n')
    assert not is_plain('[project]\n"dependencies" = ["a"]\n')
    assert not is_plain("[project]\nname = 'x'\n")
    assert not is_plain(f"[project]\n{IN_A_STRING}\n\n[tool]\ndependencies = []\n")
