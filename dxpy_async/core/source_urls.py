"""Where a direct reference, `name @ url`, leads: to an archive, a git repository, or a directory of source.

    git+https://host/x.git@REVISION#subdirectory=d     a repository; what is behind `git+` is for git to understand
    https://host/x-1.0.tar.gz#sha256=…                 an archive: a wheel or a source distribution
    file:///home/x/libs/foo                            a directory, or an archive by how its name ends
    file:libs/foo#editable=true                        one relative to the directory of the lock, with `/` everywhere

Fragments are `key=value` joined by `&`: `subdirectory`, a hash (`sha256=…`), `egg` (ignored), and for directories
`editable=true` and `virtual=true` (what it requires is installed, and it is not).

Sources: https://packaging.python.org/en/latest/specifications/version-specifiers/#direct-references and
https://packaging.python.org/en/latest/specifications/direct-url/; relative `file:` addresses are our own, so that locks
can be carried from one machine to another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from dxpy_async.core.wheel_names import FileT, is_wheel_name

SDIST_ENDINGS = (".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar", ".zip")
"""How the names of source distributions end, today's and old ones."""

_SCHEME = re.compile(r"(?:git\+)?[A-Za-z][A-Za-z0-9+.-]*:")
_GIT_SCHEMES = ("https", "http", "ssh", "file", "git")
_ARCHIVE_SCHEMES = ("https", "http", "file")
_HASHES = ("sha256", "sha384", "sha512")
_ON, _OFF = ("true", "1", ""), ("false", "0")


class GitUrl(NamedTuple):
    """A revision of a repository; `revision` is a branch, tag or commit, empty for the repository's default branch."""

    repository: str
    revision: str = ""
    subdirectory: str = ""

    def __str__(self) -> str:
        revision = f"@{self.revision}" if self.revision else ""
        return f"git+{self.repository}{revision}{_fragment(subdirectory=self.subdirectory)}"


class DirectoryUrl(NamedTuple):
    """A directory of source; `path` is absolute, or relative to the directory of the lock and with `/` only."""

    path: str
    is_editable: bool = False
    is_virtual: bool = False
    subdirectory: str = ""

    def __str__(self) -> str:
        switches = {name: "true" for name, on in (("editable", self.is_editable), ("virtual", self.is_virtual)) if on}
        return f"{file_url(self.path)}{_fragment(**switches, subdirectory=self.subdirectory)}"


class ArchiveUrl(NamedTuple):
    """A wheel or a source distribution; `url` has no fragment. `hashes` are those that the reference promises.

    A relative `file:` address is held against the directory of the lock, like that of a directory.
    """

    url: str
    hashes: tuple[tuple[str, str], ...] = ()
    subdirectory: str = ""

    @property
    def filename(self) -> str:
        return unquote(urlsplit(self.url).path).rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.url}{_fragment(**dict(self.hashes), subdirectory=self.subdirectory)}"


SourceUrl = GitUrl | DirectoryUrl | ArchiveUrl


def parse_source_url(url: str) -> SourceUrl:
    """What `url` leads to. Raises ValueError, saying what is wrong with it (without its credentials: the caller's)."""
    address, _, text = url.partition("#")
    fragment = _parse_fragment(text)
    subdirectory = _subdirectory(fragment)
    if not _SCHEME.match(address):
        raise ValueError("it does not begin with a scheme like `https:`, `git+https:` or `file:`")
    scheme, _, rest = address.partition(":")
    scheme = scheme.lower()
    if scheme.startswith("git+"):
        if scheme[4:] not in _GIT_SCHEMES:
            raise ValueError(f"git is not reached by `{scheme[4:]}`, but by {', '.join(_GIT_SCHEMES)}")
        return _git(f"{scheme[4:]}:{rest}", subdirectory)
    if scheme not in _ARCHIVE_SCHEMES:
        raise ValueError(f"`{scheme}:` is not a scheme that is known: there are https, http, file and git+…")
    if is_archive_name(rest):
        hashes = tuple((name, fragment[name].lower()) for name in _HASHES if fragment.get(name))
        return ArchiveUrl(f"{scheme}:{rest}", hashes, subdirectory)
    if scheme != "file":
        endings = ", ".join((".whl", *SDIST_ENDINGS[:1], ".zip"))
        raise ValueError(f"its path does not end like that of an archive ({endings}, …)")
    switches = {name: _switch(fragment, name) for name in ("editable", "virtual")}
    return DirectoryUrl(
        path_of_file_url(address),
        is_editable=switches["editable"],
        is_virtual=switches["virtual"],
        subdirectory=subdirectory,
    )


