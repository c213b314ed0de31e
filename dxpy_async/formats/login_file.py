"""The file of logins that `dxpy auth login` keeps: JSON, read and written as a whole.

    {"version": 1, "logins": [{"service": "https://host/path", "username": "me", "password": "…"}, …]}

A login without a password has it in the keyring, under the same service and name. The newest stands first.
"""

from __future__ import annotations

import msgspec

from dxpy_async.errors import InvalidLoginFile

VERSION = 1


class KeptLogin(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One login: for all addresses that begin with `service`. `password` is None when a keyring has it."""

    service: str
    username: str
    password: str | None = None

    def __repr__(self) -> str:
        return f"KeptLogin({self.service!r})"


class _Content(msgspec.Struct, frozen=True):
    version: int
    logins: tuple[KeptLogin, ...] = ()


class _Version(msgspec.Struct, frozen=True):
    version: int


_decode_version = msgspec.json.Decoder(_Version).decode
_decode = msgspec.json.Decoder(_Content).decode


def parse_login_file(content: bytes, *, file: str) -> tuple[KeptLogin, ...]:
    """The logins in a file. Raises InvalidLoginFile, which never shows what stands in it."""
    try:
        version = _decode_version(content).version
        if version == VERSION:
            return _decode(content).logins
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidLoginFile(file, "is damaged or something else altogether") from error
    raise InvalidLoginFile(file, f"has the version {version}, and this dxpy reads {VERSION}")


def write_login_file(logins: tuple[KeptLogin, ...]) -> bytes:
    """`logins` as the bytes of a file."""
    return msgspec.json.format(msgspec.json.encode(_Content(VERSION, logins)), indent=2) + b"\n"
