"""`dxpy config` and `--show-settings`: what counts, why, and how it is changed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from command import Command, Result

pytestmark = pytest.mark.slow

PROJECT = """\
[project]
name = "p"
version = "1"

[tool.dxpy]
# how
resolution = "lowest"   # careful

[tool.dxpy.scripts]
a = "echo"
"""


class Surroundings:
    """A project, a user and a system of their own."""

    def __init__(self, dxpy: Command, top: Path) -> None:
        self._dxpy, self.root, self.user = dxpy, top / "p", top / "home/dxpy/dxpy.toml"
        self.root.mkdir()
        self.file = self.root / "pyproject.toml"
        self.file.write_text(PROJECT)
        for name in ("DXPY_DEFAULT_INDEX", "DXPY_PYTHON", "DXPY_HTTP_RETRIES", "DXPY_HTTP_TIMEOUT"):
            del dxpy.environ[name]
        dxpy.environ |= {
            "XDG_CONFIG_HOME": str(top / "home"),
            "XDG_CONFIG_DIRS": str(top / "system"),
            "PIP_CONFIG_FILE": os.devnull,
        }

    def __call__(self, *words: str, **environ: str) -> Result:
        return self._dxpy(list(words), self.root, environ=environ)


@pytest.fixture
def dxpy_in(dxpy: Command, tmp_path: Path) -> Surroundings:
    return Surroundings(dxpy, tmp_path)


def lines(result: Result) -> dict[str, str]:
    """What `list` says, by setting: the value and its origin."""
    assert result.code == 0, result.err
    split = [line.partition("  # ") for line in result.out.splitlines()]
    return {left.partition(" = ")[0]: f"{left.partition(' = ')[2].strip()} {origin}" for left, _, origin in split}


def test_each_setting_is_shown_with_where_it_comes_from(dxpy_in: Surroundings) -> None:
    dxpy_in.user.parent.mkdir(parents=True)
    dxpy_in.user.write_text('\nfind-links = ["wheels"]\n')
    shown = lines(dxpy_in("config", "list", UV_LINK_MODE="copy", DXPY_INDEX="https://me:secret@x.test/simple"))
    assert shown["resolution"] == f'"lowest" {dxpy_in.file}:7'
    assert shown["link-mode"] == '"copy" variable UV_LINK_MODE'
    assert shown["find-links"] == f'["{dxpy_in.user.parent}/wheels"] {dxpy_in.user}:2'
    assert shown["extra-index-url"] == '["https://x.test/simple"] variable DXPY_INDEX'
    assert shown["prerelease"] == '"if-necessary-or-explicit" default'


def test_what_pip_was_told_is_shown_with_pips_file_or_variable(dxpy_in: Surroundings, tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = https://me:secret@a.test/simple\n[install]\nfind-links = /wheels\n")
    shown = lines(dxpy_in("config", "list", PIP_CONFIG_FILE=str(file), PIP_EXTRA_INDEX_URL="https://b.test"))
    assert shown["index-url"] == f'"https://a.test/simple" pip\'s settings: {file}'
    assert shown["find-links"] == f'["/wheels"] pip\'s settings: {file}'
    assert shown["extra-index-url"] == '["https://b.test"] pip\'s settings: PIP_EXTRA_INDEX_URL'
    shown = lines(dxpy_in("config", "list", PIP_CONFIG_FILE=str(file), PIP_NO_INDEX="1"))
    assert [shown[key] for key in ("index-url", "no-index")] == [
        '"" pip\'s settings: PIP_NO_INDEX',
        "true pip's settings: PIP_NO_INDEX",
    ]


def test_that_no_index_is_asked_comes_from_who_says_so(dxpy_in: Surroundings) -> None:
    shown = lines(dxpy_in("--show-settings", "lock", "--no-index", "--no-python-downloads"))
    assert [shown[key] for key in ("index-url", "no-index")] == ['"" --no-index', "true --no-index"]
    assert shown["python-downloads"] == '"never" --no-python-downloads'


def test_where_things_are_published_is_a_setting_like_others(dxpy_in: Surroundings) -> None:
    shown = lines(dxpy_in("config", "list"))
    assert shown["publish-url"].endswith(" default")
    table = '[[tool.dxpy.index]]\nname = "ours"\nurl = "https://a.test/simple"\npublish-url = "https://a.test/up"\n'
    dxpy_in.file.write_text(f"{PROJECT}\n{table}")
    assert dxpy_in("config", "set", "--project", "publish-url", "https://b.test/up").code == 0
    dxpy_in.file.write_text(dxpy_in.file.read_text().replace("//b.test", "//me:secret@b.test"))
    assert dxpy_in("config", "get", "publish-url").out == "https://b.test/up\n"
    shown = lines(dxpy_in("--show-settings", "publish", "--trusted-publishing", "never"))
    assert shown["publish-url"] == f'"https://b.test/up" {dxpy_in.file}:8'
    assert shown["trusted-publishing"] == '"never" --trusted-publishing'
    shown = lines(dxpy_in("--show-settings", "publish", "--index", "ours"))
    assert [shown[key] for key in ("publish-url", "check-url")] == [
        '"https://a.test/up" --index',
        '"https://a.test/simple" --index',
    ]
    shown = lines(dxpy_in("config", "list", DXPY_PUBLISH_INDEX="ours"))
    assert shown["publish-url"] == '"https://a.test/up" variable DXPY_PUBLISH_INDEX'


def test_show_settings_tells_of_any_command_and_does_not_run_it(dxpy_in: Surroundings) -> None:
    shown = lines(dxpy_in("--show-settings", "sync", "--resolution", "highest", "--no-build"))
    assert shown["resolution"] == '"highest" --resolution'
    assert shown["no-build"] == "true --no-build"
    assert not (dxpy_in.root / ".venv").exists()
    assert lines(dxpy_in("lock", "--show-settings", "--no-config"))["resolution"] == '"highest" default'


def test_list_and_get_for_programs(dxpy_in: Surroundings) -> None:
    told = json.loads(dxpy_in("config", "list", "--output-format", "json").out)
    (found,) = [each for each in told["settings"] if each["key"] == "resolution"]
    origin = {"kind": "file", "name": str(dxpy_in.file), "line": 7}
    assert (told["schema"], found) == (
        "dxpy/config-list/1",
        {"key": "resolution", "value": "lowest", "origins": [origin]},
    )
    told = json.loads(dxpy_in("config", "get", "resolution", "--output-format", "json").out)
    assert (told["schema"], told["value"], told["origins"]) == ("dxpy/config-get/1", "lowest", [origin])


def test_get_prints_the_plain_value(dxpy_in: Surroundings) -> None:
    assert dxpy_in("config", "get", "resolution").out == "lowest\n"
    result = dxpy_in("config", "get", "find-links", DXPY_FIND_LINKS="/a,/b")
    assert (result.code, result.out) == (0, "/a\n/b\n")
    result = dxpy_in("config", "get", "python")
    assert (result.code, result.out, result.err) == (1, "", "")
    result = dxpy_in("config", "get", "hint")
    assert (result.code, result.err) == (2, "error: there is no setting `hint`\n\nhint: did you mean `hints`?\n")


def test_set_changes_one_line_of_the_projects_file(dxpy_in: Surroundings) -> None:
    dxpy_in.file.chmod(0o640)
    for words in (("resolution", "highest"), ("find-links", "./a", "./b"), ("build-timeout", "30"), ("python", "3.12")):
        result = dxpy_in("config", "set", "--project", *words)
        assert (result.code, result.err) == (0, f"Set `{words[0]}` in {dxpy_in.file}\n")
    assert dxpy_in.file.read_text() == PROJECT.replace(
        'resolution = "lowest"   # careful\n',
        'resolution = "highest"   # careful\nfind-links = ["./a", "./b"]\nbuild-timeout = 30\npython = "3.12"\n',
    )
    assert dxpy_in.file.stat().st_mode & 0o777 == 0o640


def test_set_and_unset_in_the_users_file(dxpy_in: Surroundings) -> None:
    assert dxpy_in("config", "set", "link-mode", "symlink").code == 0
    assert dxpy_in("config", "set", "prerelease-package.numpy", "allow").code == 0
    assert dxpy_in("config", "get", "prerelease-package.numpy").out == "allow\n"
    assert dxpy_in("config", "set", "hints", "false").code == 0
    assert dxpy_in.user.read_text() == 'link-mode = "symlink"\nhints = false\n\n[prerelease-package]\nnumpy = "allow"\n'
    assert dxpy_in("config", "path").out == f"{dxpy_in.user}\n"
    result = dxpy_in("config", "unset", "link-mode")
    assert (result.code, result.err) == (0, f"Removed `link-mode` from {dxpy_in.user}\n")
    result = dxpy_in("config", "unset", "link-mode")
    assert (result.code, result.err.splitlines()[0]) == (2, f"error: `{dxpy_in.user}` does not set `link-mode`")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("link-mode", "teleport"),
            (
                "`link-mode` cannot be set to `teleport`: `link-mode` is 'teleport'; it can be hardlink, "
                "copy, clone, symlink"
            ),
        ),
        (("hints", "perhaps"), "`hints` cannot be set to `perhaps`: `hints` must be true or false, not a string"),
        (("index-url", "simple"), "`index-url` is `simple`, which is not the URL of an index"),
        (("extra-index-url", "https://a.test", "b"), "`extra-index-url` is `b`, which is not the URL of an index"),
        (("publish-url", "upload"), "the address to publish to must begin with http:// or https://"),
        (("check-url", "ftp://a.test"), "the index to check must begin with http:// or https:// or file://"),
        (
            ("index-url", "https://me:secret@a.test/simple"),
            "`index-url` is to be `https://a.test/simple` with a login, which everybody who reads the file would see",
        ),
        (("linkmode", "copy"), "there is no setting `linkmode` that a file can say"),
        (("package", "false"), "`package` cannot be set to `false`: `package` is for a project to say"),
    ],
)
def test_what_would_be_refused_is_not_written(dxpy_in: Surroundings, words: tuple[str, str], said: str) -> None:
    result = dxpy_in("config", "set", *words)
    assert (result.code, result.err.splitlines()[0]) == (2, f"error: {said}")
    assert not dxpy_in.user.exists()


def test_a_project_that_speaks_uvs_words_gets_a_file_of_its_own(dxpy_in: Surroundings) -> None:
    dxpy_in.file.write_text(PROJECT.replace("tool.dxpy", "tool.uv"))
    assert dxpy_in("config", "set", "--project", "link-mode", "copy").code == 0
    assert (dxpy_in.root / "dxpy.toml").read_text() == 'link-mode = "copy"\n'
    assert lines(dxpy_in("config", "list"))["resolution"] == f'"lowest" {dxpy_in.file}:7'


def test_a_wrong_setting_can_be_put_right(dxpy_in: Surroundings) -> None:
    dxpy_in.file.write_text(PROJECT.replace('"lowest"', '"deepest"'))
    assert dxpy_in("config", "list").code == 2
    assert dxpy_in("config", "set", "--project", "resolution", "highest").code == 0
    assert dxpy_in("config", "get", "resolution").out == "highest\n"
