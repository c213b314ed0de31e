"""Drawing an operation's events as bars on a terminal. Loaded only where they are drawn: rich takes its time."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from dxpy_async.cli.lines import EventPrinter
from dxpy_async.cli.output import Output, printable
from dxpy_async.engine.events import (
    Building,
    Built,
    DownloadFinished,
    DownloadProgress,
    DownloadStarted,
    Event,
    Installing,
    Linked,
    Prepared,
    Preparing,
    Resolved,
    Resolving,
    UploadFinished,
    UploadProgress,
    UploadStarted,
)

BIG_FILE = 5 * 1024**2
"""Downloads from this many bytes on get a bar of their own."""


class _OnlyBytes(ProgressColumn):
    """A column of another kind, for tasks that count bytes."""

    def __init__(self, column: ProgressColumn) -> None:
        super().__init__()
        self._column = column

    def render(self, task: Task) -> Text:
        if not task.fields.get("bytes"):
            return Text("")
        rendered = self._column.render(task)
        return rendered if isinstance(rendered, Text) else Text(str(rendered))


class _OnlyCounts(MofNCompleteColumn):
    """`3/200`, for tasks that count things."""

    def render(self, task: Task) -> Text:
        return Text("") if task.fields.get("bytes") or task.total is None else super().render(task)


class BarPrinter(EventPrinter):
    """Bars for resolving, downloading (bytes, rate) and installing; the lines of EventPrinter between them."""

    def __init__(self, output: Output) -> None:
        super().__init__(output)
        console = Console(stderr=True, highlight=False, no_color=not output.color)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            _OnlyCounts(),
            _OnlyBytes(DownloadColumn(binary_units=True)),
            _OnlyBytes(TransferSpeedColumn()),
            console=console,
            transient=True,
            refresh_per_second=12,
        )
        self._resolving: TaskID | None = None
        self._downloading: TaskID | None = None
        self._installing: TaskID | None = None
        self._files: dict[str, TaskID] = {}
        self._builds: dict[str, TaskID] = {}

    def __enter__(self) -> BarPrinter:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        match event:
            case Resolving(pages, pinned):
                self._resolve(pages, pinned)
            case Resolved():
                self._remove(self._resolving)
                self._resolving = None
            case Preparing(files, size):
                if files:
                    self._downloading = self._progress.add_task("Downloading", total=size or None, bytes=True)
            case DownloadStarted(filename, size):
                if size is not None and size >= BIG_FILE:
                    name = "-".join(filename.split("-")[:2])
                    self._files[filename] = self._progress.add_task(f"  {name}", total=size, bytes=True)
            case DownloadProgress(filename, received):
                self._advance(self._downloading, received)
                self._advance(self._files.get(filename), received)
            case DownloadFinished(filename):
                self._remove(self._files.pop(filename, None))
            case UploadStarted(filename, size):
                self._files[filename] = self._progress.add_task(f"  {escape(filename)}", total=size, bytes=True)
            case UploadProgress(filename, sent):
                self._advance(self._files.get(filename), sent)
            case UploadFinished(filename):
                self._remove(self._files.pop(filename, None))
            case Building(label):
                self._builds[label] = self._progress.add_task(
                    escape(f"Building {printable(label)}"), total=None, bytes=False
                )
                return  # the bar says it, and the line that it was built stays
            case Built(label):
                self._remove(self._builds.pop(label, None))
            case Prepared():
                self._remove(self._downloading)
                self._downloading = None
            case Installing(packages):
                self._installing = self._progress.add_task("Installing", total=packages, bytes=False)
            case Linked():
                self._advance(self._installing, 1)
            case _:
                pass
        super().__call__(event)

    def _resolve(self, pages: int, pinned: int) -> None:
        if self._resolving is None:
            self._resolving = self._progress.add_task("Resolving", total=None, bytes=False)
        self._progress.update(self._resolving, description=f"Resolving: {pinned} pinned, {pages} facts read")

    def _advance(self, task: TaskID | None, amount: int) -> None:
        if task is not None:
            self._progress.advance(task, amount)

    def _remove(self, task: TaskID | None) -> None:
        if task is not None:
            self._progress.remove_task(task)
