"""`dxpy pip list` and `freeze`, whose output scripts read: it is pip's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from command import PYTHON, Command
from index_server import LoopbackIndex
from wheels import build_wheel

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


def pip(dxpy: Command, environment: VirtualEnvironment, arguments: str, **environ: str) -> str:
    active = {"VIRTUAL_ENV": str(environment.root), **environ}
    result = dxpy(f"pip {arguments}", environment.root.parent, environ=active)
    assert (result.code, result.err) == (0, "")
    return result.out


def test_list_has_the_columns_of_pip(dxpy: Command, environment: VirtualEnvironment) -> None:
    assert pip(dxpy, environment, "list") == (
        "Package Version Editable project location\n"
        "------- ------- -------------------------\n"
        "Flask   2.0\n"
        "lib     3.0\n"
        "own     0.1     /src/own\n"
        "pip     24.0\n"
        "six     1.16.0\n"
        "tool    1.0\n"
    )


def test_list_in_other_forms_and_in_part(dxpy: Command, environment: VirtualEnvironment) -> None:
    rows = json.loads(pip(dxpy, environment, "list --format=json -e"))
    assert rows == [{"name": "own", "version": "0.1", "editable_project_location": "/src/own"}]
    chosen = "list --not-required --exclude-editable --exclude LIB --exclude tool"
    assert pip(dxpy, environment, chosen, PIP_FORMAT="freeze") == "Flask==2.0\npip==24.0\n"


def test_freeze_says_where_things_came_from(dxpy: Command, environment: VirtualEnvironment) -> None:
    assert pip(dxpy, environment, "freeze") == (
        "Flask==2.0\n"
        f"lib @ git+https://example.com/lib@{'c' * 40}#subdirectory=py\n"
        "# Editable install with no version control (own==0.1)\n"
        "-e /src/own\n"
        "six==1.16.0\n"
        f"tool @ https://example.com/tool-1.0.tar.gz#sha256={'ab' * 32}\n"
    )
    assert "pip==24.0\n" in pip(dxpy, environment, "freeze --all")


def test_freeze_keeps_the_order_and_the_comments_of_a_file(dxpy: Command, environment: VirtualEnvironment) -> None:
    file = environment.root.parent / "requirements.txt"
    file.write_text("# ours\nSix>=1\nflask\n")
    frozen = pip(dxpy, environment, "freeze --exclude own --exclude lib --exclude tool -r requirements.txt")
    assert frozen == "# ours\nsix==1.16.0\nFlask==2.0\n"
    frozen = pip(dxpy, environment, "freeze --exclude own --exclude lib -r requirements.txt")
    assert frozen.splitlines()[3] == "## The following requirements were added by pip freeze:"


def test_newer_releases_are_told_with_what_they_come_as(
    dxpy: Command, index: LoopbackIndex, environment: VirtualEnvironment
) -> None:
    build = environment.root.parent / "newer"
    index.add_wheel(build_wheel(build, "six", "1.17.0"))
    index.add_wheel(build_wheel(build, "pip", "24.0"))
    rows = json.loads(pip(dxpy, environment, "list --outdated --format json"))
    assert rows == [{"name": "six", "version": "1.16.0", "latest_version": "1.17.0", "latest_filetype": "wheel"}]
    assert "six" not in pip(dxpy, environment, "list --uptodate")


def test_show_tells_of_one_and_of_who_requires_it(dxpy: Command, environment: VirtualEnvironment) -> None:
    site = environment.scheme.purelib
    assert pip(dxpy, environment, "show six -f").splitlines() == [
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
    result = dxpy("pip show none", environment.root.parent, environ={"VIRTUAL_ENV": str(environment.root)})
    assert (result.code, result.out, result.err) == (1, "", "warning: Package(s) not found: none\n")


def test_check_and_tree_tell_what_is_required(dxpy: Command, environment: VirtualEnvironment) -> None:
    assert pip(dxpy, environment, "check") == "No broken requirements found.\n"
    assert pip(dxpy, environment, "tree --package flask --package pip") == "flask v2.0\n└── six v1.16.0\npip v24.0\n"
    installed(environment.scheme.purelib, "other", "1", requires=["six<1", "none>2"])
    result = dxpy("pip check", environment.root.parent, environ={"VIRTUAL_ENV": str(environment.root)})
    assert (result.code, result.err) == (1, "")
    assert result.out == (
        "other 1 has requirement six<1, but you have six 1.16.0.\nother 1 requires none, which is not installed.\n"
    )


def test_inspect_has_the_form_of_pip(dxpy: Command, environment: VirtualEnvironment) -> None:
    report = json.loads(pip(dxpy, environment, "inspect --local"))
    assert report["version"] == "1"
    own = next(each for each in report["installed"] if each["metadata"]["name"] == "own")
    assert own == {
        "metadata": {"metadata_version": "2.1", "name": "own", "version": "0.1"},
        "metadata_location": str(environment.scheme.purelib / "own-0.1.dist-info"),
        "installer": "pip",
        "requested": False,
        "direct_url": {"url": "file:///src/own", "dir_info": {"editable": True}},
    }
