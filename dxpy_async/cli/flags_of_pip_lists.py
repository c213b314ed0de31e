"""The flags of `dxpy pip list`, `freeze` and others that look and change nothing."""

from __future__ import annotations

import argparse

from dxpy_async.cli.arguments import Parser
from dxpy_async.cli.flags_of_pip import begin, environment_flags, finish
from dxpy_async.cli.flags_of_pip_install import index_flags


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
    age = which.add_mutually_exclusive_group()
    age.add_argument("-o", "--outdated", action="store_true", help="only those of which there is a newer version")
    age.add_argument("-u", "--uptodate", action="store_true", help="only those of which there is none")
    which.add_argument("--pre", action="store_true", help="newer pre-releases count, too")
    which.add_argument("--include-editable", dest="unheeded", action="store_true", help="(as by default)")
    how = parser.add_argument_group("how")
    how.add_argument("--format", choices=("columns", "freeze", "json"), default="columns", help="how to print it")
    _add_what(parser)
    index_flags(parser)
    environment_flags(parser)
    finish(parser, "list")


def declare_show(parser: Parser) -> None:
    begin(parser, "show")
    parser.add_argument("packages", nargs="*", metavar="NAME", help="what to tell of")
    parser.add_argument("-f", "--files", action="store_true", help="with the files that belong to it")
    environment_flags(parser)
    finish(parser, "show")


def declare_check(parser: Parser) -> None:
    begin(parser, "check")
    environment_flags(parser)
    finish(parser, "check")


def declare_inspect(parser: Parser) -> None:
    begin(parser, "inspect")
    _add_where(parser.add_argument_group("what"))
    environment_flags(parser)
    finish(parser, "inspect")


def declare_tree(parser: Parser) -> None:
    begin(parser, "tree")
    parser.add_argument("-d", "--depth", type=int, metavar="N", help="no deeper than this")
    parser.add_argument("--invert", "--reverse", action="store_true", help="what requires a package, not what it needs")
    parser.add_argument("--prune", action="append", default=[], metavar="NAME", help="leave this out (can be repeated)")
    parser.add_argument("--package", action="append", default=[], metavar="NAME", help="begin here (can be repeated)")
    parser.add_argument("--no-dedupe", action="store_true", help="show what a package needs wherever it comes")
    environment_flags(parser)
    finish(parser, "tree")


def _add_what(parser: Parser) -> None:
    group = parser.add_argument_group("what")
    _add_where(group)
    group.add_argument("--exclude", action="append", default=[], metavar="NAME", help="not this (can be repeated)")
    group.add_argument("--exclude-editable", action="store_true", help="not those that lead to their source")


def _add_where(group: argparse._ActionsContainer) -> None:
    group.add_argument("-l", "--local", action="store_true", help="not what lies outside of the environment")
    group.add_argument("--user", action="store_true", help="only what the user has installed for themselves")
    group.add_argument("--path", action="append", metavar="DIR", help="what is in this directory (can be repeated)")
