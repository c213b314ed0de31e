"""The scripts that make an environment the active one of a shell, and their `deactivate`.

They use the variables of the standard library's own scripts (`_OLD_VIRTUAL_PATH`, …), so that environments of dxpy and
of others can be activated on top of each other. A path is written so that each shell reads it back as it is, whatever
characters it has; a prompt is shown with those characters replaced that a shell would act upon.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # see `errors`
if TYPE_CHECKING:
    from collections.abc import Mapping

_SH = """\
# Read this file into bash, zsh or another POSIX shell: `. <this file>`. `deactivate` undoes it.

deactivate () {
    if [ -n "${_OLD_VIRTUAL_PATH+set}" ] ; then
        PATH="$_OLD_VIRTUAL_PATH"
        export PATH
        unset _OLD_VIRTUAL_PATH
    fi
    if [ -n "${_OLD_VIRTUAL_PYTHONHOME+set}" ] ; then
        PYTHONHOME="$_OLD_VIRTUAL_PYTHONHOME"
        export PYTHONHOME
        unset _OLD_VIRTUAL_PYTHONHOME
    fi
    if [ -n "${_OLD_VIRTUAL_PS1+set}" ] ; then
        PS1="$_OLD_VIRTUAL_PS1"
        unset _OLD_VIRTUAL_PS1
    fi
    unset VIRTUAL_ENV
    unset VIRTUAL_ENV_PROMPT
    if [ "${1-}" != "nondestructive" ] ; then
        unset -f deactivate
    fi
    hash -r 2> /dev/null || true
}

deactivate nondestructive

VIRTUAL_ENV=@ROOT@
case "${OSTYPE-}" in
    cygwin* | msys*) VIRTUAL_ENV=$(cygpath "$VIRTUAL_ENV") ;;
esac
export VIRTUAL_ENV
VIRTUAL_ENV_PROMPT=@PROMPT@
export VIRTUAL_ENV_PROMPT

_OLD_VIRTUAL_PATH="$PATH"
PATH="$VIRTUAL_ENV/@SCRIPTS@:$PATH"
export PATH

if [ -n "${PYTHONHOME+set}" ] ; then
    _OLD_VIRTUAL_PYTHONHOME="$PYTHONHOME"
    unset PYTHONHOME
fi

if [ -z "${VIRTUAL_ENV_DISABLE_PROMPT-}" ] && [ -n "${PS1+set}" ] ; then
    _OLD_VIRTUAL_PS1="$PS1"
    PS1=@SHOWN@"$PS1"
fi

hash -r 2> /dev/null || true
"""

_FISH = """\
# Read this file into fish: `source <this file>`. `deactivate` undoes it.

function deactivate -d "Leave the virtual environment"
    if set -q _OLD_VIRTUAL_PATH
        set -gx PATH $_OLD_VIRTUAL_PATH
        set -e _OLD_VIRTUAL_PATH
    end
    if set -q _OLD_VIRTUAL_PYTHONHOME
        set -gx PYTHONHOME $_OLD_VIRTUAL_PYTHONHOME
        set -e _OLD_VIRTUAL_PYTHONHOME
    end
    if functions -q _old_fish_prompt
        functions -e fish_prompt
        functions -c _old_fish_prompt fish_prompt
        functions -e _old_fish_prompt
        functions -e _virtual_env_status
    end
    set -e VIRTUAL_ENV
    set -e VIRTUAL_ENV_PROMPT
    if test "$argv[1]" != nondestructive
        functions -e deactivate
    end
end

deactivate nondestructive

set -gx VIRTUAL_ENV @ROOT@
set -gx VIRTUAL_ENV_PROMPT @PROMPT@

set -gx _OLD_VIRTUAL_PATH $PATH
set -gx PATH "$VIRTUAL_ENV/@SCRIPTS@" $PATH

if set -q PYTHONHOME
    set -gx _OLD_VIRTUAL_PYTHONHOME $PYTHONHOME
    set -e PYTHONHOME
end

if test -z "$VIRTUAL_ENV_DISABLE_PROMPT"; and functions -q fish_prompt
    functions -c fish_prompt _old_fish_prompt

    function _virtual_env_status
        return $argv[1]
    end

    function fish_prompt
        set -l last_status $status
        printf '(%s) ' "$VIRTUAL_ENV_PROMPT"
        # the prompt of before sees the status of the last command, not printf's
        _virtual_env_status $last_status
        _old_fish_prompt
    end
