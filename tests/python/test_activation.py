"""Activation in the real shells of this machine. PowerShell and nushell are tested only where they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dxpy_async.python.activation import activation_scripts, batch_scripts
from dxpy_async.python.environments import create_environment
from dxpy_async.python.probing import probe

PLACES = ["plain", "with space", 'it\'s "quoted" $(touch hacked) `touch hacked` \\ %n !', "ünïcödé　wide", "@ROOT@"]

SHELLS = {
    "bash": ["bash", "--norc", "--noprofile"],
    "zsh": ["zsh", "-f"],
    "dash": ["dash"],
    "fish": ["fish", "--no-config"],
    "tcsh": ["tcsh", "-f"],
    "nu": ["nu", "--no-config-file"],
    "pwsh": ["pwsh", "-NoProfile", "-NonInteractive"],
}


def shell(name: str, text: str, directory: Path, **variables: str) -> list[str]:
    """Run a program of the shell with a clean environment; the lines it prints. A word on stderr is a failure."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "TERM": "dumb", "LC_ALL": "C.UTF-8", **variables}
    ended = subprocess.run(
        [*SHELLS[name], "-c", text], cwd=directory, env=environment, check=False, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    return ended.stdout.splitlines()


@pytest.fixture
def make(tmp_path: Path, python311: Path, shared_cache: Path):  # type: ignore[no-untyped-def]
    def make(name: str, prompt: str | None = None, *, relocatable: bool = False) -> Path:
        interpreter = probe(python311, cache_dir=shared_cache)
        return create_environment(tmp_path / name, interpreter, prompt=prompt, relocatable=relocatable).root

    return make


def quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "'\\''") + "'"


def fish_quoted(path: Path) -> str:
    return "'" + str(path).replace("\\", "\\\\").replace("'", "\\'") + "'"


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("which", ["bash", "zsh", "dash"])
def test_activate_and_deactivate(tmp_path: Path, make, which: str, name: str) -> None:  # type: ignore[no-untyped-def]
    root = make(name)
    text = f"""
        set -eu
        PS1='> '
        before="$PATH"
        . {quoted(root / "bin" / "activate")}
        printf '%s\\n' "$VIRTUAL_ENV" "$VIRTUAL_ENV_PROMPT" "$(command -v python)" "${{PYTHONHOME-unset}}"
        python -c 'import sys; print(sys.prefix)'
        case "$PS1" in '('*') > ') echo prompted ;; *) echo "$PS1" ;; esac
        deactivate
        printf '%s\\n' "${{VIRTUAL_ENV-unset}}" "${{VIRTUAL_ENV_PROMPT-unset}}" "$PYTHONHOME" "$PS1"
        [ "$PATH" = "$before" ] && echo restored
        [ -z "${{_OLD_VIRTUAL_PATH-}}${{_OLD_VIRTUAL_PS1-}}${{_OLD_VIRTUAL_PYTHONHOME-}}" ] && echo clean
        case "$(type deactivate 2> /dev/null)" in *function*) echo still there ;; esac
    """
    assert shell(which, text, tmp_path, PYTHONHOME="/somewhere") == [
        str(root),
        name,
        str(root / "bin" / "python"),
        "unset",
        str(root),
        "prompted",
        "unset",
        "unset",
        "/somewhere",
        "> ",
        "restored",
        "clean",
    ]


@pytest.mark.parametrize("name", PLACES)
def test_activate_and_deactivate_in_fish(tmp_path: Path, make, name: str) -> None:  # type: ignore[no-untyped-def]
    root = make(name)
    text = f"""
        function fish_prompt; echo -n "> $status"; end
        set before $PATH
        source {fish_quoted(root / "bin" / "activate.fish")}
        echo $VIRTUAL_ENV
        command -s python
        python -c 'import sys; print(sys.prefix)'
        false
        fish_prompt; echo
        set -q PYTHONHOME; or echo unset
        deactivate
        set -q VIRTUAL_ENV; or echo unset
        echo $PYTHONHOME
        test "$PATH" = (string join : $before); and echo restored
        true
        fish_prompt; echo
        functions -q deactivate _old_fish_prompt; or echo clean
    """
    assert shell("fish", text, tmp_path, PYTHONHOME="/somewhere") == [
        str(root),
        str(root / "bin" / "python"),
        str(root),
        f"({name}) > 1",
        "unset",
        "unset",
        "/somewhere",
        "restored",
        "> 0",
        "clean",
    ]


@pytest.mark.parametrize("name", PLACES)
def test_activate_and_deactivate_in_csh(tmp_path: Path, make, name: str) -> None:  # type: ignore[no-untyped-def]
    root = make(name)
    script = quoted(root / "bin" / "activate.csh").replace("!", "\\!")
    text = f"""
        set prompt = '> '
        set before = "$PATH"
        source {script}
        echo "$VIRTUAL_ENV"
        echo "$VIRTUAL_ENV_PROMPT"
        python -c 'import sys; print(sys.prefix)'
        echo "$prompt" | sed 's/^(.*) > $/prompted/'
        echo $?PYTHONHOME
        deactivate
        echo $?VIRTUAL_ENV $?VIRTUAL_ENV_PROMPT "$PYTHONHOME" "$prompt"
        if ("$PATH" == "$before") echo restored
        alias deactivate
    """
    assert shell("tcsh", text, tmp_path, PYTHONHOME="/somewhere") == [
        str(root),
        name,
        str(root),
        "prompted",
        "0",
        "0 0 /somewhere > ",
        "restored",
    ]


