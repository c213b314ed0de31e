"""Where the cache keeps git repositories and their commits."""

from __future__ import annotations

from binascii import b2a_base64
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from dxpy_async.core.hashing import blake3_of
from dxpy_async.core.source_urls import GitUrl

BUCKET = "git-v1"
_KEY_BYTES = 12


class Remote(NamedTuple):
    """A repository's address without credentials, and the header that carries them."""

    url: str
    authorization: str | None = None

    @property
    def origin(self) -> str:
        """Whose credentials are good for it: scheme, host and port."""
        return "/".join(self.url.split("/")[:3])

    @property
    def is_local(self) -> bool:
        return self.url.startswith("file:")


def remote_of(repository: str) -> Remote:
    """`repository` without its secrets. The user of an ssh address is none."""
    parts = urlsplit(repository)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return Remote(repository, None)
    name, _, password = user.partition(":")
    if parts.scheme not in ("http", "https"):
        return Remote(parts._replace(netloc=f"{name}@{host}").geturl(), None)
    secret = b2a_base64(unquote_to_bytes(name) + b":" + unquote_to_bytes(password), newline=False).decode("ascii")
    return Remote(parts._replace(netloc=host).geturl(), f"Basic {secret}")


def commit_directory(cache_dir: Path, url: GitUrl) -> Path:
    """Where the files of the commit that `url` names by its whole id are, once they were fetched."""
    return cache_dir / BUCKET / "commits" / key_of(remote_of(url.repository)) / url.revision


def key_of(remote: Remote) -> str:
    """What a repository's clone is called; a trailing `.git` or `/` makes no other repository."""
    return blake3_of(remote.url.rstrip("/").removesuffix(".git").encode("utf-8", "surrogateescape"))[:_KEY_BYTES].hex()
