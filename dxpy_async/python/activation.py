"""The scripts that make an environment the active one of a shell, and their `deactivate`.

Those of a relocatable environment find it from where they lie; csh cannot tell, so there it is where it was made.

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

# One line for `deactivate`: an alias can have no more.
_CSH = """\
# Read this file into csh or tcsh: `source <this file>`. `deactivate` undoes it.

alias deactivate 'test $?_OLD_VIRTUAL_PATH != 0 && setenv PATH "$_OLD_VIRTUAL_PATH" && unset _OLD_VIRTUAL_PATH; test $?_OLD_VIRTUAL_PYTHONHOME != 0 && setenv PYTHONHOME "$_OLD_VIRTUAL_PYTHONHOME" && unset _OLD_VIRTUAL_PYTHONHOME; test $?_OLD_VIRTUAL_PROMPT != 0 && set prompt = "$_OLD_VIRTUAL_PROMPT" && unset _OLD_VIRTUAL_PROMPT; unsetenv VIRTUAL_ENV; unsetenv VIRTUAL_ENV_PROMPT; rehash; test "\\!:*" != "nondestructive" && unalias deactivate'

deactivate nondestructive

setenv VIRTUAL_ENV @ROOT@
setenv VIRTUAL_ENV_PROMPT @PROMPT@

set _OLD_VIRTUAL_PATH = "$PATH"
setenv PATH "${VIRTUAL_ENV}/@SCRIPTS@:${PATH}"

if ($?PYTHONHOME) then
    set _OLD_VIRTUAL_PYTHONHOME = "$PYTHONHOME"
    unsetenv PYTHONHOME
endif

if (! $?VIRTUAL_ENV_DISABLE_PROMPT && $?prompt) then
    set _OLD_VIRTUAL_PROMPT = "$prompt"
    set prompt = @SHOWN@"$prompt"
endif

rehash
"""  # noqa: E501

_NU = """\
# Read this file into nushell: `overlay use <this file>`. `deactivate` undoes it.

const virtual_env = @ROOT@

export-env {
    let prompt = @PROMPT@
    let name = if "Path" in $env { "Path" } else { "PATH" }
    let path = ($env | get $name)
    let entries = if ($path | describe) == "string" { $path | split row (char esep) } else { $path }
    let before = ($env.PROMPT_COMMAND? | default "")
    let shown = if ($env.VIRTUAL_ENV_DISABLE_PROMPT? | default "" | is-empty) {
        {|| $"\\(($prompt)\\) (if ($before | describe) == 'closure' { do $before } else { $before })" }
    } else { $before }
    load-env {
        $name: ($entries | prepend ($virtual_env | path join @SCRIPTS@))
        VIRTUAL_ENV: $virtual_env
        VIRTUAL_ENV_PROMPT: $prompt
        PROMPT_COMMAND: $shown
    }
    hide-env --ignore-errors PYTHONHOME
}

