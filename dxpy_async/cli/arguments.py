"""The command line as a namespace. Only the parser of the command at hand is made: each takes a millisecond or more.

Names and meanings of commands and flags follow uv's, so that hands need not relearn. The flags of a command are
declared in a module `flags_of_…` beside this one, by a function `declare_<command>`.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple, NoReturn

from dxpy_async._version import __version__
from dxpy_async.cli import load
from dxpy_async.errors import UsageError

_INVALID_CHOICE = re.compile(r"argument (.+?): invalid choice: '(.*?)' \(choose from (.*)\)")
"""What argparse says of a value that is not one of those it knows."""

_UNKNOWN = "unrecognized arguments: "


class Parser(argparse.ArgumentParser):
    """Raises instead of exiting, so that mistakes are worded in one place."""

    said_before: Sequence[str] = ()
    """Arguments from elsewhere, which count as if they were given before all others."""
    mixes_words = False
    """Whether words may stand between flags: `install a -U b`."""

    def understand(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The namespace of all arguments."""
        given = [*self.said_before, *arguments]
        return self.parse_intermixed_args(given) if self.mixes_words else self.parse_args(given)

    def format_help(self) -> str:
        self._shorten_usage()
        return super().format_help()

    def format_usage(self) -> str:
        self._shorten_usage()
        return super().format_usage()

    def _shorten_usage(self) -> None:
        """Let the usage line name no flags: the lists below it do, and say what they are for."""
        if self.usage is None:
            formatter = self._get_formatter()
            formatter.add_usage(None, self._get_positional_actions(), self._mutually_exclusive_groups, prefix="")
            words = formatter.format_help().strip().removeprefix(self.prog)
            self.usage = f"{self.prog} [OPTIONS]{words}".replace("%", "%%")

    def choose(self, dest: str, commands: Mapping[str, Command]) -> argparse.Action:
        """Take the name of one of `commands`, and then that one's own flags."""
        return self.add_argument(dest, action=_Choose, metavar=dest.upper(), help=argparse.SUPPRESS, of=commands)

    def error(self, message: str) -> NoReturn:
        if message.startswith(_UNKNOWN):
            raise self._unknown(message.removeprefix(_UNKNOWN).split())
        if (found := _INVALID_CHOICE.fullmatch(message)) is None:
            raise UsageError(message, hints=(self.see_help,))
        known = re.findall(r"[\w.-]+", found[3])
        hint = _meant(found[2], known) or f"it can be {', '.join(known)}"
        raise UsageError(f"{found[1]}: not `{found[2]}`", hints=(hint, self.see_help))

    def _unknown(self, arguments: Sequence[str]) -> UsageError:
        """What to say of arguments that nothing is known of; of the first flag among them what may be meant."""
        flags = (argument.partition("=")[0] for argument in arguments if argument.startswith("--"))
        meant = _meant(next(flags, ""), self._option_string_actions)
        hints = (self.see_help,) if meant is None else (meant, self.see_help)
        return UsageError(f"{_UNKNOWN}{' '.join(arguments)}", hints=hints)

    def refuse_early(self, arguments: Sequence[str]) -> None:
        """Raises UsageError for a flag in front of the command that is none of those that go there."""
        for word in arguments:
            flag = word.partition("=")[0]
            if not word.startswith("-"):
                return
            if word[:2] == "--" and flag not in self._option_string_actions:
                hint = f"flags of a command stand behind it: `{self.prog} COMMAND {flag}`"
                raise UsageError(f"{_UNKNOWN}{word}", hints=(hint, self.see_help))

    @property
    def see_help(self) -> str:
        return f"see `{self.prog} --help`"


class ToolParser(Parser):
    """That of `dxpyx`, by which name it calls itself: it is only given `tool run`, or `--version`."""

    def __init__(self, *, prog: str, **options: Any) -> None:
        super().__init__(prog="dxpyx", **options)


class Command(NamedTuple):
    """A command or an action of one: what it is for, and what declares its flags."""

    summary: str
    declare: Callable[[Parser], None] | str
    """The function, or the module in which it is called `declare_<command>`."""


