"""Putting a directory on PATH, in the words and the files of the user's shell.

    bash         ~/.bashrc, and ~/.bash_profile, ~/.bash_login or ~/.profile, the first that is there
    zsh          $ZDOTDIR/.zshenv
    fish         fish/config.fish among the user's settings
    csh, tcsh    ~/.cshrc (tcsh: ~/.tcshrc if it is there)
    nu           nushell/env.nu among the user's settings
    all others   ~/.profile

Sources: the sections on start-up files in the manuals of these shells.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from dxpy_async.errors import UsageError
from dxpy_async.project.replacing import replace_file

_SPECIAL = re.compile(r'[\\"$`]')
_SPECIAL_IN_FISH = re.compile(r'[\\"$]')
"""To which a backtick is one like any other, and so is a backslash in front of it."""
_LOGIN_FILES = (".bash_profile", ".bash_login", ".profile")


class PathAdvice(NamedTuple):
    """How the user's shell gets a directory into PATH: by which line, in which files."""

    shell: str
    line: str
    files: tuple[Path, ...]


def is_on_path(directory: str, environ: Mapping[str, str]) -> bool:
    """Whether commands in `directory` are found."""
    entries = environ.get("PATH", "").split(os.pathsep)
    return os.path.realpath(directory) in {os.path.realpath(entry) for entry in entries if entry}


def path_advice(directory: str, environ: Mapping[str, str], home: Path) -> PathAdvice:
    """How the shell that SHELL names gets `directory` into PATH."""
    shell = os.path.basename(environ.get("SHELL", "")) or "sh"
    below = directory.startswith(f"{home}{os.sep}")
    special = _SPECIAL_IN_FISH if shell == "fish" else _SPECIAL
    text = special.sub(r"\\\g<0>", directory.removeprefix(str(home)) if below else directory)
    text = f"$HOME{text}" if below else text
    match shell:
        case "fish":
            config = _config_dir(environ, home)
            return PathAdvice(shell, f'fish_add_path "{text}"', (config / "fish" / "config.fish",))
        case "csh" | "tcsh":
            own = home / ".tcshrc"
            file = own if shell == "tcsh" and own.exists() else home / ".cshrc"
            return PathAdvice(shell, f'setenv PATH "{text}:$PATH"', (file,))
        case "nu":
            quoted = directory.replace("\\", "\\\\").replace('"', '\\"')
            line = f'$env.PATH = ($env.PATH | prepend "{quoted}")'
            return PathAdvice(shell, line, (_config_dir(environ, home) / "nushell" / "env.nu",))
        case "bash":
            login = next((home / name for name in _LOGIN_FILES if (home / name).exists()), home / _LOGIN_FILES[0])
            files: tuple[Path, ...] = (home / ".bashrc", login)
        case "zsh":
            files = (Path(environ.get("ZDOTDIR") or home) / ".zshenv",)
        case _:
            files = (home / ".profile",)
    return PathAdvice(shell, f'export PATH="{text}:$PATH"', files)


def follow(advice: PathAdvice) -> list[Path]:
    """Write the line into those of the files that lack it; which these were. Raises UsageError."""
    changed = []
    for file in advice.files:
        try:
            content = file.read_bytes() if file.exists() else b""
            if advice.line.encode() in content.splitlines():
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            gap = b"" if not content else b"\n" if content.endswith(b"\n") else b"\n\n"
            replace_file(file, content + gap + f"# Commands of tools, put here by dxpy\n{advice.line}\n".encode())
        except OSError as error:
            raise UsageError(
                f"`{file}` cannot be changed: {error.strerror}", hints=(f"put there yourself: {advice.line}",)
            ) from error
        changed.append(file)
    return changed


def _config_dir(environ: Mapping[str, str], home: Path) -> Path:
    chosen = environ.get("XDG_CONFIG_HOME", "")
    return Path(chosen) if os.path.isabs(chosen) else home / ".config"
