"""`dxpy publish`: distributions to an index."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from dxpy_async.cli.context import listener, project_around, settings_of
from dxpy_async.cli.event_loop import run_loop
from dxpy_async.cli.output import Output, count, duration
from dxpy_async.core.places import DIST_NAME
from dxpy_async.core.quantities import readable_size
from dxpy_async.core.settings import Settings
from dxpy_async.engine.events import Listener
from dxpy_async.engine.publishing import PublishedFile, Publisher
from dxpy_async.engine.sending import Publication, PublishOptions
from dxpy_async.errors import UsageError
from dxpy_async.project.publish_settings import PUBLISH_FLAGS, PublishSettings, publish_settings
from dxpy_async.project.pyproject import Project

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.cli.json_documents import PublishDocument

_FLAGS = (*PUBLISH_FLAGS, "no_attestations", "username", "password", "token", "no_config", "config_file")


def run(arguments: argparse.Namespace, output: Output) -> int:
    project = project_around(arguments)
    _read_secrets(arguments)
    flags = {name: value for name in _FLAGS if (value := getattr(arguments, name, None))}
    publishing = publish_settings(flags, os.environ, project, directory=Path.cwd())
    files = arguments.files or [_dist_directory(project)]
    with settings_of(arguments, project) as settings, listener(arguments, output) as on_event:
        address, published = run_loop(lambda: _publish(arguments, files, settings, publishing, output, on_event))
    _say(published, output)
    output.document(_document(address, published))
    return 0


async def _publish(
    arguments: argparse.Namespace,
    files: list[str],
    settings: Settings,
    publishing: PublishSettings,
    output: Output,
    on_event: Listener,
) -> tuple[str, tuple[PublishedFile, ...]]:
    options = PublishOptions(skip_existing=arguments.skip_existing, dry_run=arguments.dry_run)
    async with Publisher(settings, publishing) as publisher:
        output.say(f"{'Checking what would go' if options.dry_run else 'Publishing'} to {publisher.address}")
        return publisher.address, await publisher.publish(files, options=options, on_event=on_event)


def _read_secrets(arguments: argparse.Namespace) -> None:
    """Take what is `-` from stdin: on a command line, everybody on the machine can read it.

    Raises UsageError for what is empty: most often a variable that is not set, and so no wish to go without a login.
    """
    for name in ("username", "token", "password"):
        if getattr(arguments, name) == "":
            raise UsageError(f"`--{name}` is empty", hints=("look whether the variable that it comes from is set",))
    asked = [name for name in ("token", "password") if getattr(arguments, name) == "-"]
    if len(asked) > 1:
        raise UsageError("only one of `--token` and `--password` can be read from stdin")
    for name in asked:
        setattr(arguments, name, sys.stdin.readline().rstrip("\r\n"))
        if not getattr(arguments, name):
            raise UsageError(f"`--{name} -` reads from stdin, and there is nothing")


def _dist_directory(project: Project | None) -> str:
    """`dist` here, or that of the project around."""
    if project is None or os.path.isdir(DIST_NAME):
        return DIST_NAME
    return str(project.root / DIST_NAME)


def _say(published: Iterable[PublishedFile], output: Output) -> None:
    by_fate: dict[Publication, list[PublishedFile]] = {}
    for file in published:
        by_fate.setdefault(file.publication, []).append(file)
    for file in by_fate.get(Publication.PLANNED, ()):
        output.say(f"Would upload {file.path.name} ({readable_size(file.size)})")
    for fate in (Publication.THERE, Publication.PASSED_OVER):
        for file in by_fate.get(fate, ()):
            output.say(f"Skipped {file.path.name}, which is there already")
    if uploaded := by_fate.get(Publication.UPLOADED):
        output.say(f"Published {count(len(uploaded), 'file')} in {duration(time.perf_counter() - output.started)}")


def _document(address: str, published: Iterable[PublishedFile]) -> PublishDocument:
    return {
        "schema": "dxpy/publish/1",
        "url": address,
        "files": [
            {
                "path": str(file.path),
                "name": file.project,
                "version": str(file.version),
                "size": file.size,
                "sha256": file.sha256,
                "attestations": file.attestations,
                "publication": file.publication.value,
            }
            for file in published
        ],
    }
