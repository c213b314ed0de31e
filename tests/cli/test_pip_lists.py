"""`dxpy pip list` and `freeze`, whose output scripts read: it is pip's."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from command import PYTHON, Command, Result
from index_server import LoopbackIndex
from wheels import build_wheel

from dxpy_async.cli import main, pip_version
from dxpy_async.python.environments import VirtualEnvironment, create_environment
from dxpy_async.python.probing import probe


@pytest.fixture
def environment(tmp_path: Path) -> VirtualEnvironment:
    """`Flask` needs `six`; `own` is editable, `tool` came from an archive, `lib` from a repository."""
    made = create_environment(tmp_path / "env", probe(Path(PYTHON), cache_dir=tmp_path / "cache"))
    site = made.scheme.purelib
    installed(site, "Flask", "2.0", requires=["six>=1", "extra-only; extra == 'more'"])
    installed(site, "six", "1.16.0")
    installed(site, "pip", "24.0")
    installed(site, "own", "0.1", direct_url={"url": "file:///src/own", "dir_info": {"editable": True}})
    archive = {"url": "https://example.com/tool-1.0.tar.gz", "archive_info": {"hashes": {"sha256": "ab" * 32}}}
    installed(site, "tool", "1.0", direct_url=archive)
    vcs = {"vcs": "git", "commit_id": "c" * 40, "requested_revision": "main"}
    installed(site, "lib", "3.0", direct_url={"url": "https://example.com/lib", "vcs_info": vcs, "subdirectory": "py"})
    return made


def installed(
    site: Path, name: str, version: str, *, requires: Sequence[str] = (), direct_url: Mapping[str, object] | None = None
) -> None:
    """What an installer leaves of a distribution without files."""
    directory = site / f"{name}-{version}.dist-info"
    directory.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    (directory / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {each}" for each in requires)]) + "\n")
    (directory / "RECORD").write_text(f"{directory.name}/METADATA,,\n{directory.name}/RECORD,,\n")
    (directory / "INSTALLER").write_text("pip\n")
    if direct_url is not None:
        (directory / "direct_url.json").write_text(json.dumps(direct_url))


class Pip:
    """`dxpy pip` in this process, which saves starting one: nothing here needs an engine."""

    def __init__(self, dxpy: Command, environment: VirtualEnvironment, capsys: pytest.CaptureFixture[str]) -> None:
        self.environment, self._capsys = environment, capsys
        self._environ = {**dxpy.environ, "VIRTUAL_ENV": str(environment.root)}

    def __call__(self, arguments: str, **environ: str) -> Result:
        handler = signal.getsignal(signal.SIGTERM)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.environment.root.parent)
            patch.setattr(os, "environ", {**self._environ, **environ})
            code = main(["pip", *arguments.split()])
        signal.signal(signal.SIGTERM, handler)
        said = self._capsys.readouterr()
        return Result(code, said.out, said.err)

    def out(self, arguments: str, **environ: str) -> str:
        """What it says when all is well."""
        result = self(arguments, **environ)
        assert (result.code, result.err) == (0, "")
        return result.out


@pytest.fixture
def pip(dxpy: Command, environment: VirtualEnvironment, capsys: pytest.CaptureFixture[str]) -> Pip:
    return Pip(dxpy, environment, capsys)


def test_list_has_the_columns_of_pip(pip: Pip) -> None:
    assert pip.out("list") == (
        "Package Version Editable project location\n"
        "------- ------- -------------------------\n"
        "Flask   2.0\n"
        "lib     3.0\n"
        "own     0.1     /src/own\n"
        "pip     24.0\n"
        "six     1.16.0\n"
        "tool    1.0\n"
    )


def test_list_in_other_forms_and_in_part(pip: Pip) -> None:
    rows = json.loads(pip.out("list --format=json -e"))
    assert rows == [{"name": "own", "version": "0.1", "editable_project_location": "/src/own"}]
    chosen = "list --not-required --exclude-editable --exclude LIB --exclude tool"
    assert pip.out(chosen, PIP_FORMAT="freeze") == "Flask==2.0\npip==24.0\n"


def test_freeze_says_where_things_came_from(pip: Pip) -> None:
    assert pip.out("freeze") == (
        "Flask==2.0\n"
        f"lib @ git+https://example.com/lib@{'c' * 40}#subdirectory=py\n"
        "# Editable install with no version control (own==0.1)\n"
        "-e /src/own\n"
        "six==1.16.0\n"
        f"tool @ https://example.com/tool-1.0.tar.gz#sha256={'ab' * 32}\n"
    )
    assert "pip==24.0\n" in pip.out("freeze --all")


def test_freeze_keeps_the_order_and_the_comments_of_a_file(pip: Pip) -> None:
    file = pip.environment.root.parent / "requirements.txt"
    file.write_text("# ours\nSix>=1\nflask\n")
    frozen = pip.out("freeze --exclude own --exclude lib --exclude tool -r requirements.txt")
    assert frozen == "# ours\nsix==1.16.0\nFlask==2.0\n"
    frozen = pip.out("freeze --exclude own --exclude lib -r requirements.txt")
    assert frozen.splitlines()[3] == "## The following requirements were added by pip freeze:"


def test_a_file_of_pips_settings_counts(pip: Pip) -> None:
    file = pip.environment.root.parent / "pip.conf"
    file.write_text("[freeze]\nexclude = six\n")
    assert pip.out("freeze --all", PIP_CONFIG_FILE=str(file)) == pip.out("freeze --all --exclude six")


def test_a_file_that_is_not_there_is_named(pip: Pip) -> None:
    assert pip("freeze -r gone.txt") == Result(1, "", "error: there is no file of requirements `gone.txt`\n")


def test_the_version_has_the_form_of_pip(
    environment: VirtualEnvironment, dxpy: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = ".".join(environment.interpreter.version.split(".")[:2])
    for active, more in ((str(environment.root), rf" \(python {re.escape(python)}\)"), ("/gone", "")):
        monkeypatch.setattr(os, "environ", {**dxpy.environ, "VIRTUAL_ENV": active})
        assert re.fullmatch(rf"dxpy pip \S+ from .*dxpy_async{more}", pip_version.text())


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        ("config set global.index-url URL", "dxpy config list"),
        ("debug --verbose", "dxpy python list"),
        ("completion --bash", "dxpy completions"),
        ("search web", "dxpy pip index versions"),
    ],
)
def test_what_pip_has_and_dxpy_not_says_where_to_go(pip: Pip, words: str, instead: str) -> None:
    ended = pip(words)
    assert (ended.code, ended.out) == (1, "")
    assert instead in ended.err


def test_newer_releases_are_told_with_what_they_come_as(dxpy: Command, index: LoopbackIndex, pip: Pip) -> None:
    build = pip.environment.root.parent / "newer"
    index.add_wheel(build_wheel(build, "six", "1.17.0"))
    index.add_wheel(build_wheel(build, "pip", "24.0"))
    active = {"VIRTUAL_ENV": str(pip.environment.root)}
    rows = json.loads(dxpy("pip list --outdated --format json", build, environ=active).out)
    assert rows == [{"name": "six", "version": "1.16.0", "latest_version": "1.17.0", "latest_filetype": "wheel"}]
    assert "six" not in dxpy("pip list --uptodate", build, environ=active).out


def test_show_tells_of_one_and_of_who_requires_it(pip: Pip) -> None:
    site = pip.environment.scheme.purelib
    assert pip.out("show six -f").splitlines() == [
        "Name: six",
        "Version: 1.16.0",
        "Summary: ",
        "Home-page: ",
        "Author: ",
        "Author-email: ",
        "License: ",
        f"Location: {site}",
        "Requires: ",
        "Required-by: Flask",
        "Files:",
        "  six-1.16.0.dist-info/METADATA",
        "  six-1.16.0.dist-info/RECORD",
    ]
    result = pip("show none")
    assert (result.code, result.out, result.err) == (1, "", "warning: Package(s) not found: none\n")


def test_check_and_tree_tell_what_is_required(pip: Pip) -> None:
    assert pip.out("check") == "No broken requirements found.\n"
    assert pip.out("tree --package flask --package pip") == "flask v2.0\n└── six v1.16.0\npip v24.0\n"
    installed(pip.environment.scheme.purelib, "other", "1", requires=["six<1", "none>2"])
    result = pip("check")
    assert (result.code, result.err) == (1, "")
    assert result.out == (
        "other 1 has requirement six<1, but you have six 1.16.0.\nother 1 requires none, which is not installed.\n"
    )


def test_inspect_has_the_form_of_pip(pip: Pip) -> None:
    report = json.loads(pip.out("inspect --local"))
    assert report["version"] == "1"
    own = next(each for each in report["installed"] if each["metadata"]["name"] == "own")
    assert own == {
        "metadata": {"metadata_version": "2.1", "name": "own", "version": "0.1"},
        "metadata_location": str(pip.environment.scheme.purelib / "own-0.1.dist-info"),
        "installer": "pip",
        "requested": False,
        "direct_url": {"url": "file:///src/own", "dir_info": {"editable": True}},
    }
