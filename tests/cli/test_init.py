"""`dxpy init`: every file it makes, and that a mistake leaves none."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from command import Command

from dxpy_async.project.workspaces import open_project

MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def dxpy(tmp_path: Path, dxpy: Command) -> Command:
    """With a git that knows an author."""
    config = tmp_path / "gitconfig"
    config.write_text('[user]\nname = A \\"B\\" C\nemail = abc@host.example\n[init]\ndefaultBranch = main\n')
    dxpy.environ |= {"GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1"}
    return dxpy


def files_in(root: Path) -> dict[str, str]:
    paths = [path for path in root.rglob("*") if path.is_file() and ".git/" not in path.as_posix()]
    return {path.relative_to(root).as_posix(): path.read_text() for path in paths}


def test_an_application_is_a_script_to_be_run_and_no_more(dxpy: Command, tmp_path: Path) -> None:
    result = dxpy("init My_App", tmp_path)
    assert result.err == f"Initialized project `my-app` at `{tmp_path / 'My_App'}`\n"
    assert result.code == 0
    files = files_in(tmp_path / "My_App")
    assert sorted(files) == [".gitignore", ".python-version", "README.md", "main.py", "pyproject.toml"]
    assert files["pyproject.toml"] == (
        "[project]\n"
        'name = "my-app"\n'
        'version = "0.1.0"\n'
        'description = "Add your description here"\n'
        'readme = "README.md"\n'
        f'requires-python = ">={MINOR}"\n'
        "dependencies = []\n"
    )
    assert files[".python-version"] == f"{MINOR}\n"
    assert files["README.md"] == "# my-app\n"
    assert ".venv/\n" in files[".gitignore"]
    assert (tmp_path / "My_App" / ".git").is_dir()
    assert dxpy("run main.py", tmp_path / "My_App").out == "Hello from my-app!\n"
    ignored = subprocess.run(
        ["git", "status", "--porcelain", "-uall"], cwd=tmp_path / "My_App", capture_output=True, text=True, check=True
    )
    assert sorted(ignored.stdout.split()[1::2]) == sorted([*files, "dxpy.lock"])


def test_a_library_is_a_typed_package_that_is_built(dxpy: Command, tmp_path: Path) -> None:
    assert dxpy(["init", "--lib", "--vcs", "none", "--description", 'says "hello"', "x-lib"], tmp_path).code == 0
    files = files_in(tmp_path / "x-lib")
    assert sorted(files) == [
        ".python-version",
        "README.md",
        "pyproject.toml",
        "src/x_lib/__init__.py",
        "src/x_lib/py.typed",
    ]
    assert files["src/x_lib/__init__.py"] == 'def hello() -> str:\n    return "Hello from x-lib!"\n'
    assert files["README.md"] == '# x-lib\n\nsays "hello"\n'
    said = tomllib.loads(files["pyproject.toml"])
    assert said["build-system"] == {"requires": ["hatchling"], "build-backend": "hatchling.build"}
    assert said["project"]["authors"] == [{"name": 'A "B" C', "email": "abc@host.example"}]
    assert said["project"]["description"] == 'says "hello"'
    assert not (tmp_path / "x-lib" / ".git").exists()


@pytest.mark.parametrize(
    ("backend", "module"),
    [
        ("hatchling", "hatchling.build"),
        ("hatch", "hatchling.build"),
        ("flit-core", "flit_core.buildapi"),
        ("pdm", "pdm.backend"),
        ("poetry-core", "poetry.core.masonry.api"),
        ("setuptools", "setuptools.build_meta"),
        ("maturin", "maturin"),
        ("scikit-build-core", "scikit_build_core.build"),
    ],
)
def test_what_builds_it_can_be_chosen(dxpy: Command, tmp_path: Path, backend: str, module: str) -> None:
    assert dxpy(f"init --build-backend {backend} --author-from none --no-readme x", tmp_path).code == 0
    files = files_in(tmp_path / "x")
    said = tomllib.loads(files["pyproject.toml"])
    assert said["build-system"]["build-backend"] == module
    assert said["project"]["scripts"] == {"x": "x:main"}
    assert "authors" not in said["project"]
    assert "README.md" not in files
    assert "def main() -> None:" in files["src/x/__init__.py"]
    assert ("src/lib.rs" in files) is (backend == "maturin")
    assert ("CMakeLists.txt" in files) is (backend == "scikit-build-core")
    if backend == "scikit-build-core":
        assert (
            "pybind11_add_module(_core MODULE src/core.cpp)\ninstall(TARGETS _core DESTINATION x)\n"
            in files["CMakeLists.txt"]
        )


def test_the_variable_says_which_backend_and_not_whether(dxpy: Command, tmp_path: Path) -> None:
    environ = {"DXPY_INIT_BUILD_BACKEND": "flit"}
    dxpy("init plain", tmp_path, environ=environ)
    dxpy("init --lib built", tmp_path, environ=environ)
    assert "build-system" not in (tmp_path / "plain/pyproject.toml").read_text()
    assert "flit_core" in (tmp_path / "built/pyproject.toml").read_text()


def test_bare_is_one_file(dxpy: Command, tmp_path: Path) -> None:
    root = tmp_path / "here"
    root.mkdir()
    assert dxpy("init --bare --package", root).err == "Initialized project `here`\n"
    assert sorted(path.name for path in root.iterdir()) == ["pyproject.toml"]
    said = tomllib.loads((root / "pyproject.toml").read_text())
    assert sorted(said) == ["build-system", "project"]
    assert sorted(said["project"]) == ["dependencies", "name", "requires-python", "version"]


def test_what_is_there_stays(dxpy: Command, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "."], cwd=tmp_path, check=True)
    root = tmp_path / "p"
    root.mkdir()
    (root / "main.py").write_text("mine = 1\n")
    (root / "README.md").write_text("mine\n")
    assert dxpy("init", root).code == 0
    files = files_in(root)
    assert (files["main.py"], files["README.md"]) == ("mine = 1\n", "mine\n")
    assert sorted(files) == [".python-version", "README.md", "main.py", "pyproject.toml"]
    assert not (root / ".git").exists()


def test_below_a_workspace_it_becomes_a_member(dxpy: Command, tmp_path: Path) -> None:
    root = tmp_path / "ws"
    (root / "packages").mkdir(parents=True)
    head = '[project]\nname = "ws"\nversion = "1"\nrequires-python = ">=3.10"\n\n[tool.dxpy.workspace]\n'
    (root / "pyproject.toml").write_text(head + 'members = ["packages/*"]  # all\nexclude = ["packages/x"]\n')
    (root / ".python-version").write_text("3.11\n")
    result = dxpy("init --lib packages/a", root)
    assert result.err.endswith(f"\nIt is a member of the workspace `{root}`\n")
    assert 'requires-python = ">=3.10"' in (root / "packages/a/pyproject.toml").read_text()
    assert not (root / "packages/a/.python-version").exists()
    assert dxpy("init tools/b", root).code == 0
    assert 'members = ["packages/*", "tools/b"]  # all\n' in (root / "pyproject.toml").read_text()
    for words in ("init packages/x", "init --no-workspace tools/c", "init packages/a/inner"):
        assert "member" not in dxpy(words, root).err
    assert [member.project.name for member in open_project(root).members] == ["a", "b"]


def test_below_a_project_it_makes_that_a_workspace(dxpy: Command, tmp_path: Path) -> None:
    dxpy("init --bare p", tmp_path)
    before = (tmp_path / "p/pyproject.toml").read_text()
    assert dxpy("init --bare sub", tmp_path / "p").code == 0
    assert (tmp_path / "p/pyproject.toml").read_text() == f'{before}\n[tool.dxpy.workspace]\nmembers = ["sub"]\n'
    assert dxpy("init --bare other", tmp_path / "p").code == 0
    assert 'members = ["sub", "other"]' in (tmp_path / "p/pyproject.toml").read_text()
    (tmp_path / "p/pyproject.toml").write_text("[project")
    result = dxpy("init third", tmp_path / "p")
    assert result.code == 2
    assert result.err.startswith(f"error: `{tmp_path}/p/pyproject.toml:1` is not a valid project file")
    assert not (tmp_path / "p/third").exists()
    assert dxpy("init --no-workspace third", tmp_path / "p").code == 0


def test_a_script_says_what_it_requires(dxpy: Command, tmp_path: Path) -> None:
    assert dxpy("init --script tools/hello.py", tmp_path).err == "Initialized script at `tools/hello.py`\n"
    block = f'# /// script\n# requires-python = ">={MINOR}"\n# dependencies = []\n# ///\n'
    assert (tmp_path / "tools/hello.py").read_text() == (
        f'{block}\n\ndef main() -> None:\n    print("Hello from hello.py!")\n'
        '\n\nif __name__ == "__main__":\n    main()\n'
    )
    there = tmp_path / "there.py"
    there.write_bytes(b"#!/usr/bin/env python\r\nprint('caf\xc3\xa9')\r\n")
    there.chmod(0o755)
    assert dxpy("init --script there.py", tmp_path).code == 0
    windows = block.replace("\n", "\r\n")
    assert there.read_bytes().decode() == f"#!/usr/bin/env python\r\n{windows}\r\nprint('café')\r\n"
    assert there.stat().st_mode & 0o777 == 0o755
    result = dxpy("init --script there.py", tmp_path)
    assert result.code == 2
    assert "says already what it requires" in result.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("init p", "error: `{tmp}/p` has a project already: there is a `pyproject.toml`\n"),
        ("init bad+name", "hint: say `--name bad-name`"),
        ("init --name -x q", "expected one argument"),
        ("init --name x! q", "hint: `x` would do"),
        ("init --python 3.99 q", "3.99"),
        ("init --vcs svn q", "--vcs: not `svn`"),
        ("init --build-backend hatchlin q", "hint: did you mean `hatchling`"),
        ("init --no-package --build-backend hatch q", "goes with no `--build-backend`"),
        ("init --script", "a script needs a name"),
        ("init --script --name x q.py", "`--name` is for projects"),
        ("init --script p", "`p` is a directory"),
        ("init file/q", "error: `{tmp}/file` is a file, and a directory of that name is needed"),
        ("init --lib file", "error: `{tmp}/file` is a file"),
        ("init /proc/p", "error: `/proc/p` cannot be made: "),
    ],
)
def test_a_mistake_leaves_nothing(dxpy: Command, tmp_path: Path, words: str, said: str) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "pyproject.toml").write_text("x = 1\n")
    (tmp_path / "file").write_text("")
    before = sorted(path for path in tmp_path.rglob("*") if "cache" not in path.parts)
    result = dxpy(words, tmp_path)
    assert result.code != 0
    assert said.replace("{tmp}", str(tmp_path)) in result.err
    assert sorted(path for path in tmp_path.rglob("*") if "cache" not in path.parts) == before


def test_a_failure_halfway_takes_everything_back(dxpy: Command, tmp_path: Path) -> None:
    root = tmp_path / "p"
    (root / "src").mkdir(parents=True)
    (root / "src" / "p").write_text("in the way of the package")
    result = dxpy("init --lib", root)
    assert result.code == 2
    assert result.err == f"error: `{root / 'src/p'}` is a file, and a directory of that name is needed\n"
    assert sorted(path.relative_to(root).as_posix() for path in root.rglob("*")) == ["src", "src/p"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_takes_no_files_is_told(dxpy: Command, tmp_path: Path) -> None:
    root = tmp_path / "p"
    root.mkdir(mode=0o555)
    result = dxpy("init --vcs none", root)
    assert result.code == 2
    assert "cannot be made: Permission denied" in result.err
    assert list(root.iterdir()) == []
