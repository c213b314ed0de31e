"""Launchers, and the scripts that wheels bring along."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dxpy_async.core.schemes import InstallScheme
from dxpy_async.errors import FileConflict, InstallError, InvalidWheel
from dxpy_async.installer.scripts import check_script_name, launchers, rewrite_shebang, shebang


def scheme_of(prefix: Path, python: str = "bin/python") -> InstallScheme:
    site = prefix / "lib"
    return InstallScheme(
        prefix=prefix,
        purelib=site,
        platlib=site,
        scripts=prefix / "bin",
        data=prefix,
        headers=prefix / "include",
        python=prefix / python,
        cache_tag="cpython-312",
    )


@pytest.mark.parametrize("name", ["plain", "with blank", "it's", '"quoted" $HOME `x` %s', "é", "long" * 40, "'''"])
def test_a_launcher_runs_in_an_environment_of_any_name(tmp_path: Path, name: str) -> None:
    prefix = tmp_path / name
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin/python").symlink_to(sys.executable)
    (prefix / "greeting.py").write_text(
        "import sys\n"
        "class Cli:\n"
        "    @staticmethod\n"
        "    def main():\n"
        "        print(sys.executable, *sys.argv)\n"
        "        return 3\n"
    )
    (script,) = launchers({"console_scripts": {"hello": "greeting:Cli.main"}}, scheme_of(prefix), "x.whl")
    path = prefix / "bin" / script.name
    path.write_bytes(script.contents)
    path.chmod(0o755)
    run = subprocess.run(
        [str(path), "a b", "$c"],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(prefix), "PATH": os.defpath, "PYTHONUTF8": "1"},
    )
    assert (run.returncode, run.stderr) == (3, "")
    assert run.stdout == f"{prefix}/bin/python {path} a b $c\n"


def test_gui_scripts_get_a_launcher_too(tmp_path: Path) -> None:
    found = launchers({"gui_scripts": {"g": "m:f"}, "other": {"x": "!"}}, scheme_of(tmp_path), "x.whl")
    assert [script.name for script in found] == ["g"]


def test_an_environment_for_windows_gets_a_script_and_a_command_file() -> None:
    scheme = scheme_of(Path("/c"), "python.exe")
    entry_points = {"console_scripts": {"tool": "m:f"}, "gui_scripts": {"win": "m:f [extra]"}}
    found = {script.name: script.contents for script in launchers(entry_points, scheme, "x.whl")}
    assert list(found) == ["tool-script.py", "tool.cmd", "win-script.pyw", "win.cmd"]
    assert found["tool.cmd"] == b'@"/c/python.exe" "%~dp0tool-script.py" %*\r\n'
    assert b"pythonw.exe" in found["win.cmd"]


@pytest.mark.parametrize(
    "reference",
    ["m", "m:", ":f", "m:f()", "m:f; import os", "m\nimport os:f", "../x:f", "m.:f", "1m:f", "m:f.", "a b:f"],
)
def test_a_reference_that_is_not_module_and_function_is_refused(tmp_path: Path, reference: str) -> None:
    with pytest.raises(InvalidWheel, match=r"x\.whl"):
        list(launchers({"console_scripts": {"x": reference}}, scheme_of(tmp_path), "x.whl"))


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", "/x", "c:x", "a\nb", "x" * 300])
def test_a_name_that_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidWheel, match="invalid name"):
        check_script_name(name, "x.whl")


@pytest.mark.parametrize(
    "name", ["python", "Python3", "python3.12", "python3.13t", "pythonw.exe", "activate", "Activate.ps1", "pyvenv.cfg"]
)
def test_parts_of_the_environment_are_not_replaced(name: str) -> None:
    with pytest.raises(FileConflict, match=r"x\.whl"):
        check_script_name(name, "x.whl")


@pytest.mark.parametrize("name", ["activate-global-python-argcomplete", "python-argcomplete", "pythonista", "pip", "["])
def test_names_that_only_look_like_parts_of_the_environment_are_fine(name: str) -> None:
    check_script_name(name, "x.whl")


def test_only_scripts_that_ask_for_the_interpreter_get_it(tmp_path: Path) -> None:
    scheme = scheme_of(tmp_path)
    first = f"#!{tmp_path}/bin/python\n".encode()
    assert rewrite_shebang(b"#!python\nx\n", scheme) == first + b"x\n"
    assert rewrite_shebang(b"#!pythonw\r\nx\n", scheme) == first + b"x\n"
    assert rewrite_shebang(b"#!python3 -u\nx\n", scheme) == first + b"x\n"
    for kept in (b"#!/usr/bin/python\n", b"#!/bin/sh\n", b"\x7fELF", b"", b" #!python\n", b"#!python"):
        assert rewrite_shebang(kept, scheme) is None


@pytest.mark.parametrize("path", ["/a\nb/python", "/a\udcff/python", "/a \\ b/python"])
def test_an_interpreter_that_no_script_can_name_is_an_error(path: str) -> None:
    with pytest.raises(InstallError, match="cannot name an interpreter"):
        shebang(path)
