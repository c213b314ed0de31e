"""`dxpy pip list` and `freeze`, whose output scripts read: it is pip's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from command import PYTHON, Command

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
