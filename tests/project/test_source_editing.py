"""Sources, indexes and versions are written where they are read, and the rest of the file stays as it was."""

from __future__ import annotations

import tomllib

import pytest

from dxpy_async.core.names import ProjectName
from dxpy_async.errors import InvalidProject
from dxpy_async.project.source_editing import drop_sources, put_index, put_source, put_version

BARE = """\
# a project
[project]
name = 'a'  # its name
version = '1.0'  # the first
"""

FULL = """\
[project]
name = "a"
version = "1.0"

[tool.dxpy]
hints = true

[[tool.dxpy.index]]
name = "one"
url = "https://one.example/simple" # mine

# where things are
[tool.dxpy.sources]
b = { path = "b" }  # beside
C_c = { index = "one" }

# theirs
[tool.other]
x = [
    1,
]
"""


def put(text: str, name: str, **source: str | bool) -> str:
    return put_source(text.encode(), ProjectName(name), source, file="pyproject.toml").decode()


def drop(text: str, *names: str) -> str:
    return drop_sources(text.encode(), [ProjectName(name) for name in names], file="pyproject.toml").decode()


def index(text: str, **entry: str | bool) -> str:
    return put_index(text.encode(), entry, file="pyproject.toml").decode()


def test_the_first_source_makes_a_table_at_the_end() -> None:
    assert put(BARE, "b", git="https://host/b", tag="v1") == (
        f'{BARE}\n[tool.dxpy.sources]\nb = {{ git = "https://host/b", tag = "v1" }}\n'
    )


def test_a_new_source_is_the_last_line_of_the_table() -> None:
    line = 'd = { path = "libs/d", editable = true }\n'
    assert put(FULL, "d", path="libs/d", editable=True) == FULL.replace("\n\n# theirs", f"\n{line}\n# theirs")


def test_a_source_that_is_there_is_replaced_under_its_own_spelling() -> None:
    assert put(FULL, "c-c", path="x") == FULL.replace('C_c = { index = "one" }', 'C_c = { path = "x" }')
    assert put(FULL, "b", path="x") == FULL.replace('"b" }', '"x" }')


def test_a_file_for_uv_alone_is_written_for_uv() -> None:
    text = f"{BARE}[tool.uv]\nlink-mode = 'copy'\n"
    assert put(text, "b", path="b") == f'{text}\n[tool.uv.sources]\nb = {{ path = "b" }}\n'
    assert index(text, name="i", url="u").endswith('\n[[tool.uv.index]]\nname = "i"\nurl = "u"\n')
    both = f"{text}\n[tool.dxpy]\n"
    assert put(both, "b", path="b") == f'{both}\n[tool.dxpy.sources]\nb = {{ path = "b" }}\n'


@pytest.mark.parametrize(
    "table", ["tool.dxpy.sources = { b = { path = 'b' } }", "tool.dxpy.sources.b.path = 'b'", "tool.dxpy.hints = true"]
)
def test_tables_written_in_other_ways_take_a_source_too(table: str) -> None:
    text = f"{table}\n{BARE}"
    after = put(text, "d", path="d")
    assert tomllib.loads(after)["tool"]["dxpy"]["sources"]["d"] == {"path": "d"}
    assert after.endswith(BARE) or table.endswith("true")
    assert tomllib.loads(drop(after, "d")) == tomllib.loads(text)


def test_dropping_takes_the_line_and_the_empty_table() -> None:
    assert drop(FULL, "b") == FULL.replace('b = { path = "b" }  # beside\n', "")
    assert drop(FULL, "unknown") == FULL
    assert drop(put(BARE, "b", path="b"), "b") == BARE
    empty = drop(FULL, "b", "c-c")
    assert "sources" not in tomllib.loads(empty)["tool"]["dxpy"]
    assert "# theirs" in empty


def test_windows_line_ends_and_a_mark_stay() -> None:
    content = b"\xef\xbb\xbf" + BARE.replace("\n", "\r\n").encode()
    after = put_source(content, ProjectName("b"), {"path": "b"}, file="pyproject.toml")
    assert after == content + b'\r\n[tool.dxpy.sources]\r\nb = { path = "b" }\r\n'


def test_an_index_comes_behind_the_last_and_a_known_name_gets_its_new_address() -> None:
    assert index(FULL, name="two", url="https://two.example") == FULL.replace(
        "# mine\n", '# mine\n\n[[tool.dxpy.index]]\nname = "two"\nurl = "https://two.example"\n'
    )
    assert index(FULL, name="one", url="https://x") == FULL.replace("https://one.example/simple", "https://x")
    assert index(FULL, name="one", url="https://one.example/simple") == FULL
    assert index(BARE, url='https://x/"a"').endswith('[[tool.dxpy.index]]\nurl = "https://x/\\"a\\""\n')


def test_a_version_is_put_into_the_quotes_that_are_there() -> None:
    assert put_version(BARE.encode(), "2.0a1", file="x").decode() == BARE.replace("1.0", "2.0a1")
    assert put_version(FULL.encode(), "2.0", file="x").decode() == FULL.replace("1.0", "2.0")


def test_a_place_that_takes_no_table_is_refused() -> None:
    with pytest.raises(InvalidProject, match="the source of b` cannot be edited where it stands"):
        put(f"tool.dxpy.sources = 3\n{BARE}", "b", path="b")
    with pytest.raises(InvalidProject):
        put(f"tool = 3\n{BARE}", "b", path="b")