export alias deactivate = overlay hide activate --keep-env [ PWD ]
"""

_BATCH = """\
@echo off
rem Run this file in the command prompt of Windows. `deactivate` undoes it.
if defined _OLD_VIRTUAL_PATH set "PATH=%_OLD_VIRTUAL_PATH%"
if defined _OLD_VIRTUAL_PROMPT set "PROMPT=%_OLD_VIRTUAL_PROMPT%"
if defined _OLD_VIRTUAL_PYTHONHOME set "PYTHONHOME=%_OLD_VIRTUAL_PYTHONHOME%"
for %%i in ("%~dp0..") do set "VIRTUAL_ENV=%%~fi"
set "VIRTUAL_ENV_PROMPT=@PROMPT@"
set "_OLD_VIRTUAL_PATH=%PATH%"
set "PATH=%~dp0;%PATH%"
if defined PYTHONHOME set "_OLD_VIRTUAL_PYTHONHOME=%PYTHONHOME%"
set PYTHONHOME=
if defined VIRTUAL_ENV_DISABLE_PROMPT goto :end
if not defined PROMPT set "PROMPT=$P$G"
set "_OLD_VIRTUAL_PROMPT=%PROMPT%"
set "PROMPT=(@PROMPT@) %PROMPT%"
:end
"""

_BATCH_END = """\
@echo off
if defined _OLD_VIRTUAL_PATH set "PATH=%_OLD_VIRTUAL_PATH%"
if defined _OLD_VIRTUAL_PROMPT set "PROMPT=%_OLD_VIRTUAL_PROMPT%"
if defined _OLD_VIRTUAL_PYTHONHOME set "PYTHONHOME=%_OLD_VIRTUAL_PYTHONHOME%"
for %%v in (_OLD_VIRTUAL_PATH _OLD_VIRTUAL_PROMPT _OLD_VIRTUAL_PYTHONHOME VIRTUAL_ENV VIRTUAL_ENV_PROMPT) do set %%v=
"""

_SH_PLACE = """\
$(
    if [ -n "${BASH_SOURCE-}" ] ; then
        CDPATH= cd -- "$(dirname -- "$BASH_SOURCE")/@UP@" && pwd
    elif [ -n "${ZSH_VERSION-}" ] ; then
        eval 'CDPATH= cd -- "$(dirname -- "${(%):-%x}")/@UP@" && pwd'
    else
        printf '%s\\n' @ROOT@
    fi
)"""
"""Where the script lies, for a relocatable environment; a plain POSIX shell cannot tell."""


def activation_scripts(root: str, scripts: str, prompt: str, *, relocatable: bool = False) -> Mapping[str, bytes]:
    """The scripts by file name, for the environment at `root` whose executables are in `scripts` below it."""
    scripts = scripts.replace(os.sep, "/")
    up = "/".join(".." for _ in scripts.split("/"))
    sh_root, fish_root, nu_root = _sh(root), _fish(root), _nu(root)
    if relocatable:
        sh_root = _fill(_SH_PLACE, {"@UP@": up, "@ROOT@": sh_root})
        fish_root, nu_root = f"(realpath (status dirname)/{up})", f"(path self {up})"
    shown = f"({_harmless(prompt)}) "
    values = {"@SCRIPTS@": scripts}
    sh = {**values, "@ROOT@": sh_root, "@PROMPT@": _sh(prompt), "@SHOWN@": _sh(shown)}
    fish = {**values, "@ROOT@": fish_root, "@PROMPT@": _fish(prompt)}
    csh = {**values, "@ROOT@": _csh(root), "@PROMPT@": _csh(prompt), "@SHOWN@": _csh(shown)}
    nu = {"@SCRIPTS@": _nu(scripts), "@ROOT@": nu_root, "@PROMPT@": _nu(prompt)}
    return {
        "activate": os.fsencode(_fill(_SH, sh)),
        "activate.fish": os.fsencode(_fill(_FISH, fish)),
        "activate.csh": os.fsencode(_fill(_CSH, csh)),
        "activate.nu": os.fsencode(_fill(_NU, nu)),
        "activate.ps1": _with_mark(_fill(_POWERSHELL, {"@PROMPT@": _powershell(prompt)})),
    }


def batch_scripts(prompt: str) -> Mapping[str, bytes]:
    """Those for the command prompt of Windows, which find the environment from where they lie. Not run so far."""
    shown = "".join(character for character in prompt if character.isprintable() and character not in '%"&|<>^!')
    texts = {"activate.bat": _fill(_BATCH, {"@PROMPT@": shown}), "deactivate.bat": _BATCH_END}
    return {name: text.replace("\n", "\r\n").encode("utf-8", "replace") for name, text in texts.items()}


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


def _csh(text: str) -> str:
    return "'" + text.replace("'", "'\\''").replace("!", "\\!") + "'"


def _nu(text: str) -> str:
    """A raw string: nothing in it means anything, as long as its end does not stand in it."""
    hashes = "#"
    while f"'{hashes}" in text:
        hashes += "#"
    return f"r{hashes}'{text}'{hashes}"


def _powershell(text: str) -> str:
    # PowerShell ends a string at any of the quotes that word processors make of an apostrophe, too
    for quote in "'\u2018\u2019\u201a\u201b":
        text = text.replace(quote, quote + quote)
    return f"'{text}'"


def _harmless(prompt: str) -> str:
    """A prompt without what bash and zsh expand in PS1: a directory's name must not run commands."""
    return prompt.translate(dict.fromkeys(map(ord, "\\$`%!"), "_"))
