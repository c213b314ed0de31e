"""What a source tree says without being built, and when it is not believed."""

from __future__ import annotations

from textwrap import dedent

import pytest
from packaging.version import Version

from dxpy_async.core.releases import CoreMetadata
from dxpy_async.errors import InvalidSource
from dxpy_async.formats.source_documents import parse_source_document
from dxpy_async.formats.source_metadata import (
    LEGACY_BACKEND,
    BuildSystem,
    build_system,
    static_pkg_info,
    static_project_metadata,
)


def project(text: str) -> CoreMetadata | None:
    return static_project_metadata(parse_source_document(dedent(text).encode(), origin="it"))


def system(text: str) -> BuildSystem:
    return build_system(parse_source_document(dedent(text).encode(), origin="it"), origin="it")


# --- [project] --------------------------------------------------------------------------------------------------------


def test_a_static_project_table_is_core_metadata() -> None:
    found = project("""
        [project]
        name = "My_Project"
        version = "1.0rc1"
        requires-python = ">= 3.8"
        dependencies = ["B>=2", "c; python_version < '3.11'"]
        dynamic = ["readme", "classifiers"]
        [project.optional-dependencies]
        Fast_One = ["d", "e; sys_platform == 'linux' or os_name == 'nt'"]
        none = []
    """)
    assert found is not None
    assert (found.name, found.version, found.requires_python) == ("my-project", Version("1.0rc1"), ">=3.8")
    assert [str(each) for each in found.requirements] == [
        "b>=2",
        'c; python_version < "3.11"',
        'd; extra == "fast-one"',
        'e; (sys_platform == "linux" or os_name == "nt") and extra == "fast-one"',
    ]
    assert found.extras == {"fast-one", "none"}


def test_a_project_that_says_little_requires_nothing() -> None:
    assert project('[project]\nname = "a"\nversion = "1"\n') == CoreMetadata(name="a", version=Version("1"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "lines",
    [
        'dynamic = ["version"]',
        'version = "1"\ndynamic = ["dependencies"]',
        'version = "1"\ndynamic = ["optional-dependencies"]',
        'version = "1"\ndynamic = ["requires-python"]',
        "",
        'version = "one"',
        "version = 1",
        'version = "1"\ndependencies = "a"',
        'version = "1"\ndependencies = ["a", 1]',
        'version = "1"\ndependencies = ["a ="]',
        'version = "1"\nrequires-python = "3.x or so"',
        'version = "1"\ndynamic = "version"',
        'version = "1"\noptional-dependencies = ["a"]',
        'version = "1"\noptional-dependencies = {"-" = []}',
        'version = "1"\noptional-dependencies = {a = "b"}',
    ],
)
def test_what_is_dynamic_or_not_right_is_left_to_the_backend(lines: str) -> None:
    assert project(f'[project]\nname = "a"\n{lines}\n') is None


def test_no_project_table_is_left_to_the_backend() -> None:
    assert project("[tool.poetry]\nname = 'a'") is None
    assert project("project = 1") is None
    assert project('[project]\nversion = "1"') is None
    assert project('[project]\nversion = "1"\nname = "-"') is None


# --- PKG-INFO ---------------------------------------------------------------------------------------------------------

PKG_INFO = """\
Metadata-Version: 2.2
Name: My-Project
Version: 1.0
Requires-Python: >=3.8
Requires-Dist: b>=2
Dynamic: License-File

# Dynamic: Requires-Dist
"""


def test_pkg_info_is_believed_from_version_2_2_on() -> None:
    found = static_pkg_info(PKG_INFO.encode(), origin="it")
    assert found is not None
    assert (found.name, found.version, [str(each) for each in found.requirements]) == (
        "my-project",
        Version("1.0"),
        ["b>=2"],
    )
    assert static_pkg_info(PKG_INFO.replace("2.2", "2.10").encode(), origin="it") == found


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Metadata-Version: 2.2", "Metadata-Version: 2.1"),
        ("Metadata-Version: 2.2", "Metadata-Version: new"),
        ("Metadata-Version: 2.2\n", ""),
        ("Metadata-Version: 2.2", "Metadata-Version: 3.0"),
        ("License-File", "Requires-Dist"),
        ("License-File", "requires-python "),
        ("License-File", "Provides-Extra"),
        ("b>=2", "b=2"),
        ("Version: 1.0", "Version: one"),
        ("Requires-Python: >=3.8", "no field"),
    ],
)
def test_pkg_info_that_is_old_or_dynamic_or_not_right_is_not_believed(text: str, other: str) -> None:
    assert static_pkg_info(PKG_INFO.replace(text, other, 1).encode(), origin="it") is None


# --- [build-system] ---------------------------------------------------------------------------------------------------


def test_a_tree_that_does_not_say_is_built_by_setuptools() -> None:
    found = system('[project]\nname = "a"\n')
    assert (found.backend, [str(each) for each in found.requires]) == (LEGACY_BACKEND, ["setuptools>=40.8.0"])
    named = system('[build-system]\nrequires = ["setuptools", "wheel"]\n')
    assert (named.backend, [str(each) for each in named.requires]) == (LEGACY_BACKEND, ["setuptools", "wheel"])


def test_a_tree_says_how_it_is_built() -> None:
    found = system("""
        [build-system]
        requires = ["Flit_Core>=3", "tomli; python_version < '3.11'"]
        build-backend = "flit_core.buildapi:make.it"
        backend-path = [".", "tools/build"]
    """)
    assert [str(each) for each in found.requires] == ["flit-core>=3", 'tomli; python_version < "3.11"']
    assert (found.backend, found.backend_path) == ("flit_core.buildapi:make.it", (".", "tools/build"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("build-system = 1", "its `build-system` is not a table"),
        ("[build-system]", "its [build-system] table has no `requires`"),
        ("[build-system]\nrequires = 'a'", "its `build-system.requires` is not an array of strings"),
        ("[build-system]\nrequires = [1]", "its `build-system.requires` is not an array of strings"),
        ("[build-system]\nrequires = ['a b']", "its `build-system.requires` holds what is no requirement"),
        ("[build-system]\nrequires = []\nbuild-backend = 1", "its `build-backend` is not the name of one: '1'"),
        ("[build-system]\nrequires = []\nbuild-backend = 'a b'", "its `build-backend` is not the name of one: 'a b'"),
        ("[build-system]\nrequires = []\nbackend-path = ['.']", "has a `backend-path`, but no `build-backend`"),
        (
            "[build-system]\nrequires = []\nbuild-backend = 'a'\nbackend-path = ['x/../..']",
            "its `backend-path` leaves the source tree: 'x/../..'",
        ),
        (
            "[build-system]\nrequires = []\nbuild-backend = 'a'\nbackend-path = ['/x']",
            "its `backend-path` leaves the source tree: '/x'",
        ),
        ("build-system = ", "its pyproject.toml is not valid TOML: Invalid value (at end of document)"),
        ("a = " + "[" * 5000, "its pyproject.toml is not valid TOML"),
    ],
)
def test_a_build_system_that_is_not_right_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidSource) as caught:
        system(text)
    assert str(caught.value).startswith("`it` cannot be built: ")
    assert reason in str(caught.value)


def test_a_document_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(InvalidSource, match="is not UTF-8"):
        parse_source_document(b"\xff", origin="it")
