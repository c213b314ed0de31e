"""Dependencies from directories, git repositories and sdists, and the project itself: what a person does and sees."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import PYTHON, UV, Command, clean_environ, without_times, write_project
from index_server import LoopbackIndex
from repositories import BUILD_SYSTEM, Repository, builds, write_sdist, write_tree

from dxpy_async.formats.dpl import DplLockFile


def site(root: Path) -> Path:
    return next((root / ".venv/lib").glob("python3*/site-packages"))


def direct_url(root: Path, name: str) -> dict[str, Any]:
    (file,) = site(root).glob(f"{name}-*.dist-info/direct_url.json")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def sources(root: Path) -> dict[str, str]:
    with DplLockFile.open(root / "dxpy.lock") as lock:
        return {package.name: package.source.url for package in lock.packages}


def says(root: Path, code: str) -> str:
    return subprocess.check_output([root / ".venv/bin/python", "-c", code], text=True).strip()


# The project itself


def test_a_project_with_a_build_system_is_installed_and_leads_to_its_source(dxpy: Command, tmp_path: Path) -> None:
    root = write_tree(
        tmp_path / "p",
        "webapp",
        dependencies=["safe"],
        more='[project.scripts]\nhello = "webapp:main"\n',
        files={"webapp/__init__.py": "def main():\n    print('hello')\n"},
    )
    result = dxpy("sync", root)
    assert without_times(result.err) == (
        "Resolved 1 package in T\n"
        f"Building webapp @ {root.as_uri()}\nBuilt webapp @ {root.as_uri()} in T\n"
        "Prepared 2 packages in T\n"
        "Installed 2 packages in T\n + safe==2.0\n + webapp==1.0\n"
    )
    assert dxpy(["run", "hello"], root).out == "hello\n"
    (root / "webapp" / "__init__.py").write_text("def main():\n    print('changed')\n")
    again = dxpy(["run", "hello"], root)
    assert (again.out, again.err) == ("changed\n", "")
    assert direct_url(root, "webapp")["dir_info"]["editable"] is True
    assert builds(root) == 1


def test_a_changed_pyproject_makes_the_project_anew(dxpy: Command, tmp_path: Path) -> None:
    root = write_tree(tmp_path / "p", "webapp")
    assert dxpy("sync", root).code == 0
    write_tree(root, "webapp", "1.1", more='[project.scripts]\nhi = "webapp:main"\n')
    result = dxpy("sync", root)
    assert "- webapp==1.0\n + webapp==1.1\n" in result.err
    assert (root / ".venv/bin/hi").exists()
    assert without_times(dxpy("sync", root).err) == "Checked 1 package in T\n"


@pytest.mark.parametrize("table", ["package = false", None])
def test_a_project_that_is_no_package_is_not_installed(dxpy: Command, tmp_path: Path, table: str | None) -> None:
    build_system = f"{BUILD_SYSTEM}[tool.dxpy]\n{table}\n" if table else ""
    root = write_tree(tmp_path / "p", "webapp", dependencies=["safe"], build_system=build_system)
    (root / "own_backend.py").write_text("raise SystemError\n")
    assert dxpy("sync", root).err.endswith(" + safe==2.0\n")


def test_dynamic_fields_come_from_the_build_backend(dxpy: Command, tmp_path: Path) -> None:
    root = write_tree(tmp_path / "p", "webapp", None, files={"VERSION": "0.3.dev1\n", "needs.txt": "safe\n"})
    text = (root / "pyproject.toml").read_text()
    text = text.replace('dynamic = ["version"]', 'dynamic = ["version", "dependencies"]').replace(
        "dependencies = []", ""
    )
    (root / "pyproject.toml").write_text(text)
    result = dxpy("sync", root)
    assert (result.code, result.err.split("Installed")[1].splitlines()[1:]) == (
        0,
        [" + safe==2.0", " + webapp==0.3.dev1"],
    )
    assert dxpy("lock --check", root).code == 0


# Directories


def test_a_directory_is_built_and_built_anew_when_it_changed(dxpy: Command, tmp_path: Path) -> None:
    lib = write_tree(tmp_path / "lib", "foo", dependencies=["safe<2"])
    root = write_project(tmp_path / "p", "foo @ file:../lib")
    assert dxpy("sync", root).err.endswith(" + foo==1.0\n + safe==1.9\n")
    assert without_times(dxpy("sync", root).err).startswith("Resolved 2 packages in T\nChecked 2 packages in T")
    (lib / "foo" / "__init__.py").write_text("version = 'changed'\n")
    assert dxpy("sync", root).err.endswith(" - foo==1.0\n + foo==1.0\n")
    assert says(root, "import foo; print(foo.version)") == "changed"
    assert builds(lib) == 2
    assert sources(root)["foo"] == "file:../lib"


def test_what_a_build_leaves_in_a_directory_is_no_change_of_it(dxpy: Command, tmp_path: Path) -> None:
    lib = write_tree(tmp_path / "lib", "foo")
    backend = lib / "own_backend.py"
    backend.write_text(f"{backend.read_text()}\nopen('litter.txt', 'a').write('x')\n")
    root = write_project(tmp_path / "p", "foo @ file:../lib")
    assert dxpy("sync", root).code == 0
    litter = (lib / "litter.txt").read_text()
    assert without_times(dxpy("sync", root).err) == "Resolved 1 package in T\nChecked 1 package in T\n"
    assert (lib / "litter.txt").read_text() == litter


def test_an_editable_directory_is_followed_without_a_sync(dxpy: Command, tmp_path: Path) -> None:
    lib = write_tree(tmp_path / "lib", "foo")
    root = write_project(tmp_path / "p", more='[tool.dxpy.sources]\nfoo = { path = "../lib", editable = true }\n')
    write_project(root, "foo", more='[tool.dxpy.sources]\nfoo = { path = "../lib", editable = true }\n')
    assert dxpy("sync", root).code == 0
    (lib / "foo" / "__init__.py").write_text("version = 'changed'\n")
    assert without_times(dxpy("sync", root).err) == "Checked 1 package in T\n"
    assert says(root, "import foo; print(foo.version)") == "changed"
    assert direct_url(root, "foo")["url"] == lib.as_uri()


def test_a_changed_requirement_of_a_directory_makes_the_lock_stale(dxpy: Command, tmp_path: Path) -> None:
    lib = write_tree(tmp_path / "lib", "foo")
    root = write_project(tmp_path / "p", "foo @ file:../lib#editable=true")
    assert dxpy("sync", root).code == 0
    assert dxpy("lock", root).code == 0
    write_tree(lib, "foo", dependencies=["safe"])
    checked = dxpy("lock --check", root)
    assert checked.code == 1
    assert "`foo` in `../lib` requires `safe` now" in checked.err
    result = dxpy("sync", root)
    assert result.err.endswith(" - foo==1.0\n + foo==1.0\n + safe==2.0\n")


def test_of_a_virtual_directory_only_what_it_requires_is_installed(dxpy: Command, tmp_path: Path) -> None:
    write_tree(tmp_path / "lib", "foo", dependencies=["safe"], build_system="")
    root = write_project(tmp_path / "p", "foo @ file:../lib#virtual=true")
    assert dxpy("sync", root).err.endswith("\n + safe==2.0\n")
    assert sorted(each.name for each in site(root).glob("*.dist-info")) == ["safe-2.0.dist-info"]


def test_a_version_that_only_the_backend_knows_makes_no_lock_stale(dxpy: Command, tmp_path: Path) -> None:
    lib = write_tree(tmp_path / "lib", "foo", None, files={"VERSION": "1.0.dev1\n"})
    root = write_project(tmp_path / "p", "foo @ file:../lib")
    assert dxpy("sync", root).code == 0
    lock = (root / "dxpy.lock").read_bytes()
    (lib / "VERSION").write_text("1.0.dev2\n")
    assert dxpy("lock --check", root).code == 0
    assert dxpy("sync --locked", root).err.endswith(" - foo==1.0.dev1\n + foo==1.0.dev2\n")
    assert (root / "dxpy.lock").read_bytes() == lock


def test_the_sources_of_a_directory_count_for_what_it_requires(dxpy: Command, tmp_path: Path) -> None:
    write_tree(tmp_path / "libs" / "bar", "bar", "7.0")
    own = '[tool.dxpy.sources]\nbar = { path = "../bar" }\n'
    foo = write_tree(tmp_path / "libs" / "foo", "foo", dependencies=["bar"], build_system=f"{BUILD_SYSTEM}{own}")
    root = write_project(tmp_path / "p", "foo @ file:../libs/foo#editable=true")
    (foo / "own_backend.py").write_bytes((tmp_path / "libs" / "bar" / "own_backend.py").read_bytes())
    assert dxpy("sync", root).err.endswith("\n + bar==7.0\n + foo==1.0\n")
    assert sources(root)["bar"] == "file:../libs/bar"
    assert dxpy("lock --check", root).code == 0


# git


@pytest.fixture
def upstream(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "upstream")
    write_tree(made.root, "foo")
    made.commit()
    return made


def test_the_commit_is_locked_and_stays_until_an_upgrade(dxpy: Command, tmp_path: Path, upstream: Repository) -> None:
    first = upstream.git("rev-parse", "HEAD")
    root = write_project(tmp_path / "p", f"foo @ git+{upstream.url}@main")
    result = dxpy("sync", root)
    assert (result.code, sources(root)) == (0, {"foo": f"git+{upstream.url}@{first}#requested=main"})
    assert direct_url(root, "foo") == {
        "url": upstream.url,
        "vcs_info": {"vcs": "git", "commit_id": first, "requested_revision": "main"},
    }
    write_tree(upstream.root, "foo", "1.1")
    second = upstream.commit()
    write_project(root, f"foo @ git+{upstream.url}@main", "safe")
    assert dxpy("sync", root).err.endswith("\n + safe==2.0\n")
    assert sources(root)["foo"].startswith(f"git+{upstream.url}@{first}#")
    assert dxpy("lock --upgrade-package foo", root).code == 0
    assert sources(root)["foo"].startswith(f"git+{upstream.url}@{second}#")
    assert dxpy("sync", root).err.endswith(" - foo==1.0\n + foo==1.1\n")


def test_another_branch_makes_the_lock_stale(dxpy: Command, tmp_path: Path, upstream: Repository) -> None:
    root = write_project(tmp_path / "p", f"foo @ git+{upstream.url}@main")
    assert dxpy("lock", root).code == 0
    upstream.git("switch", "--quiet", "--create", "develop")
    write_project(root, f"foo @ git+{upstream.url}@develop")
    checked = dxpy("lock --check", root)
    assert checked.code == 1
    assert "@develop` in the dependencies" in checked.err


def test_a_clone_of_a_project_needs_no_branch_and_a_second_sync_no_repository(
    dxpy: Command, tmp_path: Path, upstream: Repository
) -> None:
    root = write_project(tmp_path / "p", f"foo @ git+{upstream.url}@main")
    assert dxpy("lock", root).code == 0
    write_tree(upstream.root, "foo", "1.1")
    upstream.commit()
    other = write_project(tmp_path / "q", f"foo @ git+{upstream.url}@main")
    (other / "dxpy.lock").write_bytes((root / "dxpy.lock").read_bytes())
    assert dxpy("sync --locked", other).err.endswith(" + foo==1.0\n")
    upstream.root.rename(tmp_path / "gone")
    assert dxpy("sync", root).err.endswith(" + foo==1.0\n")


def test_a_subdirectory_of_a_repository_is_what_is_built(dxpy: Command, tmp_path: Path, upstream: Repository) -> None:
    write_tree(upstream.root / "libs" / "bar", "bar", "3.0")
    upstream.commit()
    url = f"git+{upstream.url}#subdirectory=libs/bar"
    root = write_project(tmp_path / "p", f"bar @ {url}")
    assert dxpy("sync", root).err.endswith(" + bar==3.0\n")
    assert direct_url(root, "bar")["subdirectory"] == "libs/bar"
    missing = write_project(tmp_path / "q", f"bar @ git+{upstream.url}#subdirectory=nowhere")
    said = dxpy("sync", missing)
    assert (said.code, "has no directory `nowhere`" in said.err) == (2, True)


# sdists


def test_a_release_with_only_an_sdist_is_built(dxpy: Command, tmp_path: Path, index: LoopbackIndex) -> None:
    tree = write_tree(tmp_path / "tree", "onlysource", dependencies=["safe<2"])
    index.add_directory(write_sdist(tmp_path / "sdists", tree, "onlysource", "1.0").parent)
    root = write_project(tmp_path / "p", "onlysource")
    assert dxpy("sync", root).err.endswith(" + onlysource==1.0\n + safe==1.9\n")
    asked = len(index.requests)
    other = write_project(tmp_path / "q", "onlysource")
    (other / "dxpy.lock").write_bytes((root / "dxpy.lock").read_bytes())
    again = dxpy("sync --frozen", other)
    assert (again.code, "Built" in again.err, len(index.requests)) == (0, False, asked)


def test_an_sdist_whose_hash_is_wrong_is_never_run(dxpy: Command, tmp_path: Path, index: LoopbackIndex) -> None:
    tree = write_tree(tmp_path / "tree", "evil")
    (tree / "own_backend.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    archive = write_sdist(tmp_path / "sdists", tree, "evil", "1.0")
    index.add_file(archive.name, archive.read_bytes(), hashes={"sha256": "0" * 64})
    said = dxpy("sync", write_project(tmp_path / "p", "evil"))
    assert said.code == 2
    assert "error: `evil-1.0.tar.gz` from" in said.err
    assert f"expected {'0' * 64}" in said.err
    assert not (tmp_path / "ran").exists()


def test_an_archive_named_by_path_is_built_and_its_hash_is_locked(dxpy: Command, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", "foo")
    root = write_project(tmp_path / "p", "foo @ file:dist/foo-1.0.tar.gz")
    archive = write_sdist(root / "dist", tree, "foo", "1.0")
    assert dxpy("sync", root).err.endswith(" + foo==1.0\n")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert direct_url(root, "foo") == {"url": archive.as_uri(), "archive_info": {"hashes": {"sha256": digest}}}
    assert sources(root) == {"foo": "file:dist/foo-1.0.tar.gz"}
    assert without_times(dxpy("sync", root).err) == "Checked 1 package in T\n"


def test_credentials_in_an_address_are_used_and_written_nowhere(
    dxpy: Command, tmp_path: Path, index: LoopbackIndex
) -> None:
    tree = write_tree(tmp_path / "tree", "foo")
    index.add_directory(write_sdist(tmp_path / "sdists", tree, "foo", "1.0").parent)
    index.credentials = ("somebody", "s3cret")
    url = index.file_url("foo-1.0.tar.gz").replace("://", "://somebody:s3cret@")
    root = write_project(tmp_path / "p", f"foo @ {url}")
    result = dxpy("sync", root)
    assert result.err.endswith(" + foo==1.0\n"), result.err
    written = [*root.glob(".venv/lib/*/site-packages/foo-1.0.dist-info/*"), root / "dxpy.lock"]
    written += [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert not [path for path in written if b"s3cret" in path.read_bytes()]
    assert dxpy("lock --check", root).code == 0
    other = write_project(tmp_path / "q", f"foo @ {url}")
    (other / "dxpy.lock").write_bytes((root / "dxpy.lock").read_bytes())
    again = dxpy("sync --locked", other, environ={"DXPY_CACHE_DIR": str(tmp_path / "another")})
    assert again.err.endswith(" + foo==1.0\n"), again.err
    wrong = dxpy("sync", write_project(tmp_path / "r", f"foo @ {url.replace('s3cret', 'gu3ss')}"))
    assert (wrong.code, "gu3ss" in wrong.err) == (2, False)


# Export


def test_sources_are_exported_as_other_tools_write_them(dxpy: Command, tmp_path: Path, upstream: Repository) -> None:
    commit = upstream.git("rev-parse", "HEAD")
    write_tree(tmp_path / "p" / "libs" / "bar", "bar")
    root = write_project(tmp_path / "p", f"foo @ git+{upstream.url}@main", "bar @ file:libs/bar#editable=true")
    text = dxpy("export --no-annotate --format requirements-txt", root)
    assert text.code == 0, text.err
    assert [line for line in text.out.splitlines() if not line.startswith("#")] == [
        "-e ./libs/bar",
        f"foo @ git+{upstream.url}@{commit}",
    ]
    pylock = dxpy("export --format pylock.toml", root)
    assert pylock.code == 0, pylock.err
    assert 'directory = { path = "libs/bar", editable = true }\n' in pylock.out
    assert (
        f'vcs = {{ type = "git", url = "{upstream.url}", requested-revision = "main", commit-id = "{commit}" }}\n'
    ) in pylock.out


# Bad input

Wrong = Callable[[Path, Repository], str]


@pytest.mark.parametrize(
    ("wrong", "code", "said"),
    [
        (lambda _, upstream: f"foo @ git+{upstream.url}@absent", 2, "has no branch, tag or commit `absent`"),
        (
            lambda _, __: "foo @ git+http://127.0.0.1:9/x.git",
            2,
            "git cannot read the repository `http://127.0.0.1:9/x.git`",
        ),
        (lambda _, __: "foo @ file:../nowhere", 2, "there is no such directory"),
        (lambda path, __: f"foo @ {(path / 'empty').as_uri()}", 1, "neither a pyproject.toml nor a setup.py"),
        (lambda path, __: f"foo @ {(path / 'broken').as_uri()}", 1, "its pyproject.toml is not valid TOML"),
        (lambda path, __: f"foo @ {(path / 'other').as_uri()}", 1, "is of `other`, not of `foo`"),
        (lambda path, __: f"foo @ {(path / 'liar').as_uri()}", 2, "what its backend made is of `bar`, not of `foo`"),
        (lambda path, upstream: f'foo @ git+{upstream.url}", "foo @ {(path / "same").as_uri()}', 1, "one URL only"),
    ],
)
def test_what_is_wrong_with_a_source_is_said(
    dxpy: Command, tmp_path: Path, upstream: Repository, wrong: Wrong, code: int, said: str
) -> None:
    (tmp_path / "empty").mkdir()
    write_tree(tmp_path / "other", "other")
    write_tree(tmp_path / "same", "foo")
    (write_tree(tmp_path / "broken", "foo") / "pyproject.toml").write_text("[project\n")
    liar = write_tree(tmp_path / "liar", "foo") / "own_backend.py"
    liar.write_text(
        liar.read_text()
        .replace("f\"Name: {project['name']}\"", '"Name: bar"')
        .replace('module = project["name"].replace("-", "_")\n    info', 'module = "bar"\n    info')
    )
    root = write_project(tmp_path / "p", wrong(tmp_path, upstream))
    before = (root / "pyproject.toml").read_bytes()
    result = dxpy("sync", root)
    assert (result.code, said in result.err) == (code, True), result.err
    assert (root / "pyproject.toml").read_bytes() == before
    assert not (root / "dxpy.lock").exists() or said == "what its backend made is of `bar`, not of `foo`"
    assert not list(root.glob(".venv/lib/*/site-packages/*.dist-info"))


def test_a_url_that_an_index_package_requires_is_refused(dxpy: Command, tmp_path: Path, index: LoopbackIndex) -> None:
    tree = write_tree(tmp_path / "tree", "sly", dependencies=["safe @ https://evil.test/safe-1.0.tar.gz"])
    index.add_directory(write_sdist(tmp_path / "sdists", tree, "sly", "1.0").parent)
    said = dxpy("sync", write_project(tmp_path / "p", "sly"))
    assert said.code == 1
    assert "only your own requirements may name a URL" in said.err


def test_a_directory_that_vanished_is_named(dxpy: Command, tmp_path: Path) -> None:
    lib = write_tree(tmp_path / "lib", "foo")
    root = write_project(tmp_path / "p", "foo @ file:../lib#editable=true")
    assert dxpy("sync", root).code == 0
    lib.rename(tmp_path / "gone")
    said = dxpy("sync", root)
    assert (said.code, said.err) == (
        2,
        f"error: `foo` comes from the directory `{lib}`, and there is no such directory\n",
    )


# Beside uv


@pytest.mark.skipif(UV is None, reason="uv is not installed")
def test_uv_ends_with_the_same_distributions(
    dxpy: Command, tmp_path: Path, index: LoopbackIndex, upstream: Repository
) -> None:
    tree = write_tree(tmp_path / "tree", "onlysource", dependencies=["safe<2"])
    index.add_directory(write_sdist(tmp_path / "sdists", tree, "onlysource", "1.0").parent)
    tables = (
        f'[tool.uv.sources]\nfoo = {{ git = "{upstream.url}", branch = "main" }}\n'
        'bar = { path = "libs/bar", editable = true }\nbaz = { path = "libs/baz" }\n'
    )
    for root in (tmp_path / "p", tmp_path / "q"):
        write_tree(
            root,
            "webapp",
            None,
            dependencies=["foo", "bar", "baz", "onlysource"],
            more='requires-python = ">=3.11"\n',
            files={"VERSION": "0.3.dev1\n"},
            build_system=f"{BUILD_SYSTEM}{tables}",
        )
        for name in ("bar", "baz"):
            write_tree(root / "libs" / name, name, "4.2")
        (root / "own_backend.py").write_bytes((tree / "own_backend.py").read_bytes())
    assert dxpy("sync", tmp_path / "p").code == 0
    environ = clean_environ(
        UV_CACHE_DIR=str(tmp_path / "uv-cache"),
        UV_DEFAULT_INDEX=index.url,
        UV_PYTHON=PYTHON,
        UV_PYTHON_DOWNLOADS="never",
    )
    assert UV is not None
    ran = subprocess.run([UV, "sync"], cwd=tmp_path / "q", env=environ, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    ours, theirs = (sorted(path.name for path in site(tmp_path / each).glob("*.dist-info")) for each in "pq")
    assert ours == theirs
    for name in ("foo", "bar", "baz", "webapp"):
        found, expected = direct_url(tmp_path / "p", name), direct_url(tmp_path / "q", name)
        found.get("dir_info", {}).pop("dxpy-fingerprint", None)
        if "dir_info" in expected:
            found["dir_info"].setdefault("editable", False)
        assert found == json.loads(json.dumps(expected).replace(str(tmp_path / "q"), str(tmp_path / "p"))), name
