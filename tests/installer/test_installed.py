"""Reading what is installed in an environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dxpy_async.core.names import ProjectName
from dxpy_async.core.schemes import InstallScheme
from dxpy_async.installer.installed import read_installed


@pytest.fixture
def scheme(tmp_path: Path) -> InstallScheme:
    site = tmp_path / "lib/python3.12/site-packages"
    site.mkdir(parents=True)
    (tmp_path / "lib64").symlink_to("lib")
    return InstallScheme(
        prefix=tmp_path,
        purelib=site,
        platlib=tmp_path / "lib64/python3.12/site-packages",
        scripts=tmp_path / "bin",
        data=tmp_path,
        headers=tmp_path / "include",
        python=tmp_path / "bin/python",
        cache_tag="cpython-312",
    )


def put(scheme: InstallScheme, name: str, **files: str) -> Path:
    directory = scheme.purelib / name
    directory.mkdir()
    for file, text in ({"METADATA": "Name: x\n", "RECORD": "x,,\n"} | files).items():
        (directory / file.replace("direct_url_json", "direct_url.json")).write_text(text)
    return directory


def test_names_versions_and_markers_are_read(scheme: InstallScheme) -> None:
    put(scheme, "Foo.Bar-1.0.dist-info", INSTALLER="dxpy\n", REQUESTED="", direct_url_json="{}")
    put(scheme, "baz-2.0+local_1.dist-info")
    found = read_installed(scheme)
    assert list(found) == ["baz", "foo-bar"]
    foo = found[ProjectName("foo-bar")]
    assert (foo.version, foo.installer, foo.requested, foo.direct_url) == ("1.0", "dxpy", True, "{}")
    assert foo.problem is None
    baz = found[ProjectName("baz")]
    assert (baz.version, baz.installer, baz.requested, baz.direct_url) == ("2.0+local-1", "", False, None)


@pytest.mark.parametrize("missing", ["METADATA", "RECORD"])
def test_a_distribution_without_a_needed_file_has_a_problem(scheme: InstallScheme, missing: str) -> None:
    (put(scheme, "gone-1.dist-info") / missing).unlink()
    (put(scheme, "empty-1.dist-info") / missing).write_text("")
    found = read_installed(scheme)
    assert found[ProjectName("gone")].problem == f"has no {missing}"
    assert found[ProjectName("empty")].problem == f"has an empty {missing}"


def test_a_project_installed_twice_has_a_problem_and_both_directories(scheme: InstallScheme) -> None:
    one, other = put(scheme, "a-1.dist-info"), put(scheme, "A-2.dist-info")
    found = read_installed(scheme)[ProjectName("a")]
    assert found.problem == "is installed twice: `A-2.dist-info` and `a-1.dist-info`"
    assert set(found.directories) == {one, other}


def test_legacy_installs_are_recognised_as_such(scheme: InstallScheme) -> None:
    (scheme.purelib / "old-1.0-py3.12.egg-info").mkdir()
    (scheme.purelib / "dev.egg-info").write_text("")
    found = read_installed(scheme)
    assert found[ProjectName("old")].version == "1.0"
    assert "legacy" in (found[ProjectName("dev")].problem or "")


def test_a_file_with_the_name_of_a_metadata_directory_is_a_problem(scheme: InstallScheme) -> None:
    (scheme.purelib / "x-1.dist-info").write_text("")
    assert read_installed(scheme)[ProjectName("x")].problem is not None


def test_directories_that_name_no_project_are_left_out(scheme: InstallScheme) -> None:
    for name in ("~ip-1.0.dist-info", ".dist-info", "noversion.dist-info", "-1.dist-info", ".x-1.dist-info"):
        (scheme.purelib / name).mkdir()
    (scheme.purelib / "package").mkdir()
    assert read_installed(scheme) == {}


def test_a_missing_site_directory_holds_nothing(scheme: InstallScheme) -> None:
    scheme.purelib.rmdir()
    assert read_installed(scheme) == {}


def test_planning_loads_no_version_parser() -> None:
    code = "import sys, dxpy_async.installer.plan; print('packaging' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
