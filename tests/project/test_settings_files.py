"""Files of settings are read where they are looked for, the nearer first, and pip's when nobody else says anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dxpy_async.core.settings import Authentication, IndexSettings, LinkMode, Settings
from dxpy_async.errors import InvalidSettings, UsageError
from dxpy_async.project.config_places import pip_files, projects_above, settings_files
from dxpy_async.project.pip_settings import PipIndexes, read_pip_indexes
from dxpy_async.project.settings import load_settings
from dxpy_async.project.settings_files import read_settings_file
from dxpy_async.project.workspaces import open_project


class Places:
    """A project, a user and a system, all below one directory."""

    def __init__(self, top: Path) -> None:
        self.project, self.home, self.system = top / "project", top / "home", top / "system"
        self.environ = {"HOME": str(self.home), "XDG_CONFIG_DIRS": str(self.system), "PIP_CONFIG_FILE": os.devnull}
        self.write(self.project / "pyproject.toml", '[project]\nname = "p"\nversion = "1"\n')

    def write(self, file: Path, text: str) -> Path:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    @property
    def user_file(self) -> Path:
        return self.home / ".config/dxpy/dxpy.toml"

    @property
    def system_file(self) -> Path:
        return self.system / "dxpy/dxpy.toml"

    def settings(self, flags: dict[str, object] | None = None, **environ: str) -> Settings:
        project = open_project(self.project)
        return load_settings(flags or {}, {**self.environ, **environ}, project, directory=self.project)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path)


def test_of_a_single_value_the_nearest_place_wins(places: Places) -> None:
    def python() -> str | None:
        return places.settings().python

    places.write(places.system_file, 'python = "3.1"\n')
    assert python() == "3.1"
    places.write(places.user_file, 'python = "3.2"\n')
    assert python() == "3.2"
    places.write(
        places.project / "pyproject.toml", '[project]\nname = "p"\nversion = "1"\n[tool.dxpy]\npython = "3.3"\n'
    )
    assert python() == "3.3"
    places.write(places.project / "dxpy.toml", 'python = "3.4"\n')
    assert python() == "3.4"
    assert places.settings(DXPY_PYTHON="3.5").python == "3.5"
    assert places.settings({"python": "3.6"}, DXPY_PYTHON="3.5").python == "3.6"


def test_of_lists_all_places_count_the_nearest_first(places: Places) -> None:
    places.write(places.user_file, 'extra-index-url = ["https://user.test"]\nfind-links = ["wheels"]\n')
    places.write(places.project / "dxpy.toml", 'extra-index-url = ["https://near.test"]\nfind-links = ["wheels"]\n')
    indexes = places.settings().indexes
    assert indexes.extra_index_urls == ("https://near.test", "https://user.test")
    assert indexes.find_links == (str(places.project / "wheels"), str(places.user_file.parent / "wheels"))


def test_a_named_index_of_the_user_serves_a_source_of_the_project(places: Places) -> None:
    index = '[[index]]\nname = "ours"\nurl = "https://ours.test"\nexplicit = true\nauthenticate = "always"\n'
    places.write(places.user_file, index)
    text = '[project]\nname = "p"\nversion = "1"\n[tool.dxpy.sources]\nlib = { index = "ours" }\n'
    places.write(places.project / "pyproject.toml", text)
    indexes = places.settings().indexes
    assert dict(indexes.pinned) == {"lib": "https://ours.test"}
    assert dict(indexes.authentication) == {"https://ours.test": Authentication.ALWAYS}


def test_a_file_that_is_named_stands_for_all_others(places: Places) -> None:
    places.write(places.user_file, 'link-mode = "copy"\n')
    other = places.write(places.home / "other.toml", 'python = "3.9"\n')
    for settings in (places.settings({"config_file": str(other)}), places.settings(DXPY_CONFIG_FILE=str(other))):
        assert (settings.python, settings.link_mode) == ("3.9", LinkMode.HARDLINK)
    with pytest.raises(UsageError, match="there is no file of settings"):
        places.settings({"config_file": "nowhere.toml"})


def test_no_config_passes_over_all_files(places: Places) -> None:
    places.write(places.user_file, 'python = "3.9"\n')
    pip = places.write(places.home / "pip.conf", "[global]\nindex-url = https://pip.test\n")
    settings = places.settings({"no_config": True}, PIP_CONFIG_FILE=str(pip))
    assert (settings.python, settings.indexes) == (None, IndexSettings())


def test_constraints_in_files_name_their_file(places: Places) -> None:
    file = places.write(places.user_file, '\nconstraint-dependencies = ["lib<2"]\n')
    (statement,) = places.settings().resolution.amendments.constraints
    assert statement.origin == f"{file}:2"


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ("python = 3\n", "`python` must be a string, not an integer", 1),
        ("[index]\n", "`index` must be tables, [[index]]", 1),
        ("\npyhton = '3'\n", "it has no setting `pyhton`", 2),
        ("sources = {}\n", "`sources` is for a project to say", 1),
        ("\n[tool.dxpy]\n", "it has a table [tool]", 2),
        ("a = \n", "Invalid value", 1),
        ('[[index]]\nurl = "https://a.test"\nauthenticate = "maybe"\n', "it can be auto, always, never", 3),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_its_line(
    places: Places, text: str, problem: str, line: int
) -> None:
    file = places.write(places.user_file, text)
    with pytest.raises(InvalidSettings) as caught:
        read_settings_file(str(file))
    assert problem in str(caught.value)
    assert str(caught.value).startswith(f"`{file}:{line}` is not a valid file of settings: ")


def test_no_index_leaves_the_directories(places: Places) -> None:
    places.write(places.user_file, 'no-index = true\nfind-links = ["/wheels"]\nindex-url = "https://a.test"\n')
    assert places.settings().indexes == IndexSettings(index_url="", find_links=("/wheels",))
    assert places.settings(DXPY_NO_INDEX="0").indexes.index_url == "https://a.test"
    assert places.settings({"no_index": True}, DXPY_NO_INDEX="0").indexes.index_url == ""


# --- where files are looked for ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        (
            "linux",
            {"HOME": "/h"},
            ["/p/dxpy.toml", "/h/.config/dxpy/dxpy.toml", "/etc/xdg/dxpy/dxpy.toml", "/etc/dxpy/dxpy.toml"],
        ),
        (
            "linux",
            {"HOME": "/h", "XDG_CONFIG_HOME": "/c", "XDG_CONFIG_DIRS": "/a:rel:/b"},
            ["/p/dxpy.toml", "/c/dxpy/dxpy.toml", "/a/dxpy/dxpy.toml", "/b/dxpy/dxpy.toml", "/etc/dxpy/dxpy.toml"],
        ),
        (
            "darwin",
            {"HOME": "/h"},
            ["/p/dxpy.toml", "/h/.config/dxpy/dxpy.toml", "/etc/xdg/dxpy/dxpy.toml", "/etc/dxpy/dxpy.toml"],
        ),
        (
            "win32",
            {"APPDATA": "/roaming", "PROGRAMDATA": "/all"},
            ["/p/dxpy.toml", "/roaming/dxpy/dxpy.toml", "/all/dxpy/dxpy.toml"],
        ),
    ],
)
def test_where_settings_are_looked_for(platform: str, environ: dict[str, str], expected: list[str]) -> None:
    assert settings_files("/p", environ, platform)[::2] == expected
    of_uv = [place.replace("/dxpy/dxpy.toml", "/uv/uv.toml").replace("/dxpy.toml", "/uv.toml") for place in expected]
    assert settings_files("/p", environ, platform)[1::2] == of_uv


def test_where_pips_settings_are_looked_for(tmp_path: Path) -> None:
    environ = {"HOME": "/h", "XDG_CONFIG_DIRS": "/x"}
    usual = ["/x/pip/pip.conf", "/etc/pip.conf", "/h/.pip/pip.conf", "/h/.config/pip/pip.conf", "/p/.venv/pip.conf"]
    assert pip_files(environ, "/p/.venv", "linux") == usual
    assert pip_files({**environ, "PIP_CONFIG_FILE": os.devnull}, "/p/.venv", "linux") == []
    named = str(tmp_path / "named")
    assert pip_files({**environ, "PIP_CONFIG_FILE": named}, None, "linux") == [*usual[:4], named]
    (tmp_path / "named").write_text("")
    assert pip_files({**environ, "PIP_CONFIG_FILE": named}, None, "linux") == [*usual[:2], named]
    assert pip_files({"APPDATA": "/r", "PROGRAMDATA": "/a", "USERPROFILE": "/u"}, None, "win32") == [
        "/a/pip/pip.ini",
        "/u/pip/pip.ini",
        "/r/pip/pip.ini",
    ]


# --- pip --------------------------------------------------------------------------------------------------------------


def pip_says(tmp_path: Path, *texts: str, **environ: str) -> PipIndexes:
    files = []
    for number, text in enumerate(texts):
        file = tmp_path / f"{number}.conf"
        file.write_text(text)
        files.append(str(file))
    return read_pip_indexes([*files, str(tmp_path / "missing.conf")], environ)


def test_the_later_file_of_pip_wins_and_the_variable_over_all(tmp_path: Path) -> None:
    first = "[global]\nindex-url = https://a.test\nfind_links = /one\n  /two\n"
    second = "[global]\nindex-url = https://b.test\n"
    assert pip_says(tmp_path, first, second) == PipIndexes(index_url="https://b.test", find_links=("/one", "/two"))
    assert pip_says(tmp_path, first, PIP_INDEX_URL="https://v.test").index_url == "https://v.test"
    install = "[install]\nindex-url = https://i.test\nextra-index-url = https://x.test https://y.test\n"
    assert pip_says(tmp_path, install, second) == PipIndexes(
        index_url="https://i.test", extra_index_urls=("https://x.test", "https://y.test")
    )


def test_pip_that_may_use_no_index_leaves_the_directories(tmp_path: Path) -> None:
    text = "[global]\nno-index = yes\nindex-url = https://a.test\nfind-links = /one\n"
    assert pip_says(tmp_path, text) == PipIndexes(index_url="", find_links=("/one",))
    assert pip_says(tmp_path, text, PIP_NO_INDEX="0").index_url == "https://a.test"


def test_pips_settings_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"pip's settings in `.*0\.conf` cannot be read"):
        pip_says(tmp_path, "no section\n")
    with pytest.raises(UsageError, match="`no-index` is `perhaps`"):
        pip_says(tmp_path, "[global]\nno-index = perhaps\n")


def test_pip_counts_only_when_dxpy_is_told_of_no_index_at_all(places: Places) -> None:
    pip = places.write(places.home / "pip.conf", "[global]\nindex-url = https://u:s@pip.test/simple\nfind-links = /w\n")
    assert places.settings(PIP_CONFIG_FILE=str(pip)).indexes == IndexSettings(
        index_url="https://u:s@pip.test/simple", find_links=("/w",)
    )
    assert places.settings({"find_links": ["/mine"]}, PIP_CONFIG_FILE=str(pip)).indexes == IndexSettings(
        find_links=("/mine",)
    )
    assert places.settings(PIP_CONFIG_FILE=str(pip), DXPY_DEFAULT_INDEX="https://d.test").indexes == IndexSettings(
        index_url="https://d.test"
    )


def test_projects_above_are_looked_for_up_to_the_top() -> None:
    assert projects_above("/a/b/c") == ["/a/b/pyproject.toml", "/a/pyproject.toml", "/pyproject.toml"]


@pytest.mark.parametrize("codes", ["403", "[200]", '["403"]', "[true]"])
def test_statuses_that_are_none_are_refused(tmp_path: Path, codes: str) -> None:
    place = tmp_path / "dxpy.toml"
    place.write_text(f'[[index]]\nurl = "https://a.test"\nignore-error-codes = {codes}\n')
    with pytest.raises(InvalidSettings, match="must be a list of HTTP statuses from 400 to 599") as caught:
        read_settings_file(str(place))
    assert caught.value.line == 3
    place.write_text('[[index]]\nurl = "https://a.test"\nignore-error-codes = [403, 500]\n')
    assert dict(read_settings_file(str(place)).ignored_errors) == {"https://a.test": {403, 500}}


def test_a_file_of_uvs_counts_in_each_place_where_there_is_none_of_dxpys(places: Places) -> None:
    places.write(places.home / ".config/uv/uv.toml", 'link-mode = "copy"\nresolution = "lowest"\ncache-keys = []\n')
    places.write(places.project / "uv.toml", 'link-mode = "symlink"\n[pip]\nno-deps = true\n')
    assert places.settings().link_mode == "symlink"
    assert places.settings().resolution.mode == "lowest"
    places.write(places.user_file, "")
    assert places.settings().resolution.mode == "highest"
    places.write(places.project / "dxpy.toml", "")
    assert places.settings().link_mode == "hardlink"


def test_a_uv_toml_stands_for_the_projects_table_of_uv_but_not_for_dxpys(places: Places) -> None:
    table = '[project]\nname = "p"\nversion = "1"\n[tool.{}]\nprerelease = "allow"\n'
    places.write(places.project / "uv.toml", 'link-mode = "symlink"\n')
    places.write(places.project / "pyproject.toml", table.format("uv"))
    settings = places.settings()
    assert (settings.link_mode, settings.resolution.prereleases) == ("symlink", "if-necessary-or-explicit")
    places.write(places.project / "pyproject.toml", table.format("dxpy"))
    settings = places.settings()
    assert (settings.link_mode, settings.resolution.prereleases) == ("hardlink", "allow")


def test_a_file_that_uvs_variable_names_stands_for_all_others(places: Places) -> None:
    named = places.write(places.system / "elsewhere.toml", 'link-mode = "copy"\nunknown = 1\n')
    places.write(places.project / "dxpy.toml", 'link-mode = "symlink"\nresolution = "lowest"\n')
    settings = places.settings(UV_CONFIG_FILE=str(named))
    assert (settings.link_mode, settings.resolution.mode) == ("copy", "highest")


def test_a_wrong_value_in_a_file_of_uvs_names_file_and_line(places: Places) -> None:
    file = places.write(places.project / "uv.toml", '\nlink-mode = "teleport"\n')
    with pytest.raises(InvalidSettings, match=f"`{file}:2` is not a valid file of settings: `link-mode` is 'teleport'"):
        places.settings()