COMMANDS: Mapping[str, Command] = {
    "init": Command("begin a project or a script", "flags_of_init"),
    "add": Command("add requirements to the project, lock, and sync", "flags_of_projects"),
    "remove": Command("remove requirements from the project, lock, and sync", "flags_of_projects"),
    "version": Command("tell the project's version, or write another", "flags_of_projects"),
    "lock": Command("resolve the project and write the lock", "flags_of_projects"),
    "import": Command("turn a project of Poetry, PDM, Pipenv, setuptools or pip into one of dxpy", "flags_of_import"),
    "tree": Command("show what requires what in the lock", "flags_of_tree"),
    "why": Command("tell why a package is in the lock", "flags_of_projects"),
    "export": Command("write the lock in a form that other tools read", "flags_of_projects"),
    "bundle": Command("collect what the lock needs for installing without a network", "flags_of_projects"),
    "sync": Command("make the project's environment hold what the lock says", "flags_of_projects"),
    "install": Command("lock and sync: another name of `sync`", "flags_of_projects"),
    "run": Command("run a command, a script or a task in the project's environment", "flags_of_run"),
    "venv": Command("make a virtual environment", "flags_of_projects"),
    "python": Command("find, install, pin and remove Pythons", "flags_of_pythons"),
    "tool": Command("run and install commands that packages have", "flags_of_tools"),
    "workspace": Command("look at the members of a workspace", "flags_of_workspaces"),
    "build": Command("build a source distribution and a wheel of a project", "flags_of_publishing"),
    "publish": Command("upload distributions to an index", "flags_of_publishing"),
    "convert": Command("turn a pyproject.toml into its binary form, pyproject.dx, or back", "flags_of_files"),
    "dpp": Command("make, look at or take apart DPP packages", "flags_of_files"),
    "auth": Command("keep logins for indexes, and tell of them", "flags_of_auth"),
    "pip": Command("look at an environment or change it, as pip does", "flags_of_pip"),
    "self": Command("tell of dxpy itself", "flags_of_files"),
    "config": Command("look at settings, and change them", "flags_of_config"),
    "cache": Command("look at or clean the store", "flags_of_cache"),
    "completions": Command("print what lets a shell complete command lines of dxpy", "flags_of_completions"),
}

TOPICS: Mapping[str, Sequence[str]] = {
    "a project": ("init", "add", "remove", "sync", "run", "lock", "version"),
    "what it depends on": ("tree", "why", "export", "import", "bundle", "workspace"),
    "distributions": ("build", "publish"),
    "Pythons, environments and tools": ("python", "venv", "tool", "pip"),
}
"""In which order `--help` tells of commands; all others come after these."""


_ELSEWHERE: Mapping[str, str] = {
    "uninstall": "`dxpy remove` is for the project, `dxpy pip uninstall` for any environment",
    **dict.fromkeys(("list", "show"), "`dxpy tree` is for the project, `dxpy pip {0}` for any environment"),
    **dict.fromkeys(("freeze", "check", "download", "compile"), "it is `dxpy pip {0}`"),
    **dict.fromkeys(("update", "upgrade"), "it is `dxpy sync --upgrade`, or `dxpy lock --upgrade-package NAME`"),
    "outdated": "it is `dxpy tree --outdated`",
    **dict.fromkeys(("new", "create"), "it is `dxpy init`"),
    "exec": "it is `dxpy run`",
    **dict.fromkeys(("shell", "activate"), "`dxpy run COMMAND` runs it in the environment"),
    **dict.fromkeys(("login", "logout"), "it is `dxpy auth {0}`"),
    "upload": "it is `dxpy publish`",
    "x": "it is `dxpy tool run`, or `dxpyx`",
    "clean": "it is `dxpy cache clean`",
}
"""What commands of other tools are called here."""


def parse_arguments(arguments: Sequence[str], kind: type[Parser] = Parser) -> argparse.Namespace:
    """The command line as a namespace with `command` and all flags. Raises UsageError; `--help` ends the process."""
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:], "--help"]
    elif arguments[:2] == ["pip", "help"]:  # as pip has it
        arguments = ["pip", *arguments[2:], "--help"]
    parser = whole_parser(kind)
    parser.refuse_early(arguments)
    return parser.parse_args(arguments)


def whole_parser(kind: type[Parser]) -> Parser:
    """The parser of `dxpy`, of this kind."""
    parser = kind(
        prog="dxpy",
        description="A Python package and project manager whose engine is an asyncio library.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_globals(parser, top=True)
    parser.add_argument("-V", "--version", action="version", version=f"{parser.prog} {__version__}")
    add_commands(parser, "command", COMMANDS, required=False)
    parser.epilog = f"{_by_topics(COMMANDS)}\n\n`dxpy COMMAND --help` and `dxpy help COMMAND` tell more of one command."
    return parser


def add_commands(parser: Parser, dest: str, commands: Mapping[str, Command], *, required: bool = True) -> None:
    """Let `parser` take one of `commands`, which goes to `dest`, and then that one's own flags."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.usage = f"%(prog)s [OPTIONS] {dest.upper()} ..."
    parser.epilog = f"{dest}s:{_listed(commands, commands)}"
    parser.choose(dest, commands).required = required


def _by_topics(commands: Mapping[str, Command]) -> str:
    told = {name for names in TOPICS.values() for name in names}
    topics = {**TOPICS, "more": tuple(name for name in commands if name not in told)}
    return "\n\n".join(f"{topic}:{_listed(names, commands)}" for topic, names in topics.items())


def _listed(names: Iterable[str], commands: Mapping[str, Command]) -> str:
    width = max(map(len, commands)) + 2
    return "".join(f"\n  {name:{width}}{commands[name].summary}" for name in names)


class _Choose(argparse.Action):
    """A positional argument that is the name of a command; all that follows is parsed by that command's parser."""

    def __init__(self, *, of: Mapping[str, Command], **options: Any) -> None:
        super().__init__(nargs=argparse.PARSER, **options)
        self._commands = of

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: Any = None
    ) -> None:
        assert isinstance(parser, Parser)
        name, *rest = values
        command = self._commands.get(name)
        if command is None:
            elsewhere = _ELSEWHERE.get(name) if self._commands is COMMANDS else None
            meant = elsewhere.format(name) if elsewhere is not None else _meant(name, self._commands)
            hints = (parser.see_help,) if meant is None else (meant, parser.see_help)
            raise UsageError(f"`{name}` is no {self.dest} of `{parser.prog}`", hints=hints)
        setattr(namespace, self.dest, name)
        own = command_parser(name, command, parser.prog, type(parser))
        for key, value in vars(own.understand(rest)).items():
            setattr(namespace, key, value)


