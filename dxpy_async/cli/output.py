"""Words on the terminal: data goes to stdout, everything said to people goes to stderr."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # the quick rungs speak as well
    from collections.abc import Iterable, Sequence
    from typing import TextIO

_STYLES = {"red": "31;1", "green": "32", "yellow": "33;1", "cyan": "36", "bold": "1", "dim": "2"}


def printable(text: str) -> str:
    """`text` without control characters, so that what a package or server says cannot steer the terminal."""
    return "".join(
        character if character.isprintable() or character in "\n\t" else f"\\x{ord(character):02x}"
        for character in text
    )


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
    """Where a command speaks. `verbosity`: -1 says only errors, 0 what happened, 1 and more how."""

    def __init__(self, *, verbosity: int = 0, color: bool = False) -> None:
        self.verbosity, self.color = verbosity, color
        self._said: set[str] = set()

    def data(self, text: str) -> None:
        """The result that was asked for, for people and pipes alike."""
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()

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
        if self.verbosity >= 0:
            self._write(f"{self.paint('warning', 'yellow')}: {printable(text)}")

    def error(self, text: str, hints: Sequence[str] = ()) -> None:
        """`error: …`, then an empty line and `hint: …` for each way out."""
        self._write(f"{self.paint('error', 'red')}: {printable(text)}")
        for number, hint in enumerate(hints):
            self._write(("" if number else "\n") + f"{self.paint('hint', 'cyan')}: {printable(hint)}")

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
