"""Whether a directory that is to be a project is inside another's workspace, and what makes it a member."""

from __future__ import annotations

import os
from pathlib import Path

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.places import PROJECT_NAME
from dxpy_async.errors import ProjectError
from dxpy_async.project.document import read_content
from dxpy_async.project.editing import put_member
from dxpy_async.project.member_globs import matches
from dxpy_async.project.new_files import PIN_NAME
from dxpy_async.project.pyproject import ProjectFile
from dxpy_async.project.replacing import replace_file
from dxpy_async.project.source_editing import tool_name
from dxpy_async.project.workspaces import open_project


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """A change of the pyproject.toml in `root`, after which a new directory is a member of the workspace there."""

    root: Path
    before: bytes
    after: bytes
    requires_python: str
    has_pin: bool
    """Whether the root says which Python all members are run with."""

    def save(self) -> None:
        """Make the change. Raises ProjectError when somebody made another meanwhile."""
        file = self.root / PROJECT_NAME
        if read_content(file) != self.before:
            raise ProjectError(f"`{file}` was changed by somebody else meanwhile", hints=("try again",))
        replace_file(file, self.after)


def plan_joining(directory: Path) -> Joining | None:
    """What makes `directory` (absolute) a member of the nearest project above; None where it stands alone.

    It does where nothing is above, or what is there excludes it or is itself only a member. Raises InvalidProject.
    """
    root = next((each for each in directory.parents if os.path.isfile(each / PROJECT_NAME)), None)
    if root is None:
        return None
    content = read_content(root / PROJECT_NAME)
    file = ProjectFile(content, root / PROJECT_NAME)
    table, place = file.workspace(), directory.relative_to(root).as_posix()
    above = open_project(root, content)
    if above.root != root or (table is not None and any(matches(place, glob) for glob in table.exclude)):
        return None
    after = content
    if table is None or not any(matches(place, glob) for glob in table.members):
        name = table.name if table is not None else f"tool.{tool_name(file.document)}.workspace"
        after = put_member(content, name, place, file=str(root / PROJECT_NAME))
    return Joining(
        root=root,
        before=content,
        after=after,
        requires_python=above.requires_python,
        has_pin=os.path.isfile(root / PIN_NAME),
    )
