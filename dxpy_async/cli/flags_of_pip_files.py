"""The flags of those actions of `dxpy pip` that are about files: `compile`, `index`, `hash`, `cache` and others.

`compile` has uv's flags, the others have pip's.
"""

from __future__ import annotations

import argparse

from dxpy_async.cli.arguments import Command, Parser, add_commands
from dxpy_async.cli.flags import index_flags, python_flags, resolution_flags, target_flags
from dxpy_async.cli.flags_of_pip import begin, environment_flags, finish, refuse
from dxpy_async.cli.flags_of_pip_install import place_flags, requirement_flags, uv_flags
from dxpy_async.cli.flags_of_pip_install import target_flags as pip_target_flags


def declare_compile(parser: Parser) -> None:
    begin(parser, "compile")
    parser.add_argument(
        "sources", nargs="*", metavar="FILE", help="files of requirements, a pyproject.toml, or `-` for stdin"
    )
    what = parser.add_argument_group("what of a pyproject.toml")
    what.add_argument("--extra", action="append", default=[], metavar="NAME", help="with this extra (can be repeated)")
    what.add_argument("--all-extras", action="store_true", help="with every extra")
    what.add_argument(
        "--group", action="append", default=[], metavar="[PATH:]NAME", help="with this dependency group of it"
    )
    _output_flags(parser)
    again = parser.add_argument_group("what of an earlier output", "Its pins stay where they fit.")
    again.add_argument("-U", "--upgrade", action="store_true", help="take the newest versions, whatever it says")
    again.add_argument("-P", "--upgrade-package", action="append", default=[], metavar="NAME", help="upgrade only this")
    index_flags(parser)
    resolution_flags(parser)
    binary_flags(parser)
    python_flags(parser)
    target_flags(parser)
    refuse(parser, "--universal", "name a platform and a Python: `--python-platform windows --python-version 3.12`")
    finish(parser, "compile")


def _output_flags(parser: Parser) -> None:
    group = parser.add_argument_group("what is written")

    def switch(*names: str, text: str) -> None:
        group.add_argument(*names, action="store_true", help=text)

    group.add_argument("-o", "--output-file", metavar="FILE", help="write to this file, too")
    group.add_argument(
        "--format", choices=("requirements.txt", "pylock.toml"), metavar="FORM", help="requirements.txt or pylock.toml"
    )
    switch("--generate-hashes", text="with the hashes of all files")
    switch("--no-strip-extras", text="with the extras that are asked for")
    switch("--no-strip-markers", text="with the markers under which something is needed")
    switch("--no-annotate", text="without comments that say who asks for what")
    switch("--no-header", text="without the comment at the top")
    group.add_argument(
        "--annotation-style", choices=("line", "split"), default="split", metavar="FORM", help="line or split (default)"
    )
    group.add_argument(
        "--custom-compile-command", metavar="TEXT", help="the command in the header [DXPY_CUSTOM_COMPILE_COMMAND]"
    )
    group.add_argument(
        "--no-emit-package",
        "--unsafe-package",
        action="append",
        default=[],
        metavar="NAME",
        help="leave this out (can be repeated)",
    )
    switch("--emit-index-url", text="with lines for the indexes")
    switch("--emit-find-links", text="with lines for the directories")
    switch("--emit-build-options", text="with lines for what may be built")
    switch("--emit-index-annotation", text="with a comment that says which index something is from")


def binary_flags(parser: Parser) -> None:
    """What may be built, in pip's words."""
    group = parser.add_argument_group("build options")
    for name, text in (
        ("--only-binary", "use wheels alone, and build nothing"),
        ("--no-binary", "use no wheels of indexes, and build all"),
    ):
        dest = f"pip_{name[2:].replace('-', '_')}"
        metavar = ":all:|:none:|NAME,…"
        group.add_argument(
            name, dest=dest, action="append", default=[], metavar=metavar, help=f"{text} (can be repeated)"
        )
    group.add_argument("--no-build", dest="no_build", action="store_true", help="the same as `--only-binary :all:`")
    group.add_argument("--no-build-isolation", action="store_true", help="build in the environment, as it is")
    group.add_argument(
        "-C", "--config-setting", "--config-settings", action="append", metavar="KEY=VALUE", help="for build backends"
    )
    group.add_argument(
        "-b",
        "--build-constraint",
        "--build-constraints",
        action="append",
        metavar="FILE",
        help="versions of what builds require [DXPY_BUILD_CONSTRAINT]",
    )


