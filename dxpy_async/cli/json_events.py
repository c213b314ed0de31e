"""An operation's events as lines of JSON. Loaded only where they are asked for."""

from __future__ import annotations

import time
from collections.abc import Mapping

from dxpy_async.cli.json_reports import write_json
from dxpy_async.cli.lines import EventPrinter
from dxpy_async.cli.output import Output
from dxpy_async.engine.events import (
    Building,
    Built,
    DownloadFinished,
    DownloadProgress,
    DownloadStarted,
    Event,
    Finished,
    Installing,
    Linked,
    Prepared,
    Preparing,
    PythonInstalled,
    Resolved,
    Resolving,
    Stored,
    UploadFinished,
    UploadProgress,
    UploadStarted,
    Waiting,
    Warned,
)

LINES: Mapping[type, tuple[str, ...]] = {
    Resolving: ("resolving", "facts", "pinned"),
    Resolved: ("resolved", "packages", "seconds", "remembered"),
    Preparing: ("preparing", "files", "bytes"),
    DownloadStarted: ("download-started", "file", "bytes"),
    DownloadProgress: ("download-progress", "file", "received"),
    DownloadFinished: ("download-finished", "file"),
    UploadStarted: ("upload-started", "file", "bytes"),
    UploadProgress: ("upload-progress", "file", "sent"),
    UploadFinished: ("upload-finished", "file"),
    Stored: ("stored", "package", "version"),
    Building: ("building", "label"),
    Built: ("built", "label", "seconds"),
    Prepared: ("prepared", "packages", "seconds"),
    Installing: ("installing", "packages"),
    Linked: ("linked", "package", "version"),
    PythonInstalled: ("python-installed", "key", "seconds"),
    Waiting: ("waiting", "what"),
    Warned: ("warning", "message"),
}
"""What each event is called in lines, and then its fields, in their order. `json_documents.EventLine` tells of all."""

PAUSE = 0.1
"""Seconds between two lines that tell how far a resolution is, or a file that arrives."""


class EventWriter(EventPrinter):
    """Writes each event on stdout, and says the lines of EventPrinter besides."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        self._started = output.started
        self._moved: dict[str, int] = {}
        """How many bytes of each file have come or gone."""
        self._told: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        match event:
            case Resolving():
                self._write_now_and_then("", event)
            case DownloadProgress(filename, received):
                self._write_now_and_then(filename, DownloadProgress(filename, self._moved_so_far(filename, received)))
            case UploadProgress(filename, sent):
                self._write_now_and_then(filename, UploadProgress(filename, self._moved_so_far(filename, sent)))
            case Finished():
                pass
            case _:
                self._write(event)

    def _moved_so_far(self, filename: str, count: int) -> int:
        self._moved[filename] = self._moved.get(filename, 0) + count
        return self._moved[filename]

    def _write_now_and_then(self, subject: str, event: Event) -> None:
        now = time.perf_counter()
        if now - self._told.get(subject, -PAUSE) >= PAUSE:
            self._told[subject] = now
            self._write(event)

    def _write(self, event: Event) -> None:
        name, *keys = LINES[type(event)]
        values = [getattr(event, field) for field in event.__match_args__]
        elapsed = round(time.perf_counter() - self._started, 6)
        facts = dict(zip(keys, values, strict=True))
        write_json({"schema": "dxpy/event/1", "event": name, "elapsed": elapsed, **facts})
