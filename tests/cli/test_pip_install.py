"""`dxpy pip install` and `uninstall`: what scripts look for, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import PYTHON, Command, Result
from index_server import LoopbackIndex
from trees import write_tree
from wheels import build_wheel, sha256_of

from dxpy_async.python.environments import VirtualEnvironment, create_environment
from dxpy_async.python.probing import probe

pytestmark = pytest.mark.slow


class Pip:
    """`dxpy pip` in an active environment."""

    def __init__(self, dxpy: Command, environment: VirtualEnvironment, cwd: Path) -> None:
        self.dxpy, self.environment, self.cwd = dxpy, environment, cwd

    def __call__(self, arguments: str | list[str], **environ: str) -> Result:
        words = arguments.split() if isinstance(arguments, str) else arguments
        active = {"VIRTUAL_ENV": str(self.environment.root), **environ}
        return self.dxpy(["pip", *words], self.cwd, environ=active)


@pytest.fixture
def pip(dxpy: Command, tmp_path: Path) -> Pip:
    return Pip(dxpy, new_environment(tmp_path, "env"), tmp_path)


def new_environment(tmp_path: Path, name: str) -> VirtualEnvironment:
    return create_environment(tmp_path / name, probe(Path(PYTHON), cache_dir=tmp_path / "cache"))


def test_a_file_is_installed_frozen_and_installed_again(pip: Pip, tmp_path: Path) -> None:
    write_tree(tmp_path / "tree")
    archive = build_wheel(tmp_path, "own", "1.0")
    (tmp_path / "more").mkdir()
    (tmp_path / "more/limits.txt").write_text("web<2\n")
    (tmp_path / "more/base.txt").write_text("-c limits.txt\nweb  # the web\n")
    (tmp_path / "requirements.txt").write_text("-r more/base.txt\n-e ./tree\n")
    (tmp_path / "pyproject.toml").write_text(
        f"[project]\nname = 'app'\nversion = '1'\n[dependency-groups]\ndev = ['own @ {archive.as_uri()}']\n"
    )
    result = pip(
        "--no-input install --no-cache-dir --disable-pip-version-check --progress-bar off "
        "-r requirements.txt --group dev",
        PIP_ROOT_USER_ACTION="ignore",
        PIP_NO_PYTHON_VERSION_WARNING="1",
    )
    assert result.code == 0
    assert result.out == "Successfully installed own-1.0 safe-1.9 templates-1.5 tree-1.0 web-1.0\n"
    frozen = pip("freeze").out
    assert frozen == (
        f"own @ file://{archive}#sha256={sha256_of(archive)}\n"
        "safe==1.9\ntemplates==1.5\n"
        f"# Editable install with no version control (tree==1.0)\n-e {tmp_path}/tree\n"
        "web==1.0\n"
    )
    (tmp_path / "frozen.txt").write_text(frozen)
    again = Pip(pip.dxpy, new_environment(tmp_path, "again"), tmp_path)
    assert again("install -r frozen.txt").code == 0
    assert again("freeze").out == frozen


def test_what_is_there_is_satisfied_and_what_goes_is_named(pip: Pip) -> None:
    site = pip.environment.scheme.purelib
    assert pip("install tool").out == "Successfully installed tool-0.1\n"
    assert pip("install tool -U", PIP_DRY_RUN="1").out == f"Requirement already satisfied: tool in {site} (0.1)\n"
    result = pip("uninstall tool nothing -y")
    assert (result.code, result.out) == (0, "Successfully uninstalled tool-0.1\n")
    assert result.err == "warning: Skipping nothing as it is not installed.\n"
    assert not (pip.environment.scheme.scripts / "tool").exists()


def test_files_of_what_goes_may_be_at_an_address_and_have_lines_without_a_name(pip: Pip, index: LoopbackIndex) -> None:
    index.add_body("/r.txt", b"tool>=0\n-e ./tree\n")
    assert pip("install tool").code == 0
    result = pip(f"uninstall -y -r {index.origin}/r.txt")
    assert (result.code, result.out) == (0, "Successfully uninstalled tool-0.1\n")
    said = "is passed over: only what has a name can be uninstalled"
    assert result.err == f"warning: `-e ./tree` ({index.origin}/r.txt:2) {said}\n"


def test_what_the_system_refuses_ends_with_1_too(pip: Pip, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = pip("install -q tool --target file")
    assert (result.code, result.err) == (1, f"error: the system refused `{tmp_path}/file`: Not a directory\n")


def test_what_other_markers_are_for_is_said_to_be_left_out(pip: Pip) -> None:
    result = pip(["install", "tool ; python_version < '3'"])
    said = "Ignoring tool: markers 'python_version < \"3\"' don't match your environment\n"
    assert result == Result(0, "", said)


def test_the_report_has_the_form_of_pip(pip: Pip) -> None:
    result = pip("install --dry-run --ignore-installed --quiet --report - web<2")
    report = json.loads(result.out)
    assert (result.code, report["version"]) == (0, "1")
    assert report["environment"]["python_version"]
    by_name = {each["metadata"]["name"]: each for each in report["install"]}
    assert [(name, each["requested"]) for name, each in by_name.items()] == [
        ("safe", False),
        ("templates", False),
        ("web", True),
    ]
    web = by_name["web"]
    assert web["metadata"]["requires_dist"] == ["templates>=1", "safe"]
    assert web["download_info"]["url"].endswith("/web-1.0-py3-none-any.whl")
    assert set(web["download_info"]["archive_info"]["hashes"]) == {"sha256"}
    assert (web["is_direct"], web["is_yanked"]) == (False, False)
    assert not list(pip.environment.scheme.purelib.glob("*.dist-info"))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            "install",
            1,
            "error: there is nothing to install\n\nhint: name requirements, or files of them with `-r FILE`\n",
        ),
        (
            "install --root /x safe",
            2,
            (
                "error: `dxpy pip install` has no `--root`\n\n"
                "hint: install below a directory with `--prefix` or `--target`\nhint: see `dxpy pip install --help`\n"
            ),
        ),
        ("install -r none.txt", 1, "error: there is no file of requirements `none.txt`\n"),
        (
            "install safe=1",
            1,
            (
                "error: `safe=1` is not a requirement: "
                "Expected semicolon (after name with no version specifier) or end\n    safe=1\n        ^\n\n"
                "hint: versions are compared with `==`: one `=` is none\n"
            ),
        ),
        ("install -e safe", 1, "error: `safe`: there is nothing at `{cwd}/safe`\n"),
        ("install --only-binary=a/b safe", 1, "error: --only-binary is `a/b`; it can be {names}\n"),
        ("uninstall ./none", 1, "warning: `./none` is passed over: only what has a name can be uninstalled\n{none}"),
        (
            "uninstall safe;;",
            1,
            (
                "error: `safe;;` is not a requirement: Expected a marker variable or quoted string\n"
                "    safe;;\n         ^\n"
            ),
        ),
        ("install ./none", 1, "error: `./none`: there is nothing at `{cwd}/none`\n"),
        (
            "install --platform win_amd64 --only-binary=:all: safe",
            1,
            "error: `--platform` is for another Python than this one\n\nhint: say where to, with `--target DIR`\n",
        ),
    ],
)
def test_mistakes_are_told_as_pip_would_end(pip: Pip, arguments: str, code: int, said: str) -> None:
    result = pip(arguments)
    nothing = "error: there is nothing to uninstall\n\nhint: name packages, or files of them with `-r FILE`\n"
    said = said.format(cwd=pip.cwd, names="`:all:`, `:none:` or names of projects", none=nothing)
    assert (result.code, result.err) == (code, said)


def test_another_platform_goes_into_a_directory(pip: Pip) -> None:
    result = pip("install -t out --platform win_arm64 --python-version 311 --only-binary=:all: oldies")
    assert (result.code, result.out) == (0, "Successfully installed oldies-1.0\n")
    assert (pip.cwd / "out/oldies-1.0.dist-info").is_dir()