def declare_download(parser: Parser) -> None:
    begin(parser, "download")
    requirement_flags(parser)
    _into_flag(parser, "-d", "--dest", "--destination-dir", "--destination-directory")
    pip_target_flags(parser)
    environment_flags(parser)
    finish(parser, "download")


def declare_wheel(parser: Parser) -> None:
    begin(parser, "wheel")
    requirement_flags(parser)
    _into_flag(parser, "-w", "--wheel-dir")
    environment_flags(parser)
    finish(parser, "wheel")


def _into_flag(parser: Parser, *names: str) -> None:
    parser.add_argument(*names, dest="into", default=".", metavar="DIR", help="put them here (the working directory)")


def declare_sync(parser: Parser) -> None:
    begin(parser, "sync")
    requirement_flags(parser)
    how = parser.add_argument_group("how to sync")
    how.add_argument("--dry-run", action="store_true", help="print what would change, and change nothing")
    how.add_argument("--allow-empty-requirements", action="store_true", help="uninstall everything if nothing is asked")
    how.add_argument("--reinstall", action="store_true", help="install again what is installed")
    how.add_argument("--compile-bytecode", "--compile", action="store_true", help="compile what is installed")
    how.add_argument("--no-allow-empty-requirements", dest="unheeded", action="store_true", help="(as by default)")
    place_flags(parser)
    uv_flags(parser)
    finish(parser, "sync")
    parser.usage = "%(prog)s [OPTIONS] FILE ..."
    parser.epilog = (
        "Each word is a file of requirements. What they ask for by name is installed, not what that requires: "
        "make them with `dxpy pip compile`. pip, setuptools and wheel stay."
    )


def declare_index(parser: Parser) -> None:
    add_commands(parser, "question", {"versions": Command("list the versions that there are", _declare_versions)})


def _declare_versions(parser: Parser) -> None:
    begin(parser, "index")
    parser.add_argument("project", metavar="PACKAGE", help="its name")
    parser.add_argument("--json", action="store_true", help="print it as JSON, as pip does")
    parser.add_argument("--pre", action="store_true", help="with pre-releases")
    parser.add_argument("--ignore-requires-python", action="store_true", help="also those that are for other Pythons")
    index_flags(parser)
    environment_flags(parser)
    finish(parser, "index")


def declare_hash(parser: Parser) -> None:
    begin(parser, "hash")
    parser.add_argument("files", nargs="+", metavar="FILE", help="a wheel or source distribution")
    parser.add_argument(
        "-a", "--algorithm", choices=("sha256", "sha384", "sha512"), default="sha256", help="which hash (sha256)"
    )
    finish(parser, "hash")


def declare_cache(parser: Parser) -> None:
    actions = {
        "dir": Command("print where it is", general),
        "info": Command("tell how large it is", general),
        "list": Command("list the packages in it", _declare_cache_list),
        "remove": Command("remove packages", _declare_cache_remove),
        "purge": Command("remove everything", general),
    }
    add_commands(parser, "question", actions)


def general(parser: Parser) -> None:
    """For an action without flags of its own."""
    begin(parser, "cache")
    finish(parser, "cache")


def _declare_cache_list(parser: Parser) -> None:
    begin(parser, "cache")
    parser.add_argument("pattern", nargs="?", metavar="PATTERN", help="a name, or a pattern of file names like `a-1*`")
    parser.add_argument("--format", choices=("human", "abspath"), default="human", help="human (default) or abspath")
    finish(parser, "cache")


def _declare_cache_remove(parser: Parser) -> None:
    begin(parser, "cache")
    parser.add_argument("pattern", metavar="PATTERN", help="a name, or a pattern of file names like `a-1*`")
    finish(parser, "cache")


def declare_config(parser: Parser) -> None:
    _elsewhere(parser)


def declare_debug(parser: Parser) -> None:
    _elsewhere(parser)


def declare_completion(parser: Parser) -> None:
    for shell in ("--bash", "--zsh", "--fish", "--powershell"):
        parser.add_argument(shell, action="store_true", help=argparse.SUPPRESS)
    _elsewhere(parser)


def declare_search(parser: Parser) -> None:
    _elsewhere(parser)


def _elsewhere(parser: Parser) -> None:
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="WORD", help="whatever pip would take")
