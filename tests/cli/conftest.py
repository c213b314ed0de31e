"""An index and a command for tests that look at dxpy from outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Command, Told
from index_server import LoopbackIndex, running_index
from wheels import build_wheel


@pytest.fixture
def index(tmp_path: Path) -> Iterator[LoopbackIndex]:
    """`web` needs `templates` and `safe`; `tool` has a command; `oldies` is there for another platform only."""
    wheels = tmp_path / "wheels"
    for version in ("1.0", "2.0", "3.0rc1"):
        build_wheel(wheels, "web", version, requires=["templates>=1", "safe"])
    build_wheel(wheels, "templates", "1.5", requires=["safe<2"])
    build_wheel(wheels, "safe", "1.9", files={f"safe/part{number}.py": f"n = {number}\n" for number in range(30)})
    build_wheel(wheels, "safe", "2.0")
    build_wheel(
        wheels,
        "tool",
        "0.1",
        files={"tool.py": "import sys\ndef main():\n    print('tool', *sys.argv[1:])\n    return 7\n"},
        entry_points={"console_scripts": {"tool": "tool:main"}},
    )
    build_wheel(wheels, "oldies", "1.0", tags="cp311-cp311-win_arm64")
    with running_index() as served:
        served.add_directory(wheels)
        yield served


@pytest.fixture
def dxpy(index: LoopbackIndex, tmp_path: Path) -> Command:
    return Command(tmp_path / "cache", index.url)


@pytest.fixture
def told(dxpy: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    return Told(dxpy, monkeypatch, capsys)
