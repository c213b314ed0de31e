"""`dxpy add` of what is not on an index, or on another: what is written, in all forms that people give it in."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from command import Command, write_project
from index_server import LoopbackIndex, running_index
from wheels import build_wheel

HEAD = '[project]\nname = "webapp"\nversion = "0.1"\nrequires-python = ">=3.11"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project, beside a directory `lib`, a repository `repo`, a directory without a name and a wheel."""
    write_project(tmp_path / "lib", name="Some_Lib")
    write_project(tmp_path / "repo", name="git-lib")
    write_project(tmp_path / "repo" / "sub", name="sub-lib")
    for words in ("init -q -b main .", "add .", "-c user.name=a -c user.email=b commit -qm x", "tag v1"):
        subprocess.run(["git", *words.split()], cwd=tmp_path / "repo", check=True)
    (tmp_path / "nameless").mkdir()
    build_wheel(tmp_path, "wheely", "1.0")
    return write_project(tmp_path / "p")


def text(root: Path) -> str:
    return (root / "pyproject.toml").read_text()


def written(requirement: str, source: str) -> str:
    quoted = f'"{requirement}"' if '"' not in requirement else f"'{requirement}'"
    return f"{HEAD}dependencies = [\n    {quoted},\n]\n\n[tool.dxpy.sources]\n{source}\n"


@pytest.mark.parametrize(
    ("given", "requirement", "source"),
    [
        ("../lib", "some-lib", 'some-lib = { path = "../lib" }'),
        ("../lib/", "some-lib", 'some-lib = { path = "../lib" }'),
        ("--editable ../lib", "some-lib", 'some-lib = { path = "../lib", editable = true }'),
        ("../lib[b,A]", "some-lib[a,b]", 'some-lib = { path = "../lib" }'),
        ("--extra x ../lib", "some-lib[x]", 'some-lib = { path = "../lib" }'),
        ("--path ../lib", "some-lib", 'some-lib = { path = "../lib" }'),
        ("--path ../nameless called[x]", "called[x]", 'called = { path = "../nameless" }'),
        ("{tmp}/lib", "some-lib", 'some-lib = { path = "{tmp}/lib" }'),
        ("file://{tmp}/lib", "some-lib", 'some-lib = { path = "{tmp}/lib" }'),
        ("../wheely-1.0-py3-none-any.whl", "wheely", 'wheely = { path = "../wheely-1.0-py3-none-any.whl" }'),
        ("git+file://{tmp}/repo", "git-lib", 'git-lib = { git = "file://{tmp}/repo" }'),
        ("git+file://{tmp}/repo@v1", "git-lib", 'git-lib = { git = "file://{tmp}/repo", rev = "v1" }'),
        ("git+file://{tmp}/repo --rev v1", "git-lib", 'git-lib = { git = "file://{tmp}/repo", rev = "v1" }'),
        (
            "--branch main --git file://{tmp}/repo",
            "git-lib",
            'git-lib = { git = "file://{tmp}/repo", branch = "main" }',
        ),
        (
            "git+file://{tmp}/repo@v1#subdirectory=sub",
            "sub-lib",
            'sub-lib = { git = "file://{tmp}/repo", rev = "v1", subdirectory = "sub" }',
        ),
        ("x@git+https://host.example/x --rev abc", "x", 'x = { git = "https://host.example/x", rev = "abc" }'),
        ("x@git+ssh://git@host.example/x", "x", 'x = { git = "ssh://git@host.example/x" }'),
        ("https://h.example/x-1.0.tar.gz", "x", 'x = { url = "https://h.example/x-1.0.tar.gz" }'),
        ("y[z]@https://h.example/a.zip", "y[z]", 'y = { url = "https://h.example/a.zip" }'),
    ],
)
def test_a_name_and_its_source_are_written(
    dxpy: Command, root: Path, tmp_path: Path, given: str, requirement: str, source: str
) -> None:
    result = dxpy(f"add --frozen {given.replace('{tmp}', str(tmp_path))}", root)
    assert result.code == 0, result.err
    assert text(root) == written(requirement, source.replace("{tmp}", str(tmp_path)))
    assert result.err.startswith(f"Added `{requirement}` to project.dependencies, from `")


def test_several_kinds_go_in_at_once(dxpy: Command, root: Path, tmp_path: Path) -> None:
    words = f"add --frozen --dev ../lib web>=1 git+file://{tmp_path}/repo x@https://h.example/x-1.zip"
    assert dxpy(words, root).err == (
        f"Added `git-lib` to dependency-groups.dev, from `file://{tmp_path}/repo`\n"
        "Added `some-lib` to dependency-groups.dev, from `../lib`\n"
        "Added `web>=1` to dependency-groups.dev\n"
        "Added `x` to dependency-groups.dev, from `https://h.example/x-1.zip`\n"
    )


def test_raw_writes_one_requirement(dxpy: Command, root: Path) -> None:
    assert dxpy("add --frozen --raw x@git+https://h.example/x@v1", root).code == 0
    assert text(root) == f'{HEAD}dependencies = [\n    "x @ git+https://h.example/x@v1",\n]\n'


def test_paths_are_those_of_where_the_command_runs(dxpy: Command, root: Path, tmp_path: Path) -> None:
    (root / "src").mkdir()
    assert dxpy("add --frozen ../../lib", root / "src").code == 0
    assert 'some-lib = { path = "../lib" }' in text(root)
    assert dxpy("add --frozen --project p ./nameless/../repo", tmp_path).code == 0
    assert 'git-lib = { path = "../repo" }' in text(root)


