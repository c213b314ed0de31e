"""The flags of `dxpy pip`: those that its actions share, with pip's names and meanings.

What pip takes and dxpy has no use for is taken, too, and does nothing; what would mean something that dxpy does not do
is refused by name. Variables (`PIP_INDEX_URL`) and pip's files of settings count as arguments given before the others.

Source: https://pip.pypa.io/en/stable/cli/
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from dxpy_async.cli import load
from dxpy_async.cli.arguments import Command, Parser, add_commands
from dxpy_async.errors import UsageError
from dxpy_async.project.config_places import pip_files
from dxpy_async.project.pip_settings import read_pip_options

_NOTHING_TO_SAY = argparse.SUPPRESS

_WITHOUT_VALUE = (
    "--disable-pip-version-check",
    "--no-input",
    "--no-python-version-warning",
    "--isolated",
    "--debug",
    "--no-warn-script-location",
    "--no-warn-conflicts",
    "--prefer-binary",
    "--use-pep517",
    "--no-clean",
)
_WITH_VALUE = (
    "--root-user-action",
    "--progress-bar",
    "--exists-action",
    "--use-feature",
    "--use-deprecated",
    "--keyring-provider",
    "--log",
    "--src",
    "--resume-retries",
)
"""Flags of pip that make no difference here."""


def declare_pip(parser: Parser) -> None:
    actions = {
        "install": Command("install into an environment", "flags_of_pip_install"),
        "uninstall": Command("remove from an environment", "flags_of_pip_install"),
        "list": Command("list what is installed", "flags_of_pip_lists"),
        "freeze": Command("list what is installed as requirements", "flags_of_pip_lists"),
        "show": Command("tell what is known of what is installed", "flags_of_pip_lists"),
        "check": Command("check that all that is installed has what it requires", "flags_of_pip_lists"),
        "tree": Command("show what requires what of what is installed", "flags_of_pip_lists"),
        "inspect": Command("tell all of what is installed, as JSON", "flags_of_pip_lists"),
        "compile": Command("pin all that files of requirements come to", "flags_of_pip_files"),
        "sync": Command("let an environment hold what files of requirements say, alone", "flags_of_pip_files"),
        "download": Command("collect the archives that an installation takes", "flags_of_pip_files"),
        "wheel": Command("the same, with wheels built of all that is none", "flags_of_pip_files"),
        "index": Command("ask indexes", "flags_of_pip_files"),
        "hash": Command("tell the hashes of files", "flags_of_pip_files"),
        "cache": Command("look at the cache, or clean it", "flags_of_pip_files"),
        "config": Command("see `dxpy config`", "flags_of_pip_files"),
        "debug": Command("not there", "flags_of_pip_files"),
        "completion": Command("see `dxpy completions`", "flags_of_pip_files"),
        "search": Command("not there", "flags_of_pip_files"),
    }
    general_flags(parser)
    parser.add_argument("-V", "--version", action=_Version, nargs=0, help="tell versions, as pip does")
    add_commands(parser, "action", actions)


def begin(parser: Parser, action: str) -> None:
    """What all actions have: pip's general flags, words between flags, and what variables and files say of flags."""
    parser.mixes_words = True
    parser.conflict_handler = "resolve"  # what an action says of a flag counts before what is said of all
    general_flags(parser)


def finish(parser: Parser, action: str) -> None:
    """Once all flags of `action` are declared."""
    parser.said_before = said_elsewhere(parser, action, os.environ)


_NOT_SAID_ELSEWHERE = ("help", "version", "config_file")
"""Flags that pip's settings do not give: PIP_CONFIG_FILE names a file of pip's, `--config-file` one of dxpy's."""


def said_elsewhere(parser: Parser, action: str, environ: Mapping[str, str]) -> Sequence[str]:
    """The flags of `parser` that pip's variables and files of settings give, as arguments.

    Source: https://pip.pypa.io/en/stable/topics/configuration/
    """
    options = read_pip_options(_files(environ), environ, action)
    said: list[str] = []
    for flag in parser._actions:
        names = [name for name in flag.option_strings if name.startswith("--")]
        for name in names:
            if (value := options.get(name.removeprefix("--"))) is not None and flag.dest not in _NOT_SAID_ELSEWHERE:
                said += _as_arguments(flag, name, value)
                break
    return said


def _files(environ: Mapping[str, str]) -> list[str]:
    environment = environ.get("VIRTUAL_ENV") or None
    return pip_files(environ, environment)


def _as_arguments(flag: argparse.Action, name: str, value: str) -> list[str]:
    if flag.nargs == 0:
        if value.strip().lower() in ("", "0", "false", "no", "off", "n", "f"):
            return []
        count = int(value) if isinstance(flag, argparse._CountAction) and value.strip().isdigit() else 1
        return [name] * count
    values = value.split() if isinstance(flag, argparse._AppendAction) else [value.strip()]
    return [f"{name}={each}" for each in values if each]


def general_flags(parser: Parser) -> None:
    """pip's general options, before an action or after it."""
    group = parser.add_argument_group("pip's general options")

    def add(*names: str, **how: Any) -> None:
        group.add_argument(*names, default=_NOTHING_TO_SAY, **how)

    add("--no-cache-dir", dest="no_cache", action="store_true", help="use a cache of this run's own")
    add("--no-color", dest="color", action="store_const", const="never", help="do not colour")
    add("--require-virtualenv", "--require-venv", action="store_true", help="stop if no environment is active or near")
    add("--timeout", "--default-timeout", metavar="SECONDS", help="how long to wait for an index")
    add("--retries", metavar="COUNT", help="how often to ask again")
    add("--proxy", metavar="URL", help="a proxy for http and https")
    add("--cert", metavar="FILE", help="certificates to trust [SSL_CERT_FILE]")
    add("--client-cert", metavar="FILE", help="a client certificate with its key")
    add(
        "--trusted-host",
        dest="allow_insecure_host",
        action="append",
        metavar="HOST",
        help="trust what is said to be this host (can be repeated)",
    )
    for name in _WITHOUT_VALUE:
        group.add_argument(name, dest="unheeded", action="store_true", default=_NOTHING_TO_SAY, help=_NOTHING_TO_SAY)
    for name in _WITH_VALUE:
        group.add_argument(name, dest="unheeded_value", default=_NOTHING_TO_SAY, help=_NOTHING_TO_SAY)


def environment_flags(parser: Parser) -> None:
    """Which environment."""
    group = parser.add_argument_group("which environment")
    group.add_argument("-p", "--python", metavar="WHICH", help="an interpreter or an environment [DXPY_PYTHON]")
    group.add_argument("--system", action="store_true", help="the first Python on PATH, whatever environment is active")


class _Version(argparse.Action):
    """Say which dxpy it is, and for which Python it would install."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        sys.stdout.write(f"{load('pip_version').text()}\n")
        parser.exit()


class Refused(argparse.Action):
    """A flag of pip or uv that dxpy has not, and what there is instead."""

    def __init__(self, *, instead: str, **options: Any) -> None:
        super().__init__(**options, help=_NOTHING_TO_SAY)
        self._instead = instead

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        assert isinstance(parser, Parser)
        name = self.option_strings[-1]
        raise UsageError(f"`{parser.prog}` has no `{name}`", hints=(self._instead, parser.see_help))


def refuse(parser: Parser, name: str, instead: str, *, nargs: int | None = 0) -> None:
    """Take `name` only to say that it is not there; `nargs` is None when it has a value."""
    parser.add_argument(name, action=Refused, nargs=nargs, dest="refused", default=_NOTHING_TO_SAY, instead=instead)
