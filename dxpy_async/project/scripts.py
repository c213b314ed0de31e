"""Scripts as projects: what one needs stands in its block of metadata, and its lock beside it."""

from __future__ import annotations

from pathlib import Path

from dxpy_async.core.places import ENVIRONMENT_NAME
from dxpy_async.project.pyproject import Project, ProjectPlaces, parse_script
from dxpy_async.project.script_blocks import find_block
from dxpy_async.project.source_tables import NONE_PASSED_OVER, PassedOver


def script_lock(script: Path) -> Path:
    """Where the lock of a script is, if it has one."""
    return script.with_name(f"{script.name}.lock")


def project_of_script(content: bytes, script: Path, passed_over: PassedOver = NONE_PASSED_OVER) -> Project:
    """What the script at a path (absolute), with this content, needs; without a block that is nothing.

    Where its environment is depends on settings (`engine.kept_environments`). Raises InvalidScript.
    """
    places = ProjectPlaces(script, script_lock(script), script.parent / ENVIRONMENT_NAME)
    block = find_block(content, str(script))
    if block is None:
        return parse_script("", places)
    return parse_script(block.toml, places, line=block.line, passed_over=passed_over)
