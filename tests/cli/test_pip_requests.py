"""From the flags and files of `dxpy pip` to settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import PYTHON

from dxpy_async.cli.arguments import parse_arguments
from dxpy_async.cli.pip_requests import read_now, settings_for, target_of
from dxpy_async.core.resolution_settings import Prereleases
from dxpy_async.core.settings import Settings
from dxpy_async.python.probing import probe


def settings_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, *flags: str) -> Settings:
    (tmp_path / "r.txt").write_text(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    arguments = parse_arguments(["pip", "install", "--no-config", "-r", "r.txt", *flags])
    with settings_for(arguments, read_now(arguments)) as settings:
        return settings


def test_options_of_files_are_added_to_those_of_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = "-i https://file/simple\n--extra-index-url https://two/simple\n--pre\n-c limits.txt\nx\n"
    (tmp_path / "limits.txt").write_text("y<2\n")
    flags = ("-i", "https://flag/simple", "--extra-index-url", "https://one/simple")
    settings = settings_of(tmp_path, monkeypatch, content, *flags)
    assert settings.indexes.index_url == "https://file/simple"
    assert settings.indexes.extra_index_urls == ("https://one/simple", "https://two/simple")
    assert settings.resolution.prereleases is Prereleases.ALLOW
    assert [str(each.requirement) for each in settings.resolution.amendments.constraints] == ["y<2"]


def test_what_may_be_built_is_told_by_names_or_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    builds = settings_of(tmp_path, monkeypatch, "--no-binary a,b\nx\n", "--only-binary=:all:").builds
    assert (builds.no_build, builds.no_binary, builds.no_binary_projects) == (True, False, {"a", "b"})
    builds = settings_of(tmp_path, monkeypatch, "x\n", "--only-binary=:all:", "--only-binary=:none:,c").builds
    assert (builds.no_build, builds.no_build_projects) == (False, {"c"})


def test_settings_of_builds_can_be_those_of_one_requirement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    builds = settings_of(tmp_path, monkeypatch, "x --config-settings=k=v\ny\n", "-C", "all=1").builds
    assert (builds.config, builds.config_of) == ({"all": ("1",)}, {"x": {"k": ("v",)}})


def test_wheels_for_any_of_several_platforms_will_do(tmp_path: Path) -> None:
    flags = ["--platform", "manylinux2014_aarch64", "--platform=win_amd64", "--python-version=3.12", "--abi=cp312"]
    arguments = parse_arguments(["pip", "download", "x", *flags, "--only-binary=:all:"])
    target = target_of(arguments, probe(Path(PYTHON), cache_dir=tmp_path))
    assert target is not None
    ranks = target.tag_ranks
    first, second, pure = "cp312-cp312-manylinux2014_aarch64", "cp312-cp312-win_amd64", "py3-none-any"
    assert ranks[first] < ranks[second] < ranks[pure]
    assert "cp312-cp312-macosx_11_0_arm64" not in ranks
    assert target.markers["sys_platform"] == "linux"


def test_a_group_needs_no_project_around_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[dependency-groups]\ndev = ['web', {include-group = 'more'}]\nmore = ['x']\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    request = read_now(parse_arguments(["pip", "install", "--no-config", "--group", "dev"]))
    assert [each.text for each in request.entries] == ["web", "x"]
