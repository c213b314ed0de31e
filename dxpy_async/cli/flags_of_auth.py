"""The flags of `dxpy auth`."""

from __future__ import annotations

from dxpy_async.cli.arguments import Command, Parser, add_commands
from dxpy_async.cli.flags import keyring_flag, output_format_flag


def declare_auth(parser: Parser) -> None:
    actions = {
        "login": Command("keep a login for an index or another service", _declare_login),
        "logout": Command("forget a login", _declare_logout),
        "list": Command("list the services that there are logins for", _declare_list),
        "token": Command("print the password or token that a service would be sent", _declare_token),
        "dir": Command("print the directory that logins are kept in", output_format_flag),
    }
    add_commands(parser, "action", actions)


def _declare_login(parser: Parser) -> None:
    _declare_service(parser)
    parser.add_argument("-u", "--username", metavar="NAME", help="the user's name")
    secret = parser.add_mutually_exclusive_group()
    secret.add_argument("--password", metavar="PASSWORD", help="`-` reads it from stdin; without one it is asked for")
    secret.add_argument("-t", "--token", metavar="TOKEN", help="a token, which stands for user and password, or `-`")
    output_format_flag(parser)


def _declare_logout(parser: Parser) -> None:
    _declare_service(parser)
    parser.add_argument("-u", "--username", metavar="NAME", help="the user's name, if there are several")
    output_format_flag(parser)


def _declare_list(parser: Parser) -> None:
    output_format_flag(parser)


def _declare_token(parser: Parser) -> None:
    _declare_service(parser)
    parser.add_argument("-u", "--username", metavar="NAME", help="of this user")


def _declare_service(parser: Parser) -> None:
    parser.add_argument("service", metavar="SERVICE", help="an address, a host, or the name of an index")
    keyring_flag(parser)
