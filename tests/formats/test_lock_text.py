"""A lock as text: everything is in it, a fact a line, and nothing can be taken for what it is not."""

from __future__ import annotations

from dataclasses import replace

from locks import package, wheel

from dxpy_async.core.locks import Lock, LockedFile, LockedRoots, Source, SourceKind
from dxpy_async.core.names import ExtraName, GroupName, ProjectName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.formats.lock_text import describe_lock

LOCK = Lock(
    project="webapp",
    requires_python=">=3.11",
    roots=LockedRoots(
        requirements=(Requirement(ProjectName("flask"), (ExtraName("async"),), ">=3"),),
        optional={ExtraName("none"): ()},
        groups={GroupName("dev"): (Requirement(ProjectName("tool")),)},
    ),
    environment={"sys_platform": "linux", "python_version": "3.11"},
    settings={"index-url": "https://i.example.org/simple"},
    packages=(
        replace(
            package("flask", "3.0.0", Requirement(ProjectName("tool"), marker='extra == "async"')),
            extras=(ExtraName("async"),),
        ),
        replace(
            package("tool", "1.0", wheels=()),
            requires_python="",
            source=Source(SourceKind.DIRECTORY, "file:///wheels"),
            sdist=LockedFile(filename="tool-1.0.tar.gz", url="file:///wheels/tool-1.0.tar.gz"),
        ),
    ),
    resolved_at=1_700_000_000_000_001,
)

FLASK = f"""\
flask 3.0.0
  from index https://i.example.org/simple
  requires-python: >=3.8
  extras: async
  needs tool; extra == "async"
  wheel flask-3.0.0-py3-none-any.whl sha256:{2:064x} 1000 bytes of 2023-11-14T22:13:20.000001Z \
in https://files.example.org/packages/00/00/{1:060x}/
"""

WHOLE = f"""\
dxpy lock
project: webapp
requires-python: >=3.11
as of: 2023-11-14T22:13:20.000001Z
made where python_version = 3.11
made where sys_platform = linux
made with index-url = https://i.example.org/simple
needs flask[async]>=3
extra none needs nothing
group dev needs tool

{FLASK}
tool 1.0
  from directory file:///wheels
  sdist tool-1.0.tar.gz in file:///wheels/
"""


def test_a_lock_is_told_whole() -> None:
    assert describe_lock(LOCK) == WHOLE


def test_one_project_is_told_alone() -> None:
    assert describe_lock(LOCK, only="flask") == FLASK
    assert describe_lock(LOCK, only="absent") == ""


def test_a_value_cannot_pretend_to_be_a_line() -> None:
    evil = replace(wheel("a", "1"), url="https://x/\n    sha256:00\x1b[2J", upload_time=2**62)
    text = describe_lock(Lock(packages=(package("a", "1", wheels=(evil,)),)))
    assert text.endswith(f" of {2**62} microseconds since 1970 at https://x/\\n    sha256:00\\x1b[2J\n")
