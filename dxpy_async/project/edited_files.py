"""The files whose requirements `dxpy add` and `dxpy remove` change: a pyproject.toml, and the block in a script."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from dxpy_async.core.dataclass import dataclass
from dxpy_async.errors import ProjectError, ProjectNotFound
from dxpy_async.project.document import read_content
from dxpy_async.project.pyproject import FILE_NAME, Project
from dxpy_async.project.script_blocks import find_block, read_script_content, with_block
from dxpy_async.project.scripts import project_of_script
from dxpy_async.project.workspaces import open_project


class EditedFile(Protocol):
    """A file with a TOML document in it."""

    @property
    def path(self) -> Path: ...

    def read(self) -> bytes:
        """Its bytes. Raises ProjectError leaves."""
        ...

    def document_in(self, content: bytes) -> bytes:
        """The TOML in these bytes of it."""
        ...

    def with_document(self, content: bytes, document: bytes) -> bytes:
        """The same bytes with other TOML in them."""
        ...

    def project_in(self, content: bytes) -> Project:
        """The project that these bytes describe. Raises ProjectError leaves."""
        ...


@dataclass(frozen=True, slots=True)
class EditedProject:
    """The pyproject.toml in a directory, which is all document."""

    root: Path

    @property
    def path(self) -> Path:
        return self.root / FILE_NAME

    def read(self) -> bytes:
        try:
            return read_content(self.path)
        except FileNotFoundError as error:
            raise ProjectNotFound(str(self.root)) from error

    def document_in(self, content: bytes) -> bytes:
        return content

    def with_document(self, content: bytes, document: bytes) -> bytes:
        return document

    def project_in(self, content: bytes) -> Project:
        return open_project(self.root, content)


@dataclass(frozen=True, slots=True)
class EditedScript:
    """A script; one without a block gets one, with this `requires_python`."""

    path: Path
    requires_python: str = ""

    def read(self) -> bytes:
        if not self.path.is_file():
            raise ProjectError(f"there is no script `{self.path}`")
        return read_script_content(self.path)

    def document_in(self, content: bytes) -> bytes:
        block = find_block(content, str(self.path))
        if block is not None:
            return block.toml.encode()
        return f'requires-python = "{self.requires_python}"\n'.encode() if self.requires_python else b""

    def with_document(self, content: bytes, document: bytes) -> bytes:
        return with_block(content, document.decode(), str(self.path))

    def project_in(self, content: bytes) -> Project:
        return project_of_script(content, self.path)