def test_a_known_project_gets_its_new_source_and_keeps_the_rest(dxpy: Command, root: Path) -> None:
    dxpy("add --frozen some-lib>=0.1", root)
    assert dxpy("add --frozen --editable ../lib", root).err == "`some-lib` comes from `../lib`, editable now\n"
    assert text(root) == written("some-lib>=0.1", 'some-lib = { path = "../lib", editable = true }')


def test_the_source_goes_with_the_last_requirement_on_it(dxpy: Command, root: Path) -> None:
    before = text(root)
    dxpy("add --frozen ../lib", root)
    dxpy("add --frozen --dev ../lib", root)
    dxpy("remove --frozen some-lib", root)
    assert "some-lib = { path" in text(root)
    dxpy("remove --frozen --dev some-lib", root)
    assert "sources" not in text(root)
    assert text(root).startswith(before.rstrip("\n"))


def test_a_file_that_only_uv_has_settings_in_is_written_for_it(dxpy: Command, root: Path) -> None:
    write_project(root, more='\n[tool.uv.sources]\nother = { path = "../other" }  # theirs\n')
    assert dxpy("add --frozen ../lib", root).code == 0
    assert text(root).endswith('other = { path = "../other" }  # theirs\nsome-lib = { path = "../lib" }\n')


def test_an_index_is_written_and_what_is_added_comes_from_it(dxpy: Command, root: Path, tmp_path: Path) -> None:
    build_wheel(tmp_path / "ours", "web", "9.0", requires=["safe<2"])
    with running_index() as ours:
        ours.add_directory(tmp_path / "ours")
        result = dxpy(["add", "--index", f"ours={ours.url}", "web"], root)
        assert result.code == 0, result.err
        assert "Added `web>=9.0` to project.dependencies, from the index `ours`\n" in result.err
        index = f'[[tool.dxpy.index]]\nname = "ours"\nurl = "{ours.url}"\n'
        source = 'web = { index = "ours" }'
        assert text(root) == written("web>=9.0", source).replace("[tool.", f"{index}\n[tool.")
        assert "Checked 2 packages" in dxpy("sync", root).err
        assert dxpy("lock --check", root).code == 0


def test_secrets_of_an_index_stay_out_of_the_file(dxpy: Command, root: Path, index: LoopbackIndex) -> None:
    secret = index.url.replace("://", "://user:hidden@")
    result = dxpy(["add", "--index", f"ours={secret}", "web"], root)
    assert result.code == 0, result.err
    assert "hidden" not in text(root) + result.err
    assert f'url = "{index.url}"' in text(root)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("add ../nowhere", "there is nothing at `../nowhere`"),
        ("add ../nameless", "the directory `../nameless` does not say what it is called"),
        ("add ../p/pyproject.toml", "is neither a directory nor a wheel or source distribution"),
        ("add lib/", "there is nothing at `lib/`"),
        ("add --editable web", "`--editable` is for directories"),
        ("add --rev x web", "`--rev` is for git repositories, and `web` is none"),
        ("add --tag x git+https://h.example/x@y", "names a revision, and so does `--tag`"),
        ("add --tag x --branch y git+https://h.example/x", "not allowed with argument"),
        ("add --git https://h.example/x a b", "`--git` says where one project comes from, and there are 2"),
        ("add --path ../lib a>=1", "`a>=1` says more than a name"),
        ("add git+https://user:hidden@h.example/x", "has a password or token"),
        ("add a@https://user:hidden@h.example/x-1.zip", "and log in with `dxpy auth login https://h.example`"),
        ("add https://h.example/x", "leads to nothing that can be installed"),
        ("add ftp://h.example/x-1.zip", "leads to nothing that can be installed"),
        ("add https://h.example/x.zip", "`x.zip` is not the name of a wheel or source distribution"),
        ("add git+file://{tmp}/repo@nope", "has no branch, tag or commit `nope`"),
        ("add git+file://{tmp}/missing", "git cannot read the repository"),
        ("add --offline git+https://h.example/x", "the network is not used (offline)"),
        (
            "add --index a=https://a.example/simple --index b=https://b.example/simple web",
            "cannot come from `a` and `b`",
        ),
        ("add --index a=nonsense web", "is not the URL of an index"),
    ],
)
def test_mistakes_are_told_and_change_nothing(dxpy: Command, root: Path, tmp_path: Path, words: str, said: str) -> None:
    before = text(root)
    result = dxpy(words.replace("{tmp}", str(tmp_path)), root)
    assert result.code == 2
    assert said in result.err
    assert "hidden" not in result.err
    assert text(root) == before
    assert sorted(path.name for path in root.iterdir()) == ["pyproject.toml"]


def test_when_the_sync_fails_all_is_put_back(dxpy: Command, root: Path, tmp_path: Path) -> None:
    dxpy("add --no-sync safe<2", root)
    before, lock = text(root), (root / "dxpy.lock").read_bytes()
    (root / ".venv").mkdir()
    (root / ".venv" / "mine.txt").write_text("not an environment")
    result = dxpy("add tool", root)
    assert result.code == 2
    assert "Put `pyproject.toml` and the lock back to what they were\nerror: " in result.err
    assert (text(root), (root / "dxpy.lock").read_bytes()) == (before, lock)
    (root / "dxpy.lock").unlink()
    assert dxpy("add tool", root).code == 2
    assert text(root) == before
    assert not (root / "dxpy.lock").exists()
    assert dxpy("add --no-sync tool", root).code == 0
