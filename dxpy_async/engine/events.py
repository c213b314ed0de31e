"""Progress as typed values: what an operation tells while it runs, in the order in which it happens."""

from __future__ import annotations

from collections.abc import Callable

from dxpy_async.core.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Resolving:
    """A resolution goes on: `pages` read, `pinned` projects decided so far."""

    pages: int
    pinned: int


@dataclass(frozen=True, slots=True)
class Resolved:
    """A resolution is done, or a lock was found to be up to date. `remembered`: the answer came from memory."""

    packages: int
    seconds: float
    remembered: bool = False


@dataclass(frozen=True, slots=True)
class Preparing:
    """Downloads begin: `files` of `size` bytes altogether (0 when no index tells sizes)."""

    files: int
    size: int


@dataclass(frozen=True, slots=True)
class DownloadStarted:
    """One file begins to arrive. `size` in bytes, None when unknown."""

    filename: str
    size: int | None


@dataclass(frozen=True, slots=True)
class DownloadProgress:
    """`received` more bytes of one file arrived; negative when an attempt failed and starts anew."""

    filename: str
    received: int


@dataclass(frozen=True, slots=True)
class DownloadFinished:
    """One file arrived whole and its hashes are right."""

    filename: str


@dataclass(frozen=True, slots=True)
class UploadStarted:
    """One file begins to be sent. `size` in bytes."""

    filename: str
    size: int


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """`sent` more bytes of one file have gone; negative when an attempt failed and starts anew."""

    filename: str
    sent: int


@dataclass(frozen=True, slots=True)
class UploadFinished:
    """The index has the file."""

    filename: str


@dataclass(frozen=True, slots=True)
class Stored:
    """One wheel lies unpacked and checked in the store."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Building:
    """A build backend is asked for the metadata or a wheel of something; `label` is what messages call that."""

    label: str


@dataclass(frozen=True, slots=True)
class Built:
    """It gave what it was asked for; what comes after a `Building` of the same label unless it failed."""

    label: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything wanted is in the store; `packages` were not there before."""

    packages: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Installing:
    """Linking into the environment begins: `packages` to link."""

    packages: int


@dataclass(frozen=True, slots=True)
class Linked:
    """One distribution's files are in the environment, though not visible before the end."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class PythonInstalled:
    """A Python is in its place; `key` is the name of its directory."""

    key: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another process holds what this operation needs; it goes on when that is free."""

    what: str


@dataclass(frozen=True, slots=True)
class Warned:
    """Something the user should know that does not stop the operation."""

    message: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The operation is over, well or not: always the last event."""


Event = (
    Resolving
    | Resolved
    | Preparing
    | DownloadStarted
    | DownloadProgress
    | DownloadFinished
    | UploadStarted
    | UploadProgress
    | UploadFinished
    | Stored
    | Building
    | Built
    | Prepared
    | Installing
    | Linked
    | PythonInstalled
    | Waiting
    | Warned
    | Finished
)

Listener = Callable[[Event], None]
"""Called on the event loop's thread with every event; must return quickly."""


def ignore(event: Event) -> None:
    """The listener of those who do not listen."""
