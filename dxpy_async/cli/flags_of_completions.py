"""The flags of `dxpy completions`."""

from __future__ import annotations

from dxpy_async.cli.arguments import Parser

SHELLS = ("bash", "zsh", "fish", "powershell")


def declare_completions(parser: Parser) -> None:
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=f"{', '.join(SHELLS[:-1])} or {SHELLS[-1]}")
    parser.epilog = 'In ~/.bashrc: eval "$(dxpy completions bash)". docs/completions.md tells of the others.'
