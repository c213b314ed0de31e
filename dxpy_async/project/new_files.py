"""What a new project or script consists of: the texts of its files, by path. Decides only; nothing is written here."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from enum import StrEnum

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.names import ProjectName
from dxpy_async.core.places import PROJECT_NAME
from dxpy_async.formats.toml_writer import inline_value
from dxpy_async.project.script_blocks import with_block

README_NAME = "README.md"
PIN_NAME = ".python-version"
IGNORE_NAME = ".gitignore"

IGNORED = """\
# Written by Python and by builds
__pycache__/
*.py[oc]
build/
dist/
*.egg-info/

# Environments
.venv/
"""


class Backend(StrEnum):
    """A build backend, by the name of its project."""

    HATCHLING = "hatchling"
    FLIT = "flit-core"
    PDM = "pdm-backend"
    POETRY = "poetry-core"
    SETUPTOOLS = "setuptools"
    MATURIN = "maturin"
    SCIKIT = "scikit-build-core"


DEFAULT_BACKEND = Backend.HATCHLING
"""Finds a package in `src` by itself, wants no settings, and is written in Python alone, so it builds anywhere."""

SHORT_NAMES = {
    "hatch": Backend.HATCHLING,
    "flit": Backend.FLIT,
    "pdm": Backend.PDM,
    "poetry": Backend.POETRY,
    "scikit": Backend.SCIKIT,
}
"""What uv calls them."""

_BUILD_SYSTEMS: Mapping[Backend, tuple[tuple[str, ...], str]] = {
    Backend.HATCHLING: (("hatchling",), "hatchling.build"),
    Backend.FLIT: (("flit_core>=3.2,<4",), "flit_core.buildapi"),
    Backend.PDM: (("pdm-backend",), "pdm.backend"),
    Backend.POETRY: (("poetry-core>=2,<3",), "poetry.core.masonry.api"),
    Backend.SETUPTOOLS: (("setuptools>=61",), "setuptools.build_meta"),
    Backend.MATURIN: (("maturin>=1,<2",), "maturin"),
    Backend.SCIKIT: (("scikit-build-core>=0.10", "pybind11>=2.13"), "scikit_build_core.build"),
}


class ProjectKind(StrEnum):
    """What a project is for: to be run, or to be imported by others."""

    APP = "app"
    LIB = "lib"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProject:
    """A project that is to be.

    `name` is normalised. `backend` is None for one that is not built and installed itself. With `bare` there is a
    pyproject.toml and nothing else. Name and address of `author` may be empty. `pin` is what its .python-version says;
    None for no such file.
    """

    name: ProjectName
    kind: ProjectKind = ProjectKind.APP
    backend: Backend | None = None
    description: str | None = None
    author: tuple[str, str] | None = None
    requires_python: str = ""
    pin: str | None = None
    readme: bool = True
    bare: bool = False

    @property
    def module(self) -> str:
        """The name of its import package."""
        name = self.name.replace("-", "_")
        return f"{name}_" if keyword.iskeyword(name) else f"_{name}" if name[0].isdigit() else name


def project_files(project: NewProject) -> dict[str, str]:
    """The texts of the project's files by their paths, with `/`; pyproject.toml is the last."""
    files: dict[str, str] = {}
    if not project.bare:
        if project.pin is not None:
            files[PIN_NAME] = f"{project.pin}\n"
        if project.readme:
            files[README_NAME] = _readme(project)
        files |= _sources(project)
    return {**files, PROJECT_NAME: _pyproject(project)}


def _readme(project: NewProject) -> str:
    return f"# {project.name}\n" + (f"\n{project.description}\n" if project.description else "")


def _pyproject(project: NewProject) -> str:
    lines = ["[project]", f"name = {inline_value(project.name)}", 'version = "0.1.0"']
    description = project.description
    if description is None and not project.bare:
        description = "Add your description here"
    if description is not None:
        lines.append(f"description = {inline_value(description)}")
    if project.readme and not project.bare:
        lines.append(f'readme = "{README_NAME}"')
    if project.author is not None:
        given = zip(("name", "email"), project.author, strict=True)
        author = ", ".join(f"{key} = {inline_value(value)}" for key, value in given if value)
        lines += ["authors = [", f"    {{ {author} }},", "]"]
    if project.requires_python:
        lines.append(f"requires-python = {inline_value(project.requires_python)}")
    lines.append("dependencies = []")
    if project.backend is not None:
        if project.kind is ProjectKind.APP and not project.bare:
            lines += ["", "[project.scripts]", f'{_key(project.name)} = "{project.module}:main"']
        lines += _backend_settings(project)
        requires, backend = _BUILD_SYSTEMS[project.backend]
        listed = ", ".join(inline_value(each) for each in requires)
        lines += ["", "[build-system]", f"requires = [{listed}]", f'build-backend = "{backend}"']
    return "\n".join(lines) + "\n"


