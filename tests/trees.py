"""Source trees and sdists for tests: with a build backend of their own that needs nothing, or whatever else is given.

A tree's backend is `BACKEND`, in which `NAME`, `VERSION` and so on are replaced, with any code after it that makes it
another: a hook defined once more takes the place of the one before.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import dedent

from dxpy_async.builds.fingerprints import fingerprint
from dxpy_async.core.names import ProjectName
from dxpy_async.core.source_trees import SourceTree

BUILD_SYSTEM = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'

BACKEND = """\
import base64, hashlib, io, os, sys, tarfile, zipfile

NAME, VERSION, REQUIRES, TAG = "tree", "1.0", [], "py3-none-any"
FILES = {"tree.py": "x = 1\\n"}


def metadata():
    lines = ["Metadata-Version: 2.1", "Name: " + NAME, "Version: " + VERSION]
    return "\\n".join(lines + ["Requires-Dist: " + each for each in REQUIRES]) + "\\n"


def write_wheel(directory, files, name=None, version=None):
    stem = (name or NAME).replace("-", "_") + "-" + (version or VERSION)
    info = stem + ".dist-info/"
    wheel = "Wheel-Version: 1.0\\nGenerator: backend\\nRoot-Is-Purelib: true\\nTag: " + TAG + "\\n"
    files = {**files, info + "METADATA": metadata(), info + "WHEEL": wheel}
    rows = []
    with zipfile.ZipFile(os.path.join(directory, stem + "-" + TAG + ".whl"), "w") as archive:
        for path, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
            rows.append(path + ",sha256=" + digest + "," + str(len(text.encode())))
            archive.writestr(path, text)
        archive.writestr(info + "RECORD", "\\n".join([*rows, info + "RECORD,,", ""]))
    return stem + "-" + TAG + ".whl"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return write_wheel(wheel_directory, FILES)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return write_wheel(wheel_directory, {NAME + ".pth": os.getcwd() + "\\n"})


def build_sdist(sdist_directory, config_settings=None):
    stem = NAME + "-" + VERSION
    with tarfile.open(os.path.join(sdist_directory, stem + ".tar.gz"), "w:gz") as archive:
        for name in ("pyproject.toml", "backend.py"):
            archive.add(name, stem + "/" + name)
    return stem + ".tar.gz"
"""

PREPARES = """
def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    info = NAME + "-" + VERSION + ".dist-info"
    os.mkdir(os.path.join(metadata_directory, info))
    with open(os.path.join(metadata_directory, info, "METADATA"), "w") as file:
        file.write(metadata())
    return info
"""
"""A hook for the metadata, which `BACKEND` has not got."""


def write_files(root: Path, files: Mapping[str, str]) -> Path:
    """Write texts below `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return root


def write_tree(root: Path, code: str = "", *, pyproject: str = BUILD_SYSTEM, name: str = "tree") -> Path:
    """A source tree whose backend is `BACKEND` followed by `code`; its project is called `name`."""
    own = f'\nNAME = "{name}"\nFILES = {{"{name.replace("-", "_")}.py": "x = 1\\n"}}\n'
    return write_files(root, {"pyproject.toml": pyproject, "backend.py": BACKEND + own + dedent(code)})


def local_tree(root: Path, *, label: str = "", name: str | None = None) -> SourceTree:
    """A directory of the user's as it is now."""
    project = ProjectName(name) if name is not None else None
    return SourceTree(root=root, label=label or root.name, identity=fingerprint(root), is_local=True, name=project)


def fetched_tree(root: Path, identity: str, *, label: str = "", name: str | None = None) -> SourceTree:
    """What was fetched from elsewhere, and is not to be changed."""
    project = ProjectName(name) if name is not None else None
    return SourceTree(root=root, label=label or root.name, identity=identity, is_sdist=True, name=project)


def member(name: str, content: bytes | str = b"", **facts: object) -> tuple[tarfile.TarInfo, bytes]:
    """One member of a tar archive; `facts` are attributes of its header."""
    data = content.encode() if isinstance(content, str) else content
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in facts.items():
        setattr(info, key, value)
    return info, data


def write_tar(path: Path, members: Iterable[tuple[tarfile.TarInfo, bytes]], *, mode: str = "w:gz") -> Path:
    """Write a tar archive, whatever its members are."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return path


def write_sdist(directory: Path, name: str, code: str = "", *, pyproject: str = BUILD_SYSTEM) -> Path:
    """An sdist of such a tree, version 1.0."""
    directory.mkdir(parents=True, exist_ok=True)
    stem = f"{name}-1.0"
    root = write_tree(directory / f".{name}", code, pyproject=pyproject, name=name)
    members = [member(f"{stem}/{path.name}", path.read_text()) for path in sorted(root.iterdir())]
    return write_tar(directory / f"{stem}.tar.gz", [*members, member(f"{stem}/PKG-INFO", f"Name: {name}\n")])


def sdist_of_today(version: str = "1.0", requires_python: str = "", **more: str) -> str:
    """Code for a backend whose sdists have a PKG-INFO; `more` are further files of the sdist, by `_` for `.`."""
    python = f"Requires-Python: {requires_python}\\n" if requires_python else ""
    extra = {name.replace("_", "."): text for name, text in more.items()}
    return f"""
VERSION = {version!r}

def build_sdist(sdist_directory, config_settings=None):
    stem = NAME.replace("-", "_") + "-" + VERSION
    made = {{"PKG-INFO": metadata() + "{python}", **{extra!r}}}
    with tarfile.open(os.path.join(sdist_directory, stem + ".tar.gz"), "w:gz") as archive:
        for name in ("pyproject.toml", "backend.py"):
            archive.add(name, stem + "/" + name)
        for name, text in made.items():
            info = tarfile.TarInfo(stem + "/" + name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return stem + ".tar.gz"
"""
