"""`dxpy python` as a person uses it, with a mirror that has a real build."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import PYTHON, Command, Result, Told, write_project
from python_mirror import MirrorFiles, archive_name, machine_triple, make_archive, served, version_of
from real_pythons import real_interpreter

MACHINE = f"linux-{os.uname().machine}-gnu"


@pytest.fixture(scope="module")
def build() -> tuple[str, bytes]:
    """The version and the archive of a build."""
    python = real_interpreter("3.12")
    if python is None:
        pytest.skip("there is no Python 3.12 on this machine")
    return version_of(python), make_archive(python)


class Pythons:
    """`dxpy python` with a mirror and a user of its own."""

    def __init__(self, dxpy: Command, home: Path, mirror: MirrorFiles) -> None:
        self.dxpy, self.home, self.mirror = dxpy, home, mirror
        self.environ = {
            "HOME": str(home),
            "DXPY_PYTHON": "",
            "XDG_DATA_HOME": "",
            "XDG_CONFIG_HOME": "",
            "PATH": f"{home}/.local/bin:/usr/bin:/bin",
            "DXPY_PYTHON_INSTALL_MIRROR": mirror.root.as_uri(),
        }
        self.directory = home / ".local/share/dxpy/python"

    def __call__(self, words: str | list[str], cwd: Path | None = None, **environ: str) -> Result:
        return self.dxpy(words, cwd or self.home, environ={**self.environ, **environ})

    def names(self) -> list[str]:
        return sorted(path.name for path in self.directory.iterdir() if not path.name.startswith("."))


@pytest.fixture
def pythons(dxpy: Command, tmp_path: Path) -> Pythons:
    home = tmp_path / "home"
    home.mkdir()
    return Pythons(dxpy, home, MirrorFiles(tmp_path / "mirror"))


@pytest.fixture
def stocked(pythons: Pythons, build: tuple[str, bytes]) -> Pythons:
    """Its mirror has a build of 3.12, and damaged ones of other versions."""
    version, archive = build
    pythons.mirror.add_file("20240107", archive_name(version, "20240107"), archive)
    pythons.mirror.add("20240107", v3_10_13=b"this is no archive", v3_13_0rc1=b"nor is this")
    pythons.mirror.add("20231002", v3_11_6=b"nor this")
    pythons.mirror.latest("20240107")
    return pythons


def without_noise(text: str, pythons: Pythons) -> str:
    timeless = re.sub(r"in [\d.]+m?s", "in T", text)
    return timeless.replace(str(pythons.home), "~").replace(pythons.mirror.root.as_uri(), "MIRROR")


def test_a_python_that_is_asked_for_is_found_though_the_project_wants_another(told: Told, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "p"\nversion = "1"\nrequires-python = ">=99"\n')
    result = told(f"python find {PYTHON}", tmp_path)
    version = ".".join(map(str, sys.version_info[:3]))
    said = f"warning: Python {version} is not what the project requires, `>=99`\n"
    assert (result.code, result.out, result.err) == (0, f"{PYTHON}\n", said)


def test_python_is_installed_used_and_removed(stocked: Pythons, build: tuple[str, bytes]) -> None:
    name = f"cpython-{build[0]}-{MACHINE}"
    with served(stocked.mirror.root) as url:
        first = stocked("python install 3.12", DXPY_PYTHON_INSTALL_MIRROR=url)
    assert (first.code, without_noise(first.err, stocked)) == (0, f"Installed {name} in T\n")
    assert stocked("python install 3.12").err == f"{name} is installed already\n"

    root = stocked.directory / name
    found = stocked("python find 3.12")
    assert found.out == f"{root}/bin/python3.12\n"
    assert os.readlink(stocked.home / ".local/bin/python3.12") == f"{root}/bin/python"
    code = "import sys, sysconfig; print(sys.prefix, *map(sysconfig.get_config_var, ['PROBE', 'PROBE_CC']), sep='\\n')"
    said = subprocess.check_output([stocked.home / ".local/bin/python3.12", "-c", code], text=True).splitlines()
    assert said == [str(root), f"-I{root}/include", "cc -pthread"]
    assert (root / "lib/python3.12/EXTERNALLY-MANAGED").read_text().startswith("[externally-managed]\nError=")

    project = write_project(stocked.home / "p", "tool")
    assert stocked("venv -p 3.12", project).code == 0
    ran = stocked(["run", "python", "-c", "import sys, tool; print(sys.base_prefix)"], project)
    assert (ran.code, ran.out) == (0, f"{root}\n")

    assert stocked(f"python uninstall {name}").err == f"Uninstalled {name}\n"
    assert (stocked.names(), list((stocked.home / ".local/bin").iterdir())) == ([], [])
    broken = stocked(["venv"], project)
    assert broken.code == 2
    assert broken.err.splitlines()[1:] == [
        f"error: the environment `{project}/.venv` does not work: its interpreter `{root}/bin/python3.12` is gone",
        "",
        "hint: make it again with `dxpy venv --clear`",
    ]


def test_python_that_no_interpreter_is_comes_by_itself_when_a_mirror_is_set(
    stocked: Pythons, build: tuple[str, bytes]
) -> None:
    project = write_project(stocked.home / "p", "tool")
    (project / ".python-version").write_text(f"{build[0]}\n")
    nowhere = {"PATH": "/nowhere", "DXPY_PYTHON_PREFERENCE": "only-managed"}
    refused = stocked("sync --no-python-downloads", project, **nowhere)
    assert refused.code == 2
    assert "found no Python" in refused.err
    synced = stocked("sync", project, **nowhere)
    assert synced.code == 0, synced.err
    assert f"Installed cpython-{build[0]}-{MACHINE} in" in synced.err
    assert stocked.names() == [f"cpython-{build[0]}-{MACHINE}"]
    assert not (stocked.home / ".local/bin").exists()


def test_list_tells_what_is_there_and_what_could_be(stocked: Pythons, build: tuple[str, bytes]) -> None:
    name = f"cpython-{build[0]}-{MACHINE}"
    newest = f"cpython-3.13.0rc1-{MACHINE}"
    assert stocked("python list --only-downloads").out.splitlines() == [
        f"{key:{len(newest)}}  <can be installed>" for key in (newest, name, f"cpython-3.10.13-{MACHINE}")
    ]
    everything = stocked("python list --only-downloads --all-versions --output-format json")
    versions = [row["version"] for row in json.loads(everything.out)["pythons"]]
    assert versions == ["3.13.0rc1", build[0], "3.11.6", "3.10.13"]
    assert stocked("python install 3.12 --no-bin").code == 0
    listed = json.loads(stocked(f"python list {build[0]} --only-installed --output-format json").out)["pythons"]
    own = next(row for row in listed if row["path"].startswith(str(stocked.directory)))
    assert (own["key"], own["implementation"], own["variant"]) == (name, "cpython", "default")
    assert not (stocked.home / ".local/bin").exists()


def test_mirror_that_is_down_leaves_the_list_of_what_is_there(stocked: Pythons) -> None:
    listed = stocked("python list 3", DXPY_PYTHON_INSTALL_MIRROR="http://127.0.0.1:9", DXPY_HTTP_RETRIES="0")
    assert listed.code == 0
    assert listed.err.startswith("warning: the mirror of Python builds cannot be used: `http://127.0.0.1:9/latest")


def test_what_cannot_be_done_is_said(stocked: Pythons, build: tuple[str, bytes]) -> None:
    unknown = stocked("python install 3.12.99")
    assert (unknown.code, without_noise(unknown.err, stocked)) == (
        2,
        f"error: the mirror `MIRROR` has no Python `3.12.99` for {machine_triple()}\n\nhint: it has {build[0]}\n",
    )
    other = stocked("python install pypy")
    assert (other.code, other.err) == (2, "error: `pypy` cannot be installed: there are builds of CPython only\n")
    missing = stocked("python uninstall 3.12")
    assert missing.err == "error: dxpy has installed no Python `3.12`\n\nhint: it has installed none at all\n"
    unsaid = stocked("python uninstall")
    assert (unsaid.code, unsaid.err.splitlines()[0]) == (2, "error: say which Pythons to remove, or `--all`")


def test_without_a_mirror_it_is_said_that_one_is_needed(pythons: Pythons) -> None:
    result = pythons("python install 3.12", DXPY_PYTHON_INSTALL_MIRROR="")
    expected = (
        "error: no mirror of Python builds is configured, so none can be downloaded\n\n"
        "hint: name one by `--mirror URL`, the variable DXPY_PYTHON_INSTALL_MIRROR or `python-install-mirror` in "
        "[tool.dxpy]\n"
        "hint: docs/python.md says what a mirror must have; a directory (`file:///srv/python`) can be one\n"
    )
    assert (result.code, result.err) == (2, expected)
    wrong = pythons("python install 3.12 --mirror mirror.example")
    assert wrong.err.startswith("error: --mirror is `mirror.example`, which is not the address of a mirror\n")
    empty = pythons("python install 3.12")
    assert "is not a mirror of Python builds: it has no release with a file SHA256SUMS" in empty.err
    never = pythons("python install 3.12", DXPY_PYTHON_DOWNLOADS="never")
    assert "no Python may be downloaded: `python-downloads` is `never`" in never.err


def test_installation_survives_being_killed(stocked: Pythons, build: tuple[str, bytes]) -> None:
    stocked.dxpy.environ.update(stocked.environ)
    for delay in (0.6, 0.9):
        process = stocked.dxpy.start("python install 3.12", stocked.home)
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        for name in stocked.names() if stocked.directory.exists() else []:
            assert version_of(stocked.directory / name / "bin/python") == build[0]
    assert stocked("python install 3.12").code == 0
    assert stocked.names() == [f"cpython-{build[0]}-{MACHINE}"]
    assert not (stocked.directory / ".staging").exists()


def test_two_at_once_install_it_once(stocked: Pythons, build: tuple[str, bytes]) -> None:
    stocked.dxpy.environ.update(stocked.environ)
    both = [stocked.dxpy.start("python install 3.12", stocked.home) for _ in range(2)]
    said = "".join(process.communicate(timeout=60)[1] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert said.count(f"Installed cpython-{build[0]}") == 1
    assert stocked.names() == [f"cpython-{build[0]}-{MACHINE}"]


def test_target_that_cannot_be_written_is_named(stocked: Pythons) -> None:
    in_the_way = stocked.home / "file"
    in_the_way.write_text("x")
    result = stocked("python install 3.12", DXPY_PYTHON_INSTALL_DIR=str(in_the_way / "python"))
    assert result.code == 2
    assert result.err.startswith(f"error: `{in_the_way}/python` cannot be changed: Not a directory")


def test_command_of_somebody_else_stays_on_path(stocked: Pythons) -> None:
    own = stocked.home / ".local/bin/python3.12"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    kept = stocked("python install 3.12")
    assert kept.code == 0
    assert f"warning: `{own}` is there and not dxpy's, so it stays; `--force` replaces it\n" in kept.err
    assert own.read_text() == "mine"
    assert stocked("python install 3.12 --force --default").code == 0
    assert sorted(path.name for path in own.parent.iterdir()) == ["python", "python3", "python3.12"]
    assert own.is_symlink()
    assert stocked("python uninstall --all").code == 0
    assert list(own.parent.iterdir()) == []


def test_dir_tells_where(pythons: Pythons) -> None:
    assert pythons("python dir").out == f"{pythons.home}/.local/share/dxpy/python\n"
    assert pythons("python dir --bin", DXPY_PYTHON_BIN_DIR="/opt/bin").out == "/opt/bin\n"
    assert pythons("python dir", DXPY_PYTHON_INSTALL_DIR="/opt/pythons").out == "/opt/pythons\n"
