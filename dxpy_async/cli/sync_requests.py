"""What a sync was asked, for the records by which the next one sees that it is asked the same."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from dxpy_async.cli.context import settings_flags
from dxpy_async.cli.quick import request_at, request_in, state_facts, without_credentials
from dxpy_async.cli.replay import describe_request, key_of
from dxpy_async.project.pyproject import Project
from dxpy_async.project.settings import file_amendments

_FILE_VARIABLES = ("DXPY_CONSTRAINT", "DXPY_OVERRIDE")


def request_text(arguments: argparse.Namespace, project: Project) -> str:
    """What a sync is asked for: the member of a workspace that it is of, the flags that count, and files they name.

    As one text; empty for the plain `dxpy sync` of a project, or in the root of a workspace.
    """
    given = vars(arguments)
    member = next((each.path for each in project.members if each.project.name == project.current), "")
    whose = request_at(str(project.root)) if project.placed is not None else ""
    text = " ".join(filter(None, (whose, request_in(member), describe_request(given))))
    if given.get("constraint") or given.get("override") or any(os.environ.get(name) for name in _FILE_VARIABLES):
        amendments = file_amendments(settings_flags(arguments), os.environ, Path.cwd())
        stated = (amendments.constraints, amendments.overrides)
        text = f"{text} stated={[[str(each.requirement) for each in kind] for kind in stated]}".lstrip()
    return without_credentials(text)


def sync_facts(arguments: argparse.Namespace, project: Project) -> dict[str, str]:
    """What the sync is recorded under: its request, the variables, our version. With `--frozen` it is another request.

    Nobody has looked then whether the lock answers the project.
    """
    text = request_text(arguments, project)
    return state_facts(f"{text} frozen".lstrip() if arguments.frozen else text, os.environ)


def blueprint_key(arguments: argparse.Namespace, project: Project) -> str | None:
    """The key of the blueprint of this sync; None for one that nobody would look for."""
    if arguments.no_cache or project.members or project.placed is not None:
        return None
    return key_of(str(project.root), request_text(arguments, project), os.environ)
