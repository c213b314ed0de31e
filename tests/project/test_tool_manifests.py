"""Lists of tools: written, read, and refused with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dxpy_async.core.names import ProjectName
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.errors import InvalidToolFile
from dxpy_async.project.tool_manifests import ToolManifest, read_manifest, write_manifest
from dxpy_async.project.tool_receipts import ToolSpec

FILE = Path("/t/tools.toml")


def test_a_list_is_a_tool_a_line() -> None:
    manifest = ToolManifest(
        (
            ToolSpec(
                requirement=parse_requirement("black[d]>=24,<25"),
                besides=(parse_requirement("rich>=13"),),
                commands_from=(ProjectName("pip"),),
                python="3.12",
                options={"prerelease": "allow"},
            ),
            ToolSpec(requirement=parse_requirement("httpie")),
            ToolSpec(requirement=parse_requirement("own @ git+https://host/own@v1")),
            ToolSpec(requirement=parse_requirement("ruff==0.6.0")),
        )
    )
    content = write_manifest(manifest)
    assert content.decode() == (
        "# `dxpy tool sync FILE` installs these tools.\n\n"
        "[tools]\n"
        'black = { version = "<25,>=24", extras = ["d"], with = ["rich>=13"], with-executables-from = ["pip"], '
        'python = "3.12", options = { prerelease = "allow" } }\n'
        'httpie = "*"\n'
        'own = { url = "git+https://host/own@v1" }\n'
        'ruff = "==0.6.0"\n'
    )
    assert read_manifest(content, FILE) == manifest


def test_names_are_normalised_and_sorted_and_tables_may_be_long() -> None:
    text = '[tools]\nZed_Tool = {}\n[tools.a]\nversion = ">=1"\nwith = ["b"]\n'
    assert [str(spec.requirement) for spec in read_manifest(text.encode(), FILE).tools] == ["a>=1", "zed-tool"]


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("", "`/t/tools.toml` cannot be used: it has no table `[tools]`", ""),
        ('[tools]\n"a b" = "*"\n', "`/t/tools.toml:2` cannot be used: `a b` is not the name of a package", ""),
        ('[tools]\na = "*"\nb = 3\n', "`/t/tools.toml:3` cannot be used: `tools.b` must be a string or a table", ""),
        ('[tools]\na = "*"\nA = "*"\n', "`/t/tools.toml:3` cannot be used: it has `a` twice", ""),
        ('[tools]\na = "1.2"\n', "`/t/tools.toml:2` cannot be used: `tools.a` is `1.2`", "write `==1.2`"),
        ('[tools]\na = "newest"\n', "`tools.a` is `newest`", "a version is like `==1.2`, `>=1,<2` or `*`"),
        ('[tools]\na = "==1.x.y"\n', "`a==1.x.y` is not a requirement", ""),
        ('[tools]\na = { vrsion = "*" }\n', "`tools.a` has no key `vrsion`", "did you mean `version`?"),
        ('[tools]\na = { version = "*", url = "x" }\n', "`tools.a` has both a version and a url", ""),
        ('[tools]\na = { with = "b" }\n', "`tools.a.with` must be an array of strings, not a string", ""),
    ],
)
def test_a_list_with_a_mistake_is_refused(text: str, said: str, hint: str) -> None:
    with pytest.raises(InvalidToolFile) as caught:
        read_manifest(text.encode(), FILE)
    assert said in str(caught.value)
    assert hint in " ".join(caught.value.hints())
