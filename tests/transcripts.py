"""Terminal sessions as text: played with the real command, and compared with what they say as a whole."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from command import Command, without_times


class Terminal:
    """A terminal in which sessions are played. Directories below `home` are shown as `~/…`, durations as `T`,
    commits as `COMMIT`, the index as `INDEX`, and patch
    versions of Python as `N`."""

    def __init__(self, dxpy: Command, home: Path) -> None:
        self.home = self.directory = home
        self.environ = {**dxpy.environ, "HOME": str(home)}

    def play(self, session: str) -> str:
        """`session` with what its commands, the lines that begin with `$`, really say between them.

        There are `dxpy`, `git`, `cd` and `cat`; a command that fails is followed by `exit code N`.
        """
        played = []
        for line in session.splitlines():
            if line.startswith("$ "):
                played += [line, *self._said(shlex.split(line.removeprefix("$ "), comments=True))]
        return "\n".join(played) + "\n"

    def _said(self, words: list[str]) -> list[str]:
        match words:
            case ["cd", place]:
                self.directory = (self.directory / place.replace("~", str(self.home), 1)).resolve()
                return []
            case ["cat", name]:
                return self._shown((self.directory / name).read_text())
            case ["dxpy", *arguments]:
                return self._run([sys.executable, "-m", "dxpy_async", *arguments])
            case ["git", *_]:
                return self._run(words)
        raise ValueError(f"no session has the command {words}")

    def _run(self, command: list[str]) -> list[str]:
        ended = subprocess.run(
            [word.replace("~/", f"{self.home}/") for word in command],
            cwd=self.directory,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        code = [f"exit code {ended.returncode}"] if ended.returncode else []
        return [*self._shown(ended.stdout), *code]

    def _shown(self, text: str) -> list[str]:
        said = without_times(text.replace(f"{self.home}/", "~/"))
        said = re.sub(r"\b[0-9a-f]{40}\b", "COMMIT", said)
        said = re.sub(r"\bPython (3\.\d+)\.\d+", r"Python \1.N", said)
        said = re.sub(r"http://127\.0\.0\.1:\d+/simple", "INDEX", said)
        return said.splitlines()
