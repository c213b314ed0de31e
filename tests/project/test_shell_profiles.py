"""A directory on PATH, in the words and files of each shell."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dxpy_async.errors import UsageError
from dxpy_async.project.shell_profiles import follow, is_on_path, path_advice


@pytest.mark.parametrize(
    ("shell", "line", "files"),
    [
        ("/bin/bash", 'export PATH="$HOME/.local/bin:$PATH"', [".bashrc", ".bash_profile"]),
        ("/usr/bin/zsh", 'export PATH="$HOME/.local/bin:$PATH"', [".zshenv"]),
        ("/usr/bin/fish", 'fish_add_path "$HOME/.local/bin"', [".config/fish/config.fish"]),
        ("/bin/tcsh", 'setenv PATH "$HOME/.local/bin:$PATH"', [".cshrc"]),
        ("/bin/ksh", 'export PATH="$HOME/.local/bin:$PATH"', [".profile"]),
        ("", 'export PATH="$HOME/.local/bin:$PATH"', [".profile"]),
    ],
)
def test_each_shell_has_its_words_and_files(tmp_path: Path, shell: str, line: str, files: list[str]) -> None:
    advice = path_advice(f"{tmp_path}/.local/bin", {"SHELL": shell}, tmp_path)
    assert (advice.line, [str(file.relative_to(tmp_path)) for file in advice.files]) == (line, files)


def test_nu_wants_the_path_as_it_is(tmp_path: Path) -> None:
    advice = path_advice(f'{tmp_path}/a"b', {"SHELL": "nu", "XDG_CONFIG_HOME": f"{tmp_path}/c"}, tmp_path)
    assert advice.line == f'$env.PATH = ($env.PATH | prepend "{tmp_path}/a\\"b")'
    assert advice.files == (tmp_path / "c/nushell/env.nu",)


def test_lines_go_into_the_files_once_and_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / ".profile").write_text("echo hello")
    (tmp_path / "real").write_text("alias a=b\n")
    (tmp_path / ".bashrc").symlink_to("real")
    advice = path_advice("/opt/bin", {"SHELL": "bash"}, tmp_path)
    assert follow(advice) == [tmp_path / ".bashrc", tmp_path / ".profile"]
    added = '\n# Commands of tools, put here by dxpy\nexport PATH="/opt/bin:$PATH"\n'
    assert (tmp_path / "real").read_text() == f"alias a=b\n{added}"
    assert (tmp_path / ".bashrc").is_symlink()
    assert (tmp_path / ".profile").read_text() == f"echo hello\n{added}"
    assert follow(advice) == []


def test_files_that_cannot_be_changed_are_named_with_the_line(tmp_path: Path) -> None:
    (tmp_path / ".profile").mkdir()
    advice = path_advice("/opt/bin", {"SHELL": "sh"}, tmp_path)
    with pytest.raises(UsageError, match=r"\.profile` cannot be changed") as caught:
        follow(advice)
    assert caught.value.hints() == ('put there yourself: export PATH="/opt/bin:$PATH"',)


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh", "ksh", "fish"])
def test_the_shell_itself_reads_what_is_written(tmp_path: Path, shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    directory = tmp_path / 'a $HOME `b` "c'
    directory.mkdir()
    advice = path_advice(str(directory), {"SHELL": program, "XDG_CONFIG_HOME": f"{tmp_path}/c"}, tmp_path)
    follow(advice)
    reading = "source" if shell == "fish" else "."
    script = f'{reading} "{advice.files[0]}"; printenv PATH'
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    said = subprocess.check_output([program, "-c", script], env=environ, text=True)
    assert said.split(":")[0] == str(directory)
    assert is_on_path(str(directory), {"PATH": said.strip()})
