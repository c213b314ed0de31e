"""Projects that Poetry, PDM and Pipenv have locked themselves: after the import the lock has the same versions."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Command
from public_index import require_public_index

from dxpy_async.core.settings import PYPI_SIMPLE_URL
from dxpy_async.engine.locking import read_lock
from dxpy_async.formats.foreign_locks import read_pins

pytestmark = [pytest.mark.network, pytest.mark.slow]

POETRY = f"""\
[tool.poetry]
package-mode = false

[tool.poetry.dependencies]
python = "^3.9"
flask = ">=2.2,<3.0"
requests = {{ version = "^2.28", extras = ["socks"] }}
tomli = {{ version = "^2.0", python = "<3.11" }}
colorama = {{ version = "*", optional = true }}

[tool.poetry.extras]
stats = ["colorama"]

[tool.poetry.group.dev.dependencies]
pytest = "~7.4"

[[tool.poetry.source]]
name = "simple"
url = "{PYPI_SIMPLE_URL}/"
"""
PDM = """\
[project]
name = "shop"
version = "1"
requires-python = ">=3.9"
dependencies = ["flask>=2.2,<3", "requests[socks]>=2.28"]

[project.optional-dependencies]
stats = ["colorama"]

[tool.pdm]
distribution = false

[tool.pdm.dev-dependencies]
test = ["pytest~=7.4"]
"""
PIPFILE = """\
[packages]
flask = "<3"
requests = {version = ">=2.28", extras = ["socks"]}

[dev-packages]
pytest = "~=7.4"
"""


@pytest.mark.parametrize(
    ("packages", "file", "content", "lock"),
    [
        ("poetry", "pyproject.toml", POETRY, "poetry.lock"),
        ("pdm --with hishel<1 --with unearth<0.18", "pyproject.toml", PDM, "pdm.lock"),
        ("pipenv", "Pipfile", PIPFILE, "Pipfile.lock"),
    ],
)
def test_what_a_tool_locked_is_locked_the_same(
    tmp_path: Path, packages: str, file: str, content: str, lock: str
) -> None:
    require_public_index()
    dxpy = Command(tmp_path / "cache", PYPI_SIMPLE_URL)
    root = tmp_path / "shop"
    root.mkdir()
    (root / file).write_text(content)
    tool = {"poetry.lock": "poetry", "pdm.lock": "pdm"}.get(lock, "pipenv")
    home = {"HOME": str(tmp_path / "home"), "PIPENV_VENV_IN_PROJECT": "1", "PDM_CHECK_UPDATE": "0"}
    made = dxpy(f"run --no-project --isolated --with {packages} {tool} lock", root, environ=home, timeout=170)
    assert (root / lock).exists(), made.err
    assert dxpy("import", root, timeout=170).code == 0
    ours = read_lock(root / "dxpy.lock")
    assert ours is not None
    theirs = {pin.name: str(pin.version) for pin in read_pins((root / lock).read_bytes(), file=lock).pins}
    found = {package.name: package.version for package in ours.packages}
    assert {"flask", "requests", "pysocks", "pytest", "click"} <= found.keys()
    assert found == {name: theirs[name] for name in found}
    assert dxpy("lock --check", root).code == 0
