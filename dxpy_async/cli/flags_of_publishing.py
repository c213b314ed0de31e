"""The flags of `dxpy build` and `dxpy publish`."""

from __future__ import annotations

from dxpy_async.cli.arguments import Parser
from dxpy_async.cli.flags import build_flags, index_flags, keyring_flag, output_format_flag, python_flags


def declare_build(parser: Parser) -> None:
    parser.description = (
        "Build a source distribution, and a wheel from that. With `--sdist` or `--wheel` only what they name is built, "
        "from the directory."
    )
    parser.add_argument("source", nargs="?", metavar="SRC", help="a project's directory, or an sdist (default: here)")
    parser.add_argument("--sdist", action="store_true", help="build a source distribution")
    parser.add_argument("--wheel", action="store_true", help="build a wheel")
    parser.add_argument("-o", "--out-dir", metavar="DIR", help="where to put what is built (default: dist)")
    members = parser.add_mutually_exclusive_group()
    members.add_argument(
        "--package", action="append", default=[], metavar="NAME", help="this member of the workspace (can be repeated)"
    )
    members.add_argument(
        "--all-packages", "--all", action="store_true", help="all members of the workspace that are packages"
    )
    parser.add_argument(
        "--clear", action="store_true", help="remove other distributions from that directory once these are built"
    )
    parser.add_argument(
        "--list", dest="list_files", action="store_true", help="print what would be in them, and keep nothing"
    )
    parser.add_argument("--no-create-gitignore", action="store_true", help="put no `.gitignore` into that directory")
    for name in ("--no-build-logs", "--force-pep517"):
        parser.add_argument(name, action="store_true", help="nothing: this is always so; for who comes from uv")
    output_format_flag(parser)
    build_flags(parser)
    python_flags(parser)
    index_flags(parser)


def declare_publish(parser: Parser) -> None:
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="distributions, patterns of such, or directories (default: dist)"
    )
    where = parser.add_argument_group("where to")
    where.add_argument(
        "--index", dest="publish_index", metavar="NAME", help="an index with a `publish-url` [DXPY_PUBLISH_INDEX]"
    )
    where.add_argument("--publish-url", metavar="URL", help="where files are uploaded to [DXPY_PUBLISH_URL]")
    where.add_argument(
        "--check-url", metavar="URL", help="the index to look for what is there already [DXPY_PUBLISH_CHECK_URL]"
    )
    where.add_argument("--skip-existing", action="store_true", help="pass over files of a name that is there already")
    who = parser.add_argument_group("as whom")
    who.add_argument("-t", "--token", metavar="TOKEN", help="a token; `-` reads it from stdin [DXPY_PUBLISH_TOKEN]")
    who.add_argument("-u", "--username", metavar="NAME", help="a user's name [DXPY_PUBLISH_USERNAME]")
    who.add_argument(
        "-p", "--password", metavar="PASSWORD", help="and password; `-` reads it from stdin [DXPY_PUBLISH_PASSWORD]"
    )
    who.add_argument(
        "--trusted-publishing",
        metavar="WHEN",
        help="a token for this CI job: automatic (default), always, never [DXPY_TRUSTED_PUBLISHING]",
    )
    keyring_flag(who)
    parser.add_argument(
        "--no-attestations",
        action="store_true",
        help="send none of the `FILE.publish.attestation` [DXPY_PUBLISH_NO_ATTESTATIONS]",
    )
    parser.add_argument("--dry-run", action="store_true", help="check everything, and send nothing")
    output_format_flag(parser)