def is_archive_name(path: str) -> bool:
    """Whether a file of this name, or at this path of a URL, is a wheel or a source distribution."""
    name = unquote(path.partition("?")[0]).rstrip("/").lower()
    return name.endswith(SDIST_ENDINGS) or is_wheel_name(name)


def public_url(url: str) -> str:
    """`url` without its secrets: the user and the password of an http address, the password of others."""
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    user, at, machine = host.rpartition("@")
    if not separator or not at:
        return url
    is_http = scheme.lower().removeprefix("git+") in ("http", "https")
    return f"{scheme}://{'' if is_http else user.partition(':')[0] + at}{machine}{slash}{path}"


def best_sdist(files: Iterable[FileT]) -> FileT | None:
    """The source distribution to build among a release's files, by today's form of archive first; None without any."""
    sdists = [file for file in files if file.filename.lower().endswith(SDIST_ENDINGS)]

    def form(file: FileT) -> tuple[int, str]:
        name = file.filename.lower()
        return next(place for place, ending in enumerate(SDIST_ENDINGS) if name.endswith(ending)), file.filename

    return min(sdists, key=form, default=None)


def file_url(path: str) -> str:
    """The `file:` address of a path with `/`: `file:///…` of an absolute one (`/x`, `C:/x`), `file:…` of others."""
    quoted = "".join(_quoted(character) for character in path)
    if re.match(r"[A-Za-z]:/", path):
        return f"file:///{quoted}"
    return f"file://{quoted}" if path.startswith("/") else f"file:{quoted}"


def path_of_file_url(url: str) -> str:
    """The path in a `file:` address, which is relative for `file:libs/foo`. Raises ValueError for another machine's."""
    rest = unquote(url.partition("#")[0].partition(":")[2], errors="surrogateescape")
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if host not in ("", "localhost"):
            raise ValueError(f"it names the machine `{host}`, and only files of this one can be read")
        rest = f"{slash}{path}"
    if re.match(r"/[A-Za-z]:(?:/|$)", rest):
        rest = rest[1:]
    if not rest:
        raise ValueError("it names no path")
    return rest


def _quoted(character: str, safe: str = "/._-~+@:,=!$&'()*") -> str:
    if character.isascii() and (character.isalnum() or character in safe):
        return character
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))


def _git(address: str, subdirectory: str) -> GitUrl:
    """An `@` in the path begins the revision; one before the path is a user's."""
    scheme, _, rest = address.partition("://")
    if not rest:
        raise ValueError("the address of the repository is not like `git+https://host/path`")
    host, slash, path = rest.partition("/")
    path, _, revision = path.partition("@")
    if not path.strip("/"):
        raise ValueError("the address of the repository has no path")
    if revision.startswith("-"):
        raise ValueError(f"`{revision}` is no revision: it begins with `-`")
    return GitUrl(f"{scheme}://{host}{slash}{path}", unquote(revision), subdirectory)


def _parse_fragment(text: str) -> dict[str, str]:
    return {key: unquote(value) for part in text.split("&") if part for key, _, value in [part.partition("=")]}


def _fragment(**parts: str) -> str:
    texts = {name: "".join(_quoted(each, "/._-~") for each in value) for name, value in parts.items() if value}
    given = "&".join(f"{name}={text}" for name, text in texts.items())
    return f"#{given}" if given else ""


def _switch(fragment: dict[str, str], name: str) -> bool:
    value = fragment.get(name, "false").lower()
    if value not in _ON + _OFF:
        raise ValueError(f"`{name}` is `true` or `false`, not `{value}`")
    return value in _ON


def _subdirectory(fragment: dict[str, str]) -> str:
    """The subdirectory without needless parts. Raises ValueError for one that leads out."""
    parts = [part for part in fragment.get("subdirectory", "").split("/") if part not in ("", ".")]
    if ".." in parts or any("\\" in part or "\0" in part for part in parts):
        raise ValueError(f"the subdirectory `{fragment['subdirectory']}` leads out of the source")
    return "/".join(parts)
