"""Saying an operation's events in lines: the summary that stays on the screen in every mode."""

from __future__ import annotations

from types import TracebackType

from dxpy_async.cli import load
from dxpy_async.cli.output import Output, count, duration
from dxpy_async.core.quantities import readable_size
from dxpy_async.engine.events import (
    Building,
    Built,
    DownloadStarted,
    Event,
    Linked,
    Prepared,
    PythonInstalled,
    Resolved,
    Stored,
    UploadStarted,
    Waiting,
    Warned,
)


def event_printer(output: Output) -> EventPrinter:
    """Who says in lines what happened, and where events are asked for as JSON tells them, too."""
    if not output.in_lines:
        return EventPrinter(output)
    printer: EventPrinter = load("json_events").EventWriter(output)
    return printer


class EventPrinter:
    """Says in lines what happened; the summary that stays on the screen in every mode."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def __enter__(self) -> EventPrinter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def __call__(self, event: Event) -> None:
        match event:
            case Resolved(packages, seconds, remembered):
                self._output.say_first("resolution", f"Resolved {count(packages)} in {duration(seconds)}")
                if remembered:
                    self._output.detail("the same was resolved before, and all that it rests on is as it was")
            case Prepared(packages, seconds) if packages:
                self._output.say(f"Prepared {count(packages)} in {duration(seconds)}")
            case PythonInstalled(key, seconds):
                self._output.say(f"Installed {key} in {duration(seconds)}")
            case Building(label):
                self._output.say(f"Building {label}")
            case Built(label, seconds):
                self._output.say(f"Built {label} in {duration(seconds)}")
            case Waiting(what):
                self._output.say(f"Waiting for {what}")
            case Warned(message):
                self._output.warn(message)
            case DownloadStarted(filename, size):
                self._output.detail(f"downloading {filename}" + (f" ({size} bytes)" if size else ""))
            case UploadStarted(filename, size):
                self._output.say(f"Uploading {filename} ({readable_size(size)})")
            case Stored(name, version):
                self._output.detail(f"stored {name} {version}")
            case Linked(name, version):
                self._output.detail(f"linked {name} {version}")
            case _:
                pass
