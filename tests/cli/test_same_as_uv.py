"""On the same project `dxpy sync` and `uv sync` end with the same distributions, where uv is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from command import PYTHON, UV, Command, clean_environ
from index_server import LoopbackIndex
from trees import BUILD_SYSTEM, write_tree
from wheels import build_wheel

pytestmark = [pytest.mark.slow, pytest.mark.skipif(UV is None, reason="uv is not installed")]

PROJECT = """
[project]
name = "app"
version = "1"
requires-python = ">=3.11"
dependencies = ["web"]

[project.optional-dependencies]
fast = ["tool"]
slow = ["extra-one"]
all = ["app[fast,slow]"]

[dependency-groups]
dev = [{ include-group = "test" }, "group-dev"]
test = ["group-test"]
docs = ["group-docs"]
"""
MEMBER = '[project]\nname = "{0}"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = [{1}]\n{2}'


@pytest.fixture
def wheels(index: LoopbackIndex, tmp_path: Path) -> Path:
    directory = tmp_path / "more"
    for name in ("extra-one", "group-dev", "group-test", "group-docs"):
        build_wheel(directory, name, "1.0")
    build_wheel(directory, "direct", "0.5", requires=["tool"])
    index.add_directory(directory)
    return directory


@pytest.fixture
def uv(index: LoopbackIndex, tmp_path: Path) -> dict[str, str]:
    """The surroundings of uv: an index, a cache, and a Python of its own."""
    return clean_environ(
        UV_CACHE_DIR=str(tmp_path / "uv-cache"),
        UV_DEFAULT_INDEX=index.url,
        UV_PYTHON=PYTHON,
        UV_PYTHON_DOWNLOADS="never",
        XDG_CONFIG_HOME=str(tmp_path / "none"),
        XDG_CONFIG_DIRS=str(tmp_path / "none"),
    )


def installed(root: Path) -> list[str]:
    site = next((root / ".venv/lib").glob("python3*/site-packages"))
    return sorted(each.name.lower().replace("-", "_") for each in site.glob("*.dist-info"))


def both(dxpy: Command, uv: dict[str, str], root: Path, flags: str, where: str = ".") -> tuple[list[str], list[str]]:
    """What dxpy installs, and what uv does, in copies of the project in `root`."""
    other = root.parent / "of-uv" / root.name
    shutil.copytree(root, other)
    ended = dxpy(f"sync {flags}".strip(), root / where)
    assert ended.code == 0, ended.err
    assert UV is not None
    ran = subprocess.run(
        [UV, "sync", *flags.split()], cwd=other / where, env=uv, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return installed(root), installed(other)


@pytest.mark.parametrize(
    "flags",
    [
        "",
        "--no-dev",
        "--group docs",
        "--only-group docs",
        "--only-dev",
        "--all-groups --no-group test",
        "--no-default-groups --group test",
        "--extra fast",
        "--extra all --no-dev",
        "--all-extras --no-extra fast --no-install-package safe",
    ],
)
def test_groups_and_extras(dxpy: Command, uv: dict[str, str], wheels: Path, tmp_path: Path, flags: str) -> None:
    root = tmp_path / "app"
    root.mkdir()
    (root / "pyproject.toml").write_text(PROJECT)
    ours, theirs = both(dxpy, uv, root, flags)
    assert ours == theirs


def test_sources(dxpy: Command, uv: dict[str, str], wheels: Path, index: LoopbackIndex, tmp_path: Path) -> None:
    root = tmp_path / "app"
    (root / "dist").mkdir(parents=True)
    shutil.copy(wheels / "extra_one-1.0-py3-none-any.whl", root / "dist")
    url = f"{index.url.removesuffix('/simple')}/files/direct-0.5-py3-none-any.whl"
    sources = f"""
    [tool.uv.sources]
    direct = {{ url = "{url}", marker = "sys_platform == 'linux'" }}
    extra-one = {{ path = "dist/extra_one-1.0-py3-none-any.whl" }}
    """
    (root / "pyproject.toml").write_text(MEMBER.format("app", '"direct", "extra-one>=0.1", "web"', sources))
    ours, theirs = both(dxpy, uv, root, "")
    assert ours == theirs


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "w"
    for name, requires, more in (
        ("alpha", '"web"', ""),
        (
            "beta",
            '"tool"',
            '[dependency-groups]\ndev = ["group-dev"]\n[project.optional-dependencies]\nmore = ["direct"]\n',
        ),
        ("gamma", "", '[dependency-groups]\ndocs = ["group-docs"]\n'),
    ):
        (root / "packages" / name).mkdir(parents=True)
        (root / "packages" / name / "pyproject.toml").write_text(MEMBER.format(name, requires, more))
    (root / "pyproject.toml").write_text(
        '[tool.uv.workspace]\nmembers = ["packages/*"]\n[dependency-groups]\ntest = ["group-test"]\n'
    )
    return root


@pytest.mark.parametrize(
    ("flags", "where"),
    [
        ("", "."),
        ("--group test", "."),
        ("--all-packages --all-groups", "."),
        ("--package beta --extra more", "."),
        ("", "packages/beta"),
        ("--all-packages", "packages/alpha"),
        ("--package beta --only-dev", "packages/alpha"),
    ],
)
def test_workspaces(dxpy: Command, uv: dict[str, str], wheels: Path, workspace: Path, flags: str, where: str) -> None:
    ours, theirs = both(dxpy, uv, workspace, flags, where)
    assert ours == theirs


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """Members that are installed: `site` needs `core`, `app` both and `web`; `notes`, which needs `tool`, is none."""
    root = tmp_path / "w"

    def write(place: str, name: str, requires: str, more: str) -> None:
        text = MEMBER.format(name, requires, f"{more}\n{BUILD_SYSTEM}" if name != "notes" else more)
        listed = f"REQUIRES = [{requires}]\nVERSION = '1'\n"
        write_tree(root / place, listed, pyproject=text, name=name)

    inside = "[tool.uv.sources]\ncore = { workspace = true }\n"
    write(".", "site", '"core"', f'{inside}[tool.uv.workspace]\nmembers = ["packages/*"]\n')
    write("packages/core", "core", '"safe<2"', '[dependency-groups]\ndev = ["group-dev"]\n')
    write("packages/app", "app", '"core", "site", "web"', f"{inside}site = {{ workspace = true }}\n")
    write("packages/notes", "notes", '"tool"', "")
    return root


@pytest.mark.parametrize(
    ("flags", "where"),
    [
        ("", "."),
        ("", "packages/app"),
        ("", "packages/notes"),
        ("--all-packages", "packages/core"),
        ("--package core --no-dev", "."),
        ("--no-install-project", "packages/app"),
        ("--no-install-workspace", "packages/app"),
        ("--only-dev", "packages/core"),
    ],
)
def test_workspaces_of_packages(
    dxpy: Command, uv: dict[str, str], wheels: Path, packages: Path, flags: str, where: str
) -> None:
    ours, theirs = both(dxpy, uv, packages, flags, where)
    assert ours == theirs
