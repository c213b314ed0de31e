"""`dxpy tree`: all that is printed, in each form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import Command, write_project
from index_server import LoopbackIndex
from wheels import build_wheel

MORE = """
[project.optional-dependencies]
pages = ["templates"]
[dependency-groups]
dev = ["tool", "safe"]
docs = ["web; sys_platform == 'nowhere'"]
"""


@pytest.fixture
def project(dxpy: Command, tmp_path: Path) -> Path:
    root = write_project(tmp_path / "p", "web<3", more=MORE)
    assert dxpy("lock", root).code == 0
    return root


WHOLE = """\
webapp v0.1
├── web v2.0
│   ├── safe v1.9
│   └── templates v1.5
│       └── safe v1.9
├── templates v1.5 (extra: pages) (*)
├── safe v1.9 (group: dev)
└── tool v0.1 (group: dev)
(*) what it needs is shown above
"""


def test_the_whole_tree_comes_from_the_lock(dxpy: Command, project: Path, index: LoopbackIndex) -> None:
    asked = len(index.requests)
    result = dxpy("tree", project)
    assert result.out == WHOLE
    assert result.err.startswith("Resolved 4 packages in ")
    assert dxpy("tree --frozen", project).err == ""
    assert len(index.requests) == asked


def test_groups_and_extras_can_be_chosen(dxpy: Command, project: Path) -> None:
    assert dxpy("tree --no-dev --extra pages --depth 1", project).out == (
        "webapp v0.1\n├── web v2.0\n└── templates v1.5 (extra: pages)\n"
    )
    result = dxpy("tree --group dcos", project)
    assert result.code == 2
    assert "did you mean `docs`" in result.err


def test_upside_down_it_tells_who_requires_a_package(dxpy: Command, project: Path) -> None:
    assert dxpy("tree --invert --package safe", project).out == (
        "safe v1.9\n"
        "├── templates v1.5\n"
        "│   ├── web v2.0\n"
        "│   │   └── webapp v0.1\n"
        "│   └── webapp v0.1 (extra: pages)\n"
        "├── web v2.0 (*)\n"
        "└── webapp v0.1 (group: dev)\n"
        "(*) what it needs is shown above\n"
    )
    assert dxpy("tree --invert --depth 0", project).out == "safe v1.9\ntool v0.1\n"


def test_it_can_begin_elsewhere_leave_out_and_repeat(dxpy: Command, project: Path) -> None:
    assert dxpy("tree --package templates --package tool", project).out == (
        "templates v1.5\n└── safe v1.9\ntool v0.1\n"
    )
    assert dxpy("tree --prune templates --no-dev", project).out == "webapp v0.1\n└── web v2.0\n    └── safe v1.9\n"
    repeated = dxpy("tree --no-dedupe --no-dev", project).out
    assert repeated.endswith("└── templates v1.5 (extra: pages)\n    └── safe v1.9\n")
    assert "(*)" not in repeated


def test_newer_versions_and_sizes_are_told(dxpy: Command, project: Path, index: LoopbackIndex, tmp_path: Path) -> None:
    result = dxpy("tree --outdated --no-dev --depth 1", project)
    assert result.out == "webapp v0.1\n├── web v2.0\n└── templates v1.5 (extra: pages)\n"
    build_wheel(tmp_path / "more", "web", "2.5")
    build_wheel(tmp_path / "more", "web", "4.0rc1")
    index.add_directory(tmp_path / "more")
    result = dxpy("tree --outdated --no-dev --depth 1 --frozen --refresh --show-sizes", project)
    size = (tmp_path / "wheels/web-2.0-py3-none-any.whl").stat().st_size
    assert f"├── web v2.0 ({size} B) (latest: v2.5)\n" in result.out


def test_circles_come_to_an_end(dxpy: Command, tmp_path: Path) -> None:
    build_wheel(tmp_path / "links", "ring", "1", requires=["back"])
    build_wheel(tmp_path / "links", "back", "1", requires=["ring[more]", "tool; extra == 'x'"])
    root = write_project(tmp_path / "p", "ring", more='[tool.dxpy]\nfind-links = ["../links"]\n')
    for flags in ("", " --no-dedupe"):
        result = dxpy(f"tree{flags}", root)
        assert result.code == 0
        assert result.out == (
            "webapp v0.1\n└── ring v1\n    └── back v1\n        └── ring[more] v1\n            └── back v1 (*)\n"
            "(*) what it needs is shown above\n"
        )


def test_json_has_each_package_once(dxpy: Command, project: Path) -> None:
    said = json.loads(dxpy("tree --format json --show-sizes --depth 2", project).out)
    assert (said["schema"], [each["id"] for each in said["projects"]]) == ("dxpy/tree/1", ["webapp==0.1"])
    assert said["projects"][0]["dependencies"] == [
        {"id": "safe==1.9", "requirement": "safe", "group": "dev"},
        {"id": "templates==1.5", "requirement": "templates", "extra": "pages"},
        {"id": "tool==0.1", "requirement": "tool", "group": "dev"},
        {"id": "web==2.0", "requirement": "web<3"},
    ]
    packages = {each["name"]: each for each in said["packages"]}
    assert sorted(packages) == ["safe", "templates", "tool", "web"]
    web = packages["web"]
    assert web["dependencies"] == [
        {"id": "safe==1.9", "requirement": "safe"},
        {"id": "templates==1.5", "requirement": "templates>=1"},
    ]
    assert web["source"]["kind"] == "index"
    assert web["size"] > 0


def test_graphs_can_be_drawn(dxpy: Command, project: Path) -> None:
    assert dxpy("tree --format mermaid --no-dev --prune safe", project).out == (
        "flowchart TD\n"
        '    n0["webapp v0.1"]\n'
        '    n1["web v2.0"]\n'
        '    n2["templates v1.5"]\n'
        "    n0 --> n1\n"
        "    n1 --> n2\n"
        '    n0 -->|"extra pages"| n2\n'
    )
    assert dxpy("tree --format dot --no-dev --prune safe", project).out == (
        "digraph dependencies {\n"
        "    node [shape=box];\n"
        '    "webapp==0.1" [label="webapp v0.1"];\n'
        '    "web==2.0" [label="web v2.0"];\n'
        '    "templates==1.5" [label="templates v1.5"];\n'
        '    "webapp==0.1" -> "web==2.0";\n'
        '    "web==2.0" -> "templates==1.5";\n'
        '    "webapp==0.1" -> "templates==1.5" [label="extra pages"];\n'
        "}\n"
    )


def test_a_terminal_without_lines_gets_plain_ones(dxpy: Command, project: Path) -> None:
    result = dxpy("tree --no-dev --prune safe", project, environ={"PYTHONIOENCODING": "ascii"})
    assert result.out == ("webapp v0.1\n|-- web v2.0\n|   `-- templates v1.5\n`-- templates v1.5 (extra: pages)\n")


def test_a_lock_that_is_missing_or_stale_is_made_unless_it_must_not_be(dxpy: Command, project: Path) -> None:
    lock = project / "dxpy.lock"
    lock.unlink()
    result = dxpy("tree --frozen", project)
    assert (result.code, result.out) == (1, "")
    assert f"error: there is no lock at `{lock}`" in result.err
    assert dxpy("tree --locked", project).code == 1
    assert not lock.exists()
    assert dxpy("tree", project).out == WHOLE
    assert lock.exists()
    write_project(project, "tool")
    assert "does not match the project" in dxpy("tree --locked", project).err
    assert dxpy("tree --frozen --depth 0", project).code == 0
    assert dxpy("tree", project).out == "webapp v0.1\n└── tool v0.1\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("tree --package wbe", "hint: did you mean `web`?"),
        ("tree --package nosuchthing", "`nosuchthing` is not in the lock"),
        ("tree --depth -1", "--depth is the number of levels"),
        ("tree --depth x", "invalid int value"),
        ("tree --format yaml", "--format: not `yaml`"),
    ],
)
def test_mistakes_are_told(dxpy: Command, project: Path, words: str, said: str) -> None:
    result = dxpy(words, project)
    assert result.code
    assert said in result.err
    assert result.out == ""


def test_no_project_is_told(dxpy: Command, tmp_path: Path) -> None:
    result = dxpy("tree", tmp_path)
    assert result.code == 2
    assert "no pyproject.toml in" in result.err