@pytest.mark.parametrize("name", [*PLACES, "ends '# oddly"])
def test_activate_and_deactivate_in_nushell(tmp_path: Path, make, name: str) -> None:  # type: ignore[no-untyped-def]
    root = make(name)
    text = f"""
        overlay use r##'{root / "bin" / "activate.nu"}'##
        print $env.VIRTUAL_ENV $env.VIRTUAL_ENV_PROMPT (do $env.PROMPT_COMMAND)
        print ($env.PYTHONHOME? | default unset)
        python -c 'import sys; print(sys.prefix)'
        deactivate
        print ($env.VIRTUAL_ENV? | default unset) $env.PYTHONHOME ($env.PATH | str join (char esep))
    """
    assert shell("nu", text, tmp_path, PYTHONHOME="/somewhere") == [
        str(root),
        name,
        f"({name}) ",
        "unset",
        str(root),
        "unset",
        "/somewhere",
        os.environ["PATH"],
    ]


MOVED = {
    "bash": ". 'moved here/bin/activate'; echo \"$VIRTUAL_ENV\"",
    "zsh": ". 'moved here/bin/activate'; echo \"$VIRTUAL_ENV\"",
    "fish": "source 'moved here/bin/activate.fish'; echo $VIRTUAL_ENV",
    "nu": "overlay use r#'{}/bin/activate.nu'#; print $env.VIRTUAL_ENV",
    "pwsh": ". '{}/bin/activate.ps1'; $Env:VIRTUAL_ENV",
}


@pytest.mark.parametrize("which", MOVED)
def test_moved_environment_is_activated_where_it_is(tmp_path: Path, make, which: str) -> None:  # type: ignore[no-untyped-def]
    moved = make("env", relocatable=True).rename(tmp_path / "moved here")
    text = MOVED[which].replace("{}", str(moved)) + "; python -c 'import sys; print(sys.prefix)'"
    assert shell(which, text, tmp_path) == [str(moved), str(moved)]


@pytest.mark.parametrize("name", PLACES)
def test_activate_and_deactivate_in_powershell(tmp_path: Path, make, name: str) -> None:  # type: ignore[no-untyped-def]
    root = make(name)
    script = "'" + str(root / "bin" / "activate.ps1").replace("'", "''") + "'"
    text = f"""
        $before = $Env:PATH
        . {script}
        $Env:VIRTUAL_ENV
        python -c 'import sys; print(sys.prefix)'
        deactivate
        if (-not (Test-Path Env:VIRTUAL_ENV)) {{ 'unset' }}
        if ($Env:PATH -eq $before) {{ 'restored' }}
    """
    assert shell("pwsh", text, tmp_path) == [str(root), str(root), "unset", "restored"]


@pytest.mark.parametrize("which", ["bash", "zsh"])
def test_prompt_that_is_a_command_is_not_run(tmp_path: Path, make, which: str) -> None:  # type: ignore[no-untyped-def]
    root = make("env", prompt="$(touch hacked)`touch hacked`%n!1\\u")
    expand = 'printf "%s\\n" "${PS1@P}"' if which == "bash" else 'setopt prompt_subst prompt_bang; print -P "$PS1"'
    text = f"PS1='> '; . {quoted(root / 'bin' / 'activate')}; {expand}"
    assert shell(which, text, tmp_path) == ["(_(touch hacked)_touch hacked__n_1_u) > "]
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize("which", ["bash", "zsh", "dash", "fish"])
def test_second_activation_replaces_the_first(tmp_path: Path, make, which: str) -> None:  # type: ignore[no-untyped-def]
    first, second = make("first"), make("second")
    suffix = ".fish" if which == "fish" else ""
    text = f"""
        . {first}/bin/activate{suffix}
        . {second}/bin/activate{suffix}
        python -c 'import sys; print(sys.prefix)'
        deactivate
        echo "$PATH"
    """
    prefix, path = shell(which, text, tmp_path)
    assert prefix == str(second)
    assert path.replace(" ", ":") == os.environ["PATH"]


@pytest.mark.parametrize("which", ["bash", "zsh", "dash"])
def test_prompt_is_left_alone_when_asked_or_when_there_is_none(tmp_path: Path, make, which: str) -> None:  # type: ignore[no-untyped-def]
    activate = quoted(make("env") / "bin" / "activate")
    assert shell(which, f"PS1='> '; . {activate}; echo \"$PS1\"", tmp_path, VIRTUAL_ENV_DISABLE_PROMPT="1") == ["> "]
    assert shell(which, f'unset PS1; . {activate}; echo "${{PS1-none}}"', tmp_path) == ["none"]


def test_scripts_for_the_command_prompt_hold_nothing_that_it_would_run() -> None:
    scripts = batch_scripts('100% "sure" & more')
    assert 'set "VIRTUAL_ENV_PROMPT=100 sure  more"\r\n' in scripts["activate.bat"].decode()
    assert all(b"\n" not in text.replace(b"\r\n", b"") for text in scripts.values())


def test_powershell_script_is_readable_by_the_old_windows_powershell() -> None:
    plain = activation_scripts("/env", "bin", "plain")["activate.ps1"]
    marked = activation_scripts("/env", "bin", "l’été 'x'")["activate.ps1"]
    assert plain.isascii()
    assert marked.startswith(b"\xef\xbb\xbf")
    assert "= 'l’’été ''x'''" in marked.decode("utf-8-sig")
