"""A user and a password for an address, which are used and never seen."""

from __future__ import annotations

from binascii import b2a_base64

from dxpy_async.core.dataclass import dataclass, field

TOKEN_USER = "__token__"
"""The user's name that goes with a token, by the custom of indexes."""


@dataclass(frozen=True, slots=True)
class Login:
    """What somebody logs in with. `password` is None when only the user's name is known.

    `source` tells people where it comes from. Neither name nor password is ever part of a message: a name can be a
    token too.
    """

    username: str = field(repr=False)
    password: str | None = field(repr=False, default=None)
    source: str = ""

    @property
    def authorization(self) -> str:
        """The Authorization header that it makes.

        Source: https://www.rfc-editor.org/rfc/rfc7617
        """
        secret = f"{self.username}:{self.password or ''}".encode("utf-8", "surrogateescape")
        return f"Basic {b2a_base64(secret, newline=False).decode('ascii')}"


def variables_of(index: str) -> str:
    """What the names of the variables begin with that may have the login for the index of that name."""
    name = "".join(each if each.isascii() and each.isalnum() else "_" for each in index).upper()
    return f"DXPY_INDEX_{name}"
