"""Words on the terminal: data goes to stdout, everything said to people goes to stderr."""

from __future__ import annotations

import sys
import time

from dxpy_async.cli import load

TYPE_CHECKING = False
if TYPE_CHECKING:  # the quick rungs speak as well
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TextIO

_STYLES = {"red": "31;1", "green": "32", "yellow": "33;1", "cyan": "36", "bold": "1", "dim": "2"}


def printable(text: str) -> str:
    """`text` without control characters, so that what a package or server says cannot steer the terminal."""
    return "".join(
        character if character.isprintable() or character in "\n\t" else f"\\x{ord(character):02x}"
        for character in text
    )


def system_refusal(error: OSError) -> str:
    """What to say of an error that nobody has put in words of their own."""
    where = f" `{error.filename}`" if error.filename else ""
    return f"the system refused{where}: {error.strerror or error}"


def wants_color(choice: str, stream: TextIO, environ: dict[str, str]) -> bool:
    """Whether to colour what goes to `stream`: `--color`, then NO_COLOR and FORCE_COLOR, then whether people look."""
    if choice != "auto":
        return choice == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR") or environ.get("CLICOLOR_FORCE"):
        return True
    return stream.isatty() and environ.get("TERM") != "dumb"


class Output:
    """Where a command speaks. `verbosity`: -1 says only errors, 0 what happened, 1 and more how.

    `form` is that of the result on stdout: as `text` what is given to `data`, as `json` or `jsonl` the document that is
    given to `document`. A command may give both; what is said to people on stderr is the same with either.
    """

    def __init__(self, *, verbosity: int = 0, color: bool = False, form: str = "text") -> None:
        self.verbosity, self.color, self.form = verbosity, color, form
        self.started = time.perf_counter()
        self.warnings: list[str] = []
        self.is_documented = False
        """Whether stdout has the one document already."""
        self._said: set[str] = set()

    @property
    def is_json(self) -> bool:
        return self.form != "text"

    @property
    def in_lines(self) -> bool:
        """Whether stdout is to have events, too, and so the document in one line."""
        return self.form == "jsonl"

    def data(self, text: str) -> None:
        """The result that was asked for as text, for people and pipes alike."""
        if self.is_json:
            return
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()

    def document(self, document: Mapping[str, object]) -> None:
        """The result for programs, one of `json_documents`; once in a command. Building it may wait for `is_json`."""
        if self.is_json:
            load("json_reports").write_document(document, self)
            self.is_documented = True

    def path(self, path: str) -> None:
        """A place, if that is all that was asked for."""
        self.data(path)
        self.document({"schema": "dxpy/path/1", "path": path})

    def say(self, text: str) -> None:
        if self.verbosity >= 0:
            self._write(printable(text))

    def say_first(self, topic: str, text: str) -> None:
        """Say `text` unless something was said on `topic` before: a command that locks and then syncs resolves once."""
        if topic not in self._said:
            self._said.add(topic)
            self.say(text)

    def detail(self, text: str) -> None:
        if self.verbosity >= 1:
            self._write(self.paint(printable(text), "dim"))

    def warn_all(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.warn(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)
        if self.verbosity >= 0:
            self._write(f"{self.paint('warning', 'yellow')}: {printable(text)}")

    def error(self, text: str, hints: Sequence[str] = ()) -> None:
        """`error: …`, then an empty line and `hint: …` for each way out."""
        self._write(f"{self.paint('error', 'red')}: {printable(text)}")
        for number, hint in enumerate(hints):
            self._write(("" if number else "\n") + f"{self.paint('hint', 'cyan')}: {printable(hint)}")

    def fail(self, code: str, text: str, hints: Sequence[str] = (), *, exit_code: int = 2) -> int:
        """Say what the command ends with; gives the exit code. `code` is the word that programs know the error by."""
        self.error(text, hints)
        if self.is_json and not self.is_documented:
            self.document(load("json_reports").error_document(code, text, hints, exit_code))
        return exit_code

    def changes(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """One line for each (`+`, `-` or `~`; name; version)."""
        colors = {"+": "green", "-": "red", "~": "yellow"}
        for sign, name, version in rows:
            pin = f"=={printable(version)}" if version else ""  # nobody knows it before the project is built
            self.say_painted(f" {self.paint(sign, colors[sign])} {self.paint(name, 'bold')}{pin}")

    def say_painted(self, text: str) -> None:
        if self.verbosity >= 0:
            self._write(text)

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.color else text

    def _write(self, line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


class PartOutput(Output):
    """Where a command within another one speaks: its document is kept in `part`, for that of the whole."""

    def __init__(self, whole: Output) -> None:
        super().__init__(verbosity=whole.verbosity, color=whole.color, form=whole.form)
        self.started, self.warnings, self._said = whole.started, whole.warnings, whole._said
        self.part: Mapping[str, object] | None = None

    def document(self, document: Mapping[str, object]) -> None:
        self.part = {key: value for key, value in document.items() if key != "schema"}


def count(number: int, noun: str = "package") -> str:
    """`1 package`, `2 packages`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """A time as people read it: `3ms`, `1.24s`, `2m 05s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 60:
        return f"{seconds:.2f}s"
    return f"{int(seconds) // 60}m {int(seconds) % 60:02d}s"