def command_parser(name: str, command: Command, prog: str, kind: type[Parser]) -> Parser:
    """The parser of one command, of this kind; `prog` is what stands before it."""
    described = f"{command.summary[0].upper()}{command.summary[1:]}."
    parser = kind(prog=f"{prog} {name}", description=described, allow_abbrev=False)
    _add_globals(parser, top=False)
    declare = command.declare
    if isinstance(declare, str):
        declare = getattr(load(declare), f"declare_{name}")
    declare(parser)
    _take_idle(parser)
    return parser


_IDLE = ("--managed-python", "--no-managed-python", "--no-python-downloads")
"""Flags that every command of uv takes: where no interpreter is looked for they choose nothing."""


def _take_idle(parser: Parser) -> None:
    for name in _IDLE:
        if name not in parser._option_string_actions:
            parser.add_argument(name, action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


_NEAR, _NEAR_FLAG = 0.6, 0.75
"""How alike a slip and what is meant are; of the many flags one that is less like another would lead astray."""


def _meant(given: str, known: Sequence[str] | Mapping[str, object]) -> str | None:
    names = {name.lstrip("-"): name for name in known if len(name) > 2 or not name.startswith("-")}
    word, cutoff = given.lstrip("-"), _NEAR_FLAG if given.startswith("-") else _NEAR
    near = [*(name for name in names if name.startswith(f"{word}-")), *get_close_matches(word, names, cutoff=cutoff)]
    close = [names[name] for name in dict.fromkeys(near)][:2]
    return f"did you mean {' or '.join(f'`{each}`' for each in close)}?" if close else None


def _add_globals(parser: Parser, *, top: bool) -> None:
    """The flags every command takes. Given before the command or after it; the later place wins only if used."""
    group = parser.add_argument_group("global options")

    def switch(*names: str, text: str) -> None:
        group.add_argument(*names, action="store_true", default=False if top else argparse.SUPPRESS, help=text)

    def counter(*names: str, text: str) -> None:
        group.add_argument(*names, action="count", default=0 if top else argparse.SUPPRESS, help=text)

    counter("-q", "--quiet", text="say less")
    counter("-v", "--verbose", text="say more")
    switch("--offline", text="use no network: only what the cache and local directories have")
    switch("-n", "--no-cache", text="use a cache of this run's own, removed afterwards")

    def value(name: str, text: str) -> None:
        group.add_argument(name, metavar="DIR", default=None if top else argparse.SUPPRESS, help=text)

    value("--cache-dir", "where the store is [DXPY_CACHE_DIR]")
    value("--directory", "change to this directory first")
    value("--project", "the project's directory")
    switch("--no-progress", text="draw no progress bars [DXPY_NO_PROGRESS]")
    switch("--no-config", text="ignore [tool.dxpy] and all files of settings, those of pip too [DXPY_NO_CONFIG]")
    group.add_argument(
        "--config-file",
        metavar="FILE",
        default=None if top else argparse.SUPPRESS,
        help="take settings from this file and from no other [DXPY_CONFIG_FILE]",
    )
    group.add_argument(
        "--allow-insecure-host",
        action="append",
        metavar="HOST[:PORT]",
        default=None if top else argparse.SUPPRESS,
        help="believe this host whatever its certificate says (can be repeated) [DXPY_INSECURE_HOST]",
    )
    # uv's flag for what is always so here: the system says whose certificates hold.
    group.add_argument(
        *("--native-tls", "--system-certs"), action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )
    switch("--show-settings", text="tell all settings and where they come from, and do nothing")
    colors = ("auto", "always", "never")
    group.add_argument("--color", choices=colors, default="auto" if top else argparse.SUPPRESS, help="when to colour")