def _backend_settings(project: NewProject) -> list[str]:
    if project.bare:
        return []
    match project.backend:
        case Backend.MATURIN:
            settings = (f'module-name = "{project.module}._core"', 'python-source = "src"')
            return ["", "[tool.maturin]", *settings]
        case Backend.SCIKIT:
            return ["", "[tool.scikit-build]", f'wheel.packages = ["src/{project.module}"]']
        case Backend.SETUPTOOLS:
            typed = [f'{_key(project.module)} = ["py.typed"]']
            return ["", "[tool.setuptools.package-data]", *typed] if project.kind is ProjectKind.LIB else []
    return []


def _sources(project: NewProject) -> dict[str, str]:
    if project.backend is None:
        return {"main.py": _main_script(project.name)}
    package, native = f"src/{project.module}", project.backend in (Backend.MATURIN, Backend.SCIKIT)
    files = {f"{package}/__init__.py": _package(project, native=native)}
    if native:
        files[f"{package}/_core.pyi"] = "def greeting() -> str: ...\n"
    if project.kind is ProjectKind.LIB:
        files[f"{package}/py.typed"] = ""
    if project.backend is Backend.MATURIN:
        files |= {"Cargo.toml": _cargo(project), "src/lib.rs": _RUST.replace("NAME", project.name)}
    if project.backend is Backend.SCIKIT:
        files |= {"CMakeLists.txt": _CMAKE.replace("PACKAGE", project.module)}
        files |= {"src/core.cpp": _CPP.replace("NAME", project.name)}
    return files


def _main_script(name: str) -> str:
    return (
        f"def main() -> None:\n    print({_greeting(name)})\n"
        '\n\nif __name__ == "__main__":\n    main()\n'
    )  # fmt: skip


def _package(project: NewProject, *, native: bool) -> str:
    imports = f"from {project.module}._core import greeting\n\n\n" if native else ""
    greeting = "greeting()" if native else _greeting(project.name)
    if project.kind is ProjectKind.APP:
        return f"{imports}def main() -> None:\n    print({greeting})\n"
    return f"{imports}def hello() -> str:\n    return {greeting}\n"


def script_text(name: str, requires_python: str, *, bare: bool) -> str:
    """A new script with a block of its requirements, which it has none of."""
    block = with_block(b"", script_document(requires_python), name).decode()
    return block if bare else f"{block}\n\n{_main_script(name)}"


def script_document(requires_python: str) -> str:
    """What a new script says in its block."""
    return f'requires-python = "{requires_python}"\ndependencies = []\n'


def _greeting(name: str) -> str:
    text = f"Hello from {name}!"
    return f'"{text}"' if text.isprintable() and '"' not in text and "\\" not in text else repr(text)


def _key(text: str) -> str:
    return text if text.replace("-", "").replace("_", "").isalnum() else inline_value(text)


def _cargo(project: NewProject) -> str:
    return f"""\
[package]
name = "{project.name}"
version = "0.1.0"
edition = "2021"

[lib]
name = "_core"
# What Python imports is a shared library.
crate-type = ["cdylib"]

[dependencies]
# One library for all versions of Python from 3.9 on.
pyo3 = {{ version = "0.23", features = ["extension-module", "abi3-py39"] }}
"""


_RUST = """\
use pyo3::prelude::*;

#[pyfunction]
fn greeting() -> String {
    "Hello from NAME!".to_string()
}

/// The module's name is that of the library in Cargo.toml.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(greeting, module)?)
}
"""

_CMAKE = """\
cmake_minimum_required(VERSION 3.15...3.30)
project(${SKBUILD_PROJECT_NAME} LANGUAGES CXX)

find_package(pybind11 CONFIG REQUIRED)

pybind11_add_module(_core MODULE src/core.cpp)
install(TARGETS _core DESTINATION PACKAGE)
"""

_CPP = """\
#include <pybind11/pybind11.h>

#include <string>

PYBIND11_MODULE(_core, module) {
    module.def("greeting", [] { return std::string("Hello from NAME!"); });
}
"""
