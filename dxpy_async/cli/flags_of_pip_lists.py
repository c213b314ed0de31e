"""The flags of `dxpy pip list`, `freeze` and others that look and change nothing."""

from __future__ import annotations

from dxpy_async.cli.arguments import Parser
from dxpy_async.cli.flags_of_pip import begin, environment_flags, finish


def declare_freeze(parser: Parser) -> None:
    begin(parser, "freeze")
    parser.add_argument(
        "-r", "--requirement", action="append", default=[], metavar="FILE", help="in the order of this file"
    )
    parser.add_argument("--all", dest="all_packages", action="store_true", help="with pip, setuptools and wheel")
    _add_what(parser)
    environment_flags(parser)
    finish(parser, "freeze")


def declare_list(parser: Parser) -> None:
    begin(parser, "list")
    which = parser.add_argument_group("which of them")
    which.add_argument("-e", "--editable", action="store_true", help="only those that lead to their source")
    which.add_argument("--not-required", action="store_true", help="only what nothing else requires")
    how = parser.add_argument_group("how")
    how.add_argument("--format", choices=("columns", "freeze", "json"), default="columns", help="how to print it")
    _add_what(parser)
    environment_flags(parser)
    finish(parser, "list")


def _add_what(parser: Parser) -> None:
    group = parser.add_argument_group("what")
    group.add_argument("-l", "--local", action="store_true", help="not what lies outside of the environment")
    group.add_argument("--user", action="store_true", help="only what the user has installed for themselves")
    group.add_argument("--path", action="append", metavar="DIR", help="what is in this directory (can be repeated)")
    group.add_argument("--exclude", action="append", default=[], metavar="NAME", help="not this (can be repeated)")
    group.add_argument("--exclude-editable", action="store_true", help="not those that lead to their source")
