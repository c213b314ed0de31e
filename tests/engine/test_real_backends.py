"""The build backends that people use, from the public index when it can be reached, on small projects and real ones."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from packaging.version import Version
from public_index import bring, require_public_index, sdist_of
from real_pythons import can_compile
from trees import local_tree, write_files

from dxpy_async import Engine, NetworkSettings, Settings
from dxpy_async.builds.source_archives import unpack_source_archive
from dxpy_async.core.names import normalize
from dxpy_async.core.source_trees import SourceTree
from dxpy_async.engine.building import Builder
from dxpy_async.engine.events import ignore
from dxpy_async.python.interpreters import probe

pytestmark = [pytest.mark.network, pytest.mark.slow]

COMPILED = pytest.mark.skipif(not can_compile(), reason="there is no C compiler, or Python's headers are not there")
CARGO = shutil.which("cargo")
RUST_WORKS = (
    CARGO is not None and subprocess.run([CARGO, "--version"], capture_output=True, check=False).returncode == 0
)
"""Some machines have a `cargo` that only tells that no toolchain was chosen."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, so that each backend is fetched once."""
    require_public_index()
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
async def engine(cache: Path) -> AsyncIterator[Engine]:
    settings = Settings(cache_dir=cache, network=NetworkSettings(retries=1), compile_bytecode=False)
    async with Engine(settings) as engine:
        yield engine


@pytest.fixture
def builder(engine: Engine, cache: Path) -> Builder:
    return engine.builder(probe(Path(sys.executable), cache_dir=cache))


PROJECT = """
[project]
name = "it-works"
version = "1.0"
description = "small"
requires-python = ">=3.8"
dependencies = ["idna>=2"]
"""

POETRY = """
[tool.poetry]
name = "it-works"
version = "1.0"
description = "small"
authors = []
packages = [{ include = "it_works" }]
[tool.poetry.dependencies]
python = ">=3.8"
idna = ">=2"
"""

SETUP = """
from setuptools import Extension, setup

setup(name="it-works", version="1.0", packages=["it_works"], install_requires=["idna>=2"], python_requires=">=3.8")
"""

C_EXTENSION = """
#include <Python.h>

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "it_works.fast", 0, -1, 0};

PyMODINIT_FUNC PyInit_fast(void) { return PyModule_Create(&module); }
"""


def build_system(backend: str, *requires: str) -> str:
    return f'[build-system]\nrequires = {list(requires)}\nbuild-backend = "{backend}"\n'


PURE = {
    "setuptools without a pyproject.toml": {"setup.py": SETUP},
    "setuptools": {
        "pyproject.toml": build_system("setuptools.build_meta", "setuptools>=64")
        + PROJECT
        + '[tool.setuptools]\npackages = ["it_works"]\n'
    },
    "hatchling": {"pyproject.toml": build_system("hatchling.build", "hatchling") + PROJECT},
    "flit-core": {"pyproject.toml": build_system("flit_core.buildapi", "flit_core>=3.4") + PROJECT},
    "pdm-backend": {"pyproject.toml": build_system("pdm.backend", "pdm-backend") + PROJECT},
    "poetry-core": {"pyproject.toml": build_system("poetry.core.masonry.api", "poetry-core") + POETRY},
}


@pytest.mark.parametrize("backend", PURE)
async def test_a_pure_project_is_built_and_editable(backend: str, builder: Builder, tmp_path: Path) -> None:
    root = write_files(tmp_path / "tree", {**PURE[backend], "it_works/__init__.py": "'''It works.'''\n"})
    tree = local_tree(root, label=backend, name="it-works")
    found = await builder.metadata(tree, on_event=ignore)
    assert (found.name, found.version, found.requires_python) == ("it-works", Version("1.0"), ">=3.8")
    assert [str(each) for each in found.requirements] == ["idna>=2"]
    wheel = await builder.wheel(tree, on_event=ignore)
    assert (wheel.directory / "it_works" / "__init__.py").read_text() == "'''It works.'''\n"
    editable = await builder.wheel(tree, editable=True, on_event=ignore)
    text = "".join(path.read_text() for path in editable.directory.iterdir() if path.is_file())
    assert str(root) in text
    assert not (editable.directory / "it_works").exists()
    assert local_tree(root).identity == tree.identity, "what the build left in the directory counts as its source"


@COMPILED
async def test_a_c_extension_is_built_for_its_interpreter(builder: Builder, tmp_path: Path) -> None:
    setup = "from setuptools import Extension, setup\nsetup(ext_modules=[Extension('it_works.fast', ['fast.c'])])\n"
    files = {**PURE["setuptools"], "setup.py": setup, "fast.c": C_EXTENSION, "it_works/__init__.py": ""}
    tree = local_tree(write_files(tmp_path / "tree", files), name="it-works")
    wheel = await builder.wheel(tree, on_event=ignore)
    assert not wheel.manifest.root_is_purelib
    code = "import it_works.fast; print(it_works.fast.__name__)"
    asked = subprocess.run(
        [sys.executable, "-c", code], cwd=wheel.directory, capture_output=True, text=True, check=True
    )
    assert asked.stdout == "it_works.fast\n"


@pytest.mark.skipif(not RUST_WORKS, reason="there is no Rust")
async def test_a_rust_program_is_built_by_maturin(builder: Builder, tmp_path: Path) -> None:
    files = {
        "pyproject.toml": build_system("maturin", "maturin>=1,<2") + '[project]\nname = "it-works"\nversion = "1.0"\n',
        "Cargo.toml": '[package]\nname = "it-works"\nversion = "1.0.0"\nedition = "2021"\n[lib]\npath = "lib.rs"\n'
        '[[bin]]\nname = "it-works"\npath = "main.rs"\n',
        "lib.rs": "",
        "main.rs": 'fn main() { println!("it works"); }\n',
    }
    wheel = await builder.wheel(local_tree(write_files(tmp_path / "tree", files), name="it-works"), on_event=ignore)
    (program,) = wheel.directory.rglob("it-works")
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == "it works\n"


@pytest.mark.parametrize(
    ("project", "version", "module", "is_pure"),
    [
        ("idna", "3.10", "idna", True),  # flit-core
        ("attrs", "24.3.0", "attrs", True),  # hatchling with plugins, and a version from git
        ("tomlkit", "0.13.2", "tomlkit", True),  # poetry-core
        pytest.param("markupsafe", "3.0.2", "markupsafe", False, marks=COMPILED),  # setuptools, a C extension
        ("docopt", "0.6.2", "docopt", True),  # nothing but a setup.py, from long ago
    ],
)
async def test_an_sdist_of_the_public_index_is_built(
    engine: Engine, builder: Builder, tmp_path: Path, project: str, version: str, module: str, is_pure: bool
) -> None:
    client = engine._client
    file = await sdist_of(client, project, version)
    await bring(client, file, tmp_path / file.filename)
    (tmp_path / "unpacked").mkdir()
    root = unpack_source_archive(tmp_path / file.filename, file.filename, tmp_path / "unpacked")
    tree = SourceTree(
        root=root,
        label=f"{project} {version}",
        identity=file.hashes["sha256"],
        is_sdist=True,
        name=normalize(project),
        version=Version(version),
    )
    found = await builder.metadata(tree, on_event=ignore)
    assert (found.name, found.version) == (project, Version(version))
    wheel = await builder.wheel(tree, on_event=ignore)
    assert wheel.manifest.root_is_purelib == is_pure
    code = f"import {module}"
    subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, '.'); {code}"], cwd=wheel.directory, check=True
    )
