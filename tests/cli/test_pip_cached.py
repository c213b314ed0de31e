"""`dxpy pip install` out of the cache alone: what the engine would do, and nobody is asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command import PYTHON, Command, Result, Told
from index_server import LoopbackIndex
from test_imports_of_paths import heavy, modules_after
from wheels import sha256_of

from dxpy_async.python.environments import create_environment
from dxpy_async.python.probing import probe

Install = Callable[..., Result]


@pytest.fixture
def install(dxpy: Command, told: Told, index: LoopbackIndex, tmp_path: Path) -> Install:
    """`dxpy pip install` into a named environment, the cache knowing all that the index can tell."""
    machine = probe(Path(PYTHON), cache_dir=tmp_path / "cache")

    def install(name: str, arguments: str, **environ: str) -> Result:
        root = tmp_path / name
        if not root.exists():
            create_environment(root, machine)
        dxpy.environ |= {"VIRTUAL_ENV": str(root), **environ}
        return told(f"pip {arguments}", tmp_path)

    assert install("first", "install web tool").code == 0
    index.requests.clear()
    return install


def test_an_environment_is_filled_and_nobody_is_asked(install: Install, index: LoopbackIndex) -> None:
    result = install("env", "install web tool")
    assert result.out == "Successfully installed safe-1.9 templates-1.5 tool-0.1 web-2.0\n"
    assert index.requests == []
    assert install("env", "freeze").out == install("first", "freeze").out
    assert install("env", "check").code == 0


def test_it_loads_no_event_loop_and_no_network(dxpy: Command, install: Install, tmp_path: Path) -> None:
    assert install("env", "install tool").code == 0  # which leaves the interpreter's facts in the cache
    modules = modules_after(dxpy, ["pip", "install", "web"], tmp_path)
    assert "dxpy_async.engine.cached_installing" in modules
    assert not heavy(modules, "asyncio", "aiohttp", "anyio", "ssl", "rich", "numba", "numpy")


def test_what_is_installed_and_fits_stays(install: Install, index: LoopbackIndex) -> None:
    assert install("env", "install web<2").code == 0
    index.requests.clear()
    assert install("env", "install web tool").out.splitlines()[1:] == ["Successfully installed tool-0.1"]
    assert install("env", "freeze").out.splitlines()[-1] == "web==1.0"
    assert install("env", "install -U web").out == "Successfully installed web-2.0\n"
    assert index.requests == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "what",
    ["web", "web --no-deps", "--pre web", "--force-reinstall web", "-c limits.txt web", "--require-hashes -r pins.txt"],
)
def test_flags_mean_what_they_mean_to_the_engine(
    install: Install, index: LoopbackIndex, tmp_path: Path, what: str
) -> None:
    (tmp_path / "limits.txt").write_text("web<2\n")
    pins = {"safe": "1.9", "templates": "1.5", "web": "1.0"}
    wheels = {name: tmp_path / f"wheels/{name}-{version}-py3-none-any.whl" for name, version in pins.items()}
    lines = [f"{name}=={pins[name]} --hash=sha256:{sha256_of(wheel)}\n" for name, wheel in wheels.items()]
    (tmp_path / "pins.txt").write_text("".join(lines))
    (tmp_path / "nothing").mkdir()
    engine = install("a", f"install {what} --report a.json -f nothing")  # a directory, which the engine reads
    index.requests.clear()
    cached = install("b", f"install {what} --report b.json")
    assert (cached.code, index.requests) == (0, [])
    assert cached == Result(0, engine.out, cached.err)
    assert _installed(tmp_path / "b.json") == _installed(tmp_path / "a.json") != []


def test_what_is_asked_for_in_vain_is_said_as_the_engine_says_it(install: Install) -> None:
    said = [install("env", f"install web>9 {more}") for more in ("", "-f .")]
    assert said[0] == said[1]
    assert said[0].code == 1


def test_hashes_that_are_not_right_leave_the_environment_as_it_was(install: Install, tmp_path: Path) -> None:
    (tmp_path / "pins.txt").write_text(f"tool==0.1 --hash=sha256:{'0' * 64}\n")
    assert install("env", "install -r pins.txt").code == 1
    assert install("env", "freeze").out == ""


def test_a_dry_run_says_what_would_be_installed(install: Install) -> None:
    assert install("env", "install --dry-run tool").out == "Would install tool-0.1\n"
    assert install("env", "freeze").out == ""


def test_a_wheel_that_the_store_lost_is_fetched_again(install: Install, index: LoopbackIndex, tmp_path: Path) -> None:
    for kept in (tmp_path / "cache/packages-v1", tmp_path / "cache/aliases-v1"):
        kept.rename(tmp_path / f"gone-{kept.name}")
    assert install("env", "install tool").out == "Successfully installed tool-0.1\n"
    assert [seen.path for seen in index.requests] == ["/files/tool-0.1-py3-none-any.whl"]


def _installed(report: Path) -> list[object]:
    return [(each["metadata"]["version"], each["requested"]) for each in json.loads(report.read_text())["install"]]
