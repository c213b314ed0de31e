"""The flags of `dxpy tool`."""

from __future__ import annotations

import argparse

from dxpy_async.cli.arguments import Command, Parser, add_commands
from dxpy_async.cli.flags import index_flags, linking_flags, locking_flags, output_format_flag, with_flags


def declare_tool(parser: Parser) -> None:
    actions = {
        "run": Command("run a command of a package, installed or not; `dxpyx` is short for it", _declare_run),
        "install": Command("install packages for their commands, each in an environment of its own", _declare_install),
        "upgrade": Command("bring installed tools to their newest versions", _declare_upgrade),
        "uninstall": Command("remove installed tools", _declare_uninstall),
        "list": Command("list the tools that are installed, and their commands", _declare_list),
        "export": Command("write a list of the installed tools, which `sync` takes", _declare_export),
        "sync": Command("install the tools in a list", _declare_sync),
        "update-shell": Command("put the directory of commands on PATH, in the files of your shell", _declare_nothing),
        "dir": Command("print where tools are installed", _declare_dir),
    }
    add_commands(parser, "action", actions)


def _declare_run(parser: Parser) -> None:
    locking_flags(parser)
    linking_flags(parser)
    group = parser.add_argument_group("what is run")
    _from_flag(group, "the package that the command is in")
    with_flags(group)
    group.add_argument("-U", "--upgrade", action="store_true", help="ask whether there are newer versions, of anything")
    group.add_argument("--isolated", action="store_true", help="whether the tool is installed or not")
    group.add_argument(
        "--env-file", action="append", default=[], metavar="FILE", help="set the variables in this file [DXPY_ENV_FILE]"
    )
    group.add_argument("--no-env-file", action="store_true", help="read no file of variables [DXPY_NO_ENV_FILE]")
    parser.add_argument(
        "arguments",
        nargs=argparse.REMAINDER,
        metavar="TOOL[@VERSION] ...",
        help="a command, which is in the package of that name unless `--from` says otherwise; and its arguments",
    )
    parser.epilog = "Without a command, lists the tools that are installed."


def _declare_install(parser: Parser) -> None:
    locking_flags(parser)
    linking_flags(parser)
    group = parser.add_argument_group("what is installed")
    _from_flag(group, "where the tool comes from")
    with_flags(group)
    group.add_argument(
        "--with-executables-from",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="install the commands of this package too, which comes with the tool (can be repeated)",
    )
    group.add_argument("-e", "--editable", action="store_true", help="run the tool from its directory, as it changes")
    group.add_argument("-U", "--upgrade", action="store_true", help="take the newest version, also where one is there")
    group.add_argument("--reinstall", action="store_true", help="make the environment anew")
    group.add_argument("--force", action="store_true", help="replace commands of others; implies `--reinstall`")
    output_format_flag(parser)
    parser.add_argument("packages", nargs="+", metavar="PACKAGE", help="NAME, NAME@VERSION, 'NAME>=1', a path, a URL")


def _declare_upgrade(parser: Parser) -> None:
    locking_flags(parser)
    linking_flags(parser)
    parser.add_argument("--all", dest="all_tools", action="store_true", help="all of them")
    parser.add_argument("--reinstall", action="store_true", help="make their environments anew")
    output_format_flag(parser)
    parser.add_argument("names", nargs="*", metavar="NAME", help="an installed tool")


def _declare_uninstall(parser: Parser) -> None:
    parser.add_argument("--all", dest="all_tools", action="store_true", help="all of them")
    output_format_flag(parser)
    parser.add_argument("names", nargs="*", metavar="NAME", help="an installed tool")


def _declare_list(parser: Parser) -> None:
    def switch(name: str, text: str) -> None:
        parser.add_argument(name, action="store_true", help=text)

    switch("--show-paths", "and where they are")
    switch("--show-version-specifiers", "and which versions were asked for")
    switch("--show-with", "and what was to be with them")
    switch("--show-extras", "and with which extras")
    switch("--show-python", "and their Pythons")
    switch("--outdated", "only those of which there is a newer version")
    index_flags(parser)
    output_format_flag(parser)


def _declare_export(parser: Parser) -> None:
    parser.add_argument("-o", "--output-file", metavar="FILE", help="write it there, not to stdout")
    parser.add_argument("--no-pins", action="store_true", help="the versions that were asked for, not those installed")


def _declare_sync(parser: Parser) -> None:
    locking_flags(parser)
    linking_flags(parser)
    parser.add_argument("--prune", action="store_true", help="remove tools that are not in the list")
    output_format_flag(parser)
    parser.add_argument("file", metavar="FILE", help="a list as `dxpy tool export` writes it")


def _declare_dir(parser: Parser) -> None:
    parser.add_argument("--bin", action="store_true", help="where their commands are put")
    output_format_flag(parser)


def _declare_nothing(parser: Parser) -> None:
    """No flags of its own."""


def _from_flag(group: argparse._ActionsContainer, text: str) -> None:
    group.add_argument("--from", dest="tool_package", metavar="PACKAGE", help=text)
