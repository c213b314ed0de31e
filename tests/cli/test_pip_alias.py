"""What was written for pip, run unchanged while `pip` is an alias of `dxpy pip`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command import PYTHON, Command
from index_server import LoopbackIndex
from wheels import build_wheel

from dxpy_async.python.environments import create_environment
from dxpy_async.python.probing import probe

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="the scripts are for POSIX shells")]

ALIAS = f"alias pip='{sys.executable} -m dxpy_async pip'\n"

DOCKERFILE = """\
FROM python:3.11-slim
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --upgrade pip && \\
    pip install --no-cache-dir -r requirements.txt
RUN pip list --format=freeze | grep -q '^web==1.0$'
"""

WORKFLOW = """\
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - name: Environment
        run: python -m venv .venv
      - name: Tests
        run: |
          source .venv/bin/activate
          pip install -U pip
          pip install --quiet -r requirements.txt
          pip freeze | tee frozen.txt
          pip check
          pytest -q
"""

CHECKER = """\
import pathlib, runpy
def main():
    for file in pathlib.Path().glob("test_*.py"):
        names = runpy.run_path(str(file))
        for name in [name for name in names if name.startswith("test_")]:
            names[name]()
            print(file, name, "passed")
"""


@pytest.fixture
def environ(dxpy: Command, index: LoopbackIndex, tmp_path: Path) -> dict[str, str]:
    """Those of a machine whose Python is `python`, with this index instead of the public one."""
    build = tmp_path / "build"
    index.add_wheel(build_wheel(build, "pip", "99.0"))
    console = {"console_scripts": {"pytest": "pytest:main"}}
    index.add_wheel(build_wheel(build, "pytest", "1.0", files={"pytest.py": CHECKER}, entry_points=console))
    return {**dxpy.environ, "PATH": f"{os.path.dirname(PYTHON)}:{os.environ['PATH']}", "PIP_INDEX_URL": index.url}


def run(command: list[str], cwd: Path, environ: dict[str, str]) -> str:
    ended = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_the_run_lines_of_a_dockerfile(environ: dict[str, str], tmp_path: Path) -> None:
    machine = create_environment(tmp_path / "machine", probe(Path(PYTHON), cache_dir=tmp_path / "cache"))
    app = tmp_path / "app"
    app.mkdir()
    (app / "requirements.txt").write_text("# pinned\nweb==1.0 \\\n  ; python_version >= '3.8'\ntool\n")
    joined = DOCKERFILE.replace("\\\n", " ")
    variables = dict(re.findall(r"(PIP_\w+)=(\S+)", joined))
    path = f"{machine.scheme.scripts}:{environ['PATH']}"
    out = ""
    for line in re.findall(r"^RUN (.*)$", joined, re.MULTILINE):
        out += run(["sh", "-c", f"{ALIAS}{line}"], app, {**environ, **variables, "PATH": path})
    assert out.splitlines() == [
        "Successfully installed pip-99.0",
        "Successfully installed safe-1.9 templates-1.5 tool-0.1 web-1.0",
    ]


def test_the_steps_of_a_workflow(environ: dict[str, str], tmp_path: Path) -> None:
    root = tmp_path / "checkout"
    root.mkdir()
    (root / "requirements.txt").write_text("web<2\npytest\n")
    (root / "test_it.py").write_text("import web, safe\ndef test_it():\n    assert web.__name__ == 'web'\n")
    (tmp_path / "aliases").write_text(f"shopt -s expand_aliases\n{ALIAS}")
    said = ""
    for step in re.findall(r"run: (?:\|\n((?: {10}.*\n)+)|(.*)\n)", WORKFLOW):
        script = re.sub(r"^ {10}", "", "".join(step), flags=re.MULTILINE)
        (tmp_path / "step.sh").write_text(script)
        said += run(
            ["bash", "-eo", "pipefail", str(tmp_path / "step.sh")],
            root,
            {**environ, "BASH_ENV": str(tmp_path / "aliases")},
        )
    assert (root / "frozen.txt").read_text() == "pytest==1.0\nsafe==1.9\ntemplates==1.5\nweb==1.0\n"
    assert "No broken requirements found.\n" in said
    assert said.endswith("test_it.py test_it passed\n")


def test_tox_with_an_install_command(environ: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("tox")
    (tmp_path / "limits.txt").write_text("web<2\n")
    (tmp_path / "tox.ini").write_text(
        "[tox]\nenvlist = unit\n"
        "[testenv]\nskip_install = true\n"
        f"install_command = {sys.executable} -m dxpy_async pip install {{opts}} {{packages}}\n"
        f"allowlist_externals = {sys.executable}\n"
        "pass_env = DXPY_*\n"
        "deps =\n    -c limits.txt\n    web\n    tool\n"
        "commands = python -c 'import web, safe'\n    tool hello\n"
        "ignore_errors = true\n"
    )
    command = [sys.executable, "-m", "tox", "-q", "--workdir", str(tmp_path / "work"), "run", "-e", "unit"]
    ended = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert "tool hello\n" in ended.stdout, ended.stdout + ended.stderr
    assert "FAIL code 7" in ended.stdout, "the tool ends with that"
    site = next((tmp_path / "work/unit").rglob("site-packages"))
    assert {"web-1.0.dist-info", "safe-1.9.dist-info"} <= {path.name for path in site.iterdir()}