end
"""

_POWERSHELL = """\
# Run this file in PowerShell: `. <this file>`. `deactivate` undoes it.

function global:deactivate([switch] $NonDestructive) {
    if (Test-Path Env:_OLD_VIRTUAL_PATH) {
        $Env:PATH = $Env:_OLD_VIRTUAL_PATH
        Remove-Item Env:_OLD_VIRTUAL_PATH
    }
    if (Test-Path Env:_OLD_VIRTUAL_PYTHONHOME) {
        $Env:PYTHONHOME = $Env:_OLD_VIRTUAL_PYTHONHOME
        Remove-Item Env:_OLD_VIRTUAL_PYTHONHOME
    }
    if (Test-Path Function:_OLD_VIRTUAL_PROMPT) {
        Copy-Item Function:_OLD_VIRTUAL_PROMPT Function:prompt
        Remove-Item Function:_OLD_VIRTUAL_PROMPT
    }
    Remove-Item Env:VIRTUAL_ENV -ErrorAction SilentlyContinue
    Remove-Item Env:VIRTUAL_ENV_PROMPT -ErrorAction SilentlyContinue
    if (-not $NonDestructive) {
        Remove-Item Function:deactivate
    }
}

deactivate -NonDestructive

$Env:VIRTUAL_ENV = Split-Path -Parent $PSScriptRoot
$Env:VIRTUAL_ENV_PROMPT = @PROMPT@

$Env:_OLD_VIRTUAL_PATH = $Env:PATH
$Env:PATH = $PSScriptRoot + [System.IO.Path]::PathSeparator + $Env:PATH

if (Test-Path Env:PYTHONHOME) {
    $Env:_OLD_VIRTUAL_PYTHONHOME = $Env:PYTHONHOME
    Remove-Item Env:PYTHONHOME
}

if (-not $Env:VIRTUAL_ENV_DISABLE_PROMPT) {
    function global:_OLD_VIRTUAL_PROMPT { "" }
    Copy-Item Function:prompt Function:_OLD_VIRTUAL_PROMPT
    function global:prompt {
        Write-Host -NoNewline "($Env:VIRTUAL_ENV_PROMPT) "
        _OLD_VIRTUAL_PROMPT
    }
}
"""


def activation_scripts(root: str, scripts: str, prompt: str) -> Mapping[str, bytes]:
    """The scripts by file name, for the environment at `root` whose executables are in `scripts` below it."""
    values = {"@SCRIPTS@": scripts.replace(os.sep, "/")}
    sh = {**values, "@ROOT@": _sh(root), "@PROMPT@": _sh(prompt), "@SHOWN@": _sh(f"({_harmless(prompt)}) ")}
    fish = {**values, "@ROOT@": _fish(root), "@PROMPT@": _fish(prompt)}
    return {
        "activate": os.fsencode(_fill(_SH, sh)),
        "activate.fish": os.fsencode(_fill(_FISH, fish)),
        "activate.ps1": _with_mark(_fill(_POWERSHELL, {"@PROMPT@": _powershell(prompt)})),
    }


def _fill(template: str, values: Mapping[str, str]) -> str:
    """Put values into a template, all at once: what a value holds is never looked at again."""
    filled: list[str] = []
    rest = template
    while True:  # the places by hand: loading `re` for them would cost more than making the whole environment
        text, at, rest = rest.partition("@")
        filled.append(text)
        if not at:
            return "".join(filled)
        name, _, after = rest.partition("@")
        value = values.get(f"@{name}@")
        if value is None:
            filled.append(at)
        else:
            filled.append(value)
            rest = after


def _with_mark(text: str) -> bytes:
    """Windows PowerShell takes a script without a byte order mark for one in the system's old code page."""
    return text.encode("ascii" if text.isascii() else "utf-8-sig", "replace")


def _sh(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _powershell(text: str) -> str:
    # PowerShell ends a string at any of the quotes that word processors make of an apostrophe, too
    for quote in "'\u2018\u2019\u201a\u201b":
        text = text.replace(quote, quote + quote)
    return f"'{text}'"


def _harmless(prompt: str) -> str:
    """A prompt without what bash and zsh expand in PS1: a directory's name must not run commands."""
    return prompt.translate(dict.fromkeys(map(ord, "\\$`%!"), "_"))
