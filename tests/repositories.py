"""Git repositories and trees of source for tests, with a build backend that lies in the tree itself."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_GIT_ENVIRON = {
    "GIT_AUTHOR_NAME": "t",
    "GIT_AUTHOR_EMAIL": "t@t.test",
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@t.test",
    "GIT_AUTHOR_DATE": "2024-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2024-01-01T00:00:00Z",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}

BACKEND = """\
import base64, hashlib, os, pathlib, tomllib, zipfile

ROOT = pathlib.Path.cwd()


def _project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _metadata(project):
    version = project.get("version") or (ROOT / "VERSION").read_text().strip()
    lines = ["Metadata-Version: 2.3", f"Name: {project['name']}", f"Version: {version}"]
    if "requires-python" in project:
        lines.append(f"Requires-Python: {project['requires-python']}")
    needs = list(project.get("dependencies", []))
    if "dependencies" in project.get("dynamic", []):
        needs += [line for line in (ROOT / "needs.txt").read_text().splitlines() if line]
    lines += [f"Requires-Dist: {need}" for need in needs]
    for extra, asked in project.get("optional-dependencies", {}).items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {need} ; extra == "{extra}"' for need in asked]
    return version, "\\n".join(lines) + "\\n"


def _wheel(directory, members):
    project = _project()
    version, metadata = _metadata(project)
    (ROOT / "build" / "lib").mkdir(parents=True, exist_ok=True)
    with open(ROOT / "build" / "lib" / "builds.log", "a") as log:
        log.write(f"{version} {sorted(members)}\\n")
    module = project["name"].replace("-", "_")
    info = f"{module}-{version}.dist-info"
    members = {**members, f"{info}/METADATA": metadata.encode()}
    members[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\\nGenerator: own\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    scripts = project.get("scripts", {})
    if scripts:
        lines = ["[console_scripts]", *(f"{name} = {where}" for name, where in scripts.items())]
        members[f"{info}/entry_points.txt"] = ("\\n".join(lines) + "\\n").encode()
    record = ""
    for name, data in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(data)}\\n"
    members[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\\n").encode()
    filename = f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, filename), "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return filename


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    module = _project()["name"].replace("-", "_")
    files = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in sorted((ROOT / module).rglob("*.py"))}
    return _wheel(wheel_directory, files)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    module = _project()["name"].replace("-", "_")
    return _wheel(wheel_directory, {f"__editable__{module}.pth": f"{ROOT}\\n".encode()})


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    project = _project()
    version, metadata = _metadata(project)
    info = pathlib.Path(metadata_directory) / f"{project['name'].replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(metadata)
    return info.name


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
"""
"""Builds what `write_tree` writes with nothing but Python; every build adds a line to `build/lib/builds.log` there."""

BUILD_SYSTEM = '[build-system]\nrequires = []\nbuild-backend = "own_backend"\nbackend-path = ["."]\n'


def write_tree(
    root: Path,
    name: str,
    version: str | None = "1.0",
    *,
    dependencies: Sequence[str] = (),
    more: str = "",
    files: Mapping[str, str] | None = None,
    build_system: str = BUILD_SYSTEM,
) -> Path:
    """A tree of source with one package; `more` is added to [project], without a `version` that is dynamic."""
    root.mkdir(parents=True, exist_ok=True)
    listed = ", ".join(f'"{each}"' for each in dependencies)
    versioned = 'dynamic = ["version"]' if version is None else f'version = "{version}"'
    (root / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\n{versioned}\ndependencies = [{listed}]\n{more}\n{build_system}'
    )
    if build_system == BUILD_SYSTEM:
        (root / "own_backend.py").write_text(BACKEND)
    module = name.replace("-", "_")
    for path, text in {f"{module}/__init__.py": f"version = {version!r}\n", **(files or {})}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def builds(root: Path) -> int:
    """How often the tree was built."""
    log = root / "build" / "lib" / "builds.log"
    return len(log.read_text().splitlines()) if log.exists() else 0


def write_sdist(directory: Path, tree: Path, name: str, version: str, *, metadata: str | None = None) -> Path:
    """The sdist of a tree. Its PKG-INFO tells nothing but name and version, so that a build must tell, unless given."""
    base = f"{name.replace('-', '_')}-{version}"
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{base}.tar.gz"
    info = metadata or f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with tarfile.open(path, "w:gz") as archive:
        for file in sorted(tree.rglob("*")):
            if file.is_file() and "build" not in file.relative_to(tree).parts:
                archive.add(file, f"{base}/{file.relative_to(tree).as_posix()}")
        member = tarfile.TarInfo(f"{base}/PKG-INFO")
        member.size = len(info.encode())
        archive.addfile(member, io.BytesIO(info.encode()))
    return path


class Repository:
    """A git repository at `root`, with one branch `main`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    @property
    def url(self) -> str:
        return self.root.as_uri()

    def git(self, *arguments: str) -> str:
        ended = subprocess.run(
            ["git", "-c", "protocol.file.allow=always", *arguments],
            cwd=self.root,
            env={**os.environ, **_GIT_ENVIRON},
            capture_output=True,
            text=True,
            check=True,
        )
        return ended.stdout.strip()

    def commit(self, message: str = "change") -> str:
        """Commit all there is, and give the commit's id."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")
