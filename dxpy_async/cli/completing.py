"""Completing a command line for a shell, by argcomplete. Loaded only while a shell asks.

The script that `dxpy completions SHELL` prints starts the command itself, with the line in variables. Only the parser
of the command on the line is made, as in every run. Nothing is changed, no network is used, and what cannot be read
offers nothing.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from argcomplete.completers import SuppressCompleter
from argcomplete.finders import CompletionFinder

from dxpy_async.cli.arguments import Command, Parser, command_parser, whole_parser
from dxpy_async.cli.completers import completer_for

TOOL_RUN = ("dxpyx", "dxpyx.exe")
"""The names of the command that stands for `dxpy tool run`."""


def complete() -> NoReturn:
    """Write what the word before the cursor may become where the shell's script reads it, and end the process."""
    parser: Parser = whole_parser(_CompletedParser)
    line = os.environ.get("COMP_LINE", "")
    if os.path.basename(line.split(" ", 1)[0]) in TOOL_RUN:
        parser = _action_parser(parser, "tool", "run")
    _Finder()(parser, always_complete_options=False, default_completer=SuppressCompleter())
    os._exit(0)


class _Finder(CompletionFinder):
    """Offers flags where a `-` stands, or where nothing else can be said."""

    def collect_completions(
        self, active_parsers: list[argparse.ArgumentParser], parsed_args: argparse.Namespace, cword_prefix: str
    ) -> list[str]:
        if any(getattr(parser, "is_lost", False) for parser in active_parsers):
            return []
        for parser in active_parsers:
            for action in parser._actions:
                if not hasattr(action, "completer") and not action.choices:
                    action.completer = completer_for(parser.prog, action)  # type: ignore[attr-defined]
        found: list[str] = super().collect_completions(active_parsers, parsed_args, cword_prefix)
        if not found and not cword_prefix and not active_parsers[-1].active_actions:  # type: ignore[attr-defined]
            self.always_complete_options = "long"
            found = super().collect_completions(active_parsers, parsed_args, cword_prefix)
        for each in found:
            self._display_completions.setdefault(each, "")  # zsh would show `None`
        return found


class _CompletedParser(Parser):
    """A parser that takes commands as argcomplete knows them, and makes the parser of one when that is asked for."""

    is_lost = False
    """Whether a word stands on the line that is none of those that can stand there: nobody knows what may follow."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        known = action.choices is None or value in action.choices or (self.prog, value) == ("dxpy", "help")
        self.is_lost |= not known
        super()._check_value(action, value)

    def choose(self, dest: str, commands: Mapping[str, Command]) -> argparse.Action:
        action: Any = self.add_subparsers(dest=dest, prog=self.prog)
        for name, command in commands.items():
            action._choices_actions.append(action._ChoicesPseudoAction(name, (), command.summary))
        action.choices = {name: name for name in commands}
        action._name_parser_map = _Parsers(self.prog, commands)
        made: argparse.Action = action
        return made


class _Parsers(Mapping[str, Parser]):
    """The parsers of commands by name, each made once, and only when it is needed."""

    def __init__(self, prog: str, commands: Mapping[str, Command]) -> None:
        self._prog, self._commands = prog, commands
        self._made: dict[str, Parser] = {}

    def __getitem__(self, name: str) -> Parser:
        if name not in self._made:
            self._made[name] = command_parser(name, self._commands[name], self._prog, _CompletedParser)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._commands)

    def __len__(self) -> int:
        return len(self._commands)


def _action_parser(parser: Parser, *names: str) -> Parser:
    for name in names:
        (choosing,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
        parser = choosing._name_parser_map[name]
    return parser
