"""Logins in the file that curl, git and pip read as well: `.netrc`.

    machine host login me password secret

A `machine` may carry a port, `host:8443`, and then stands for that port alone. What `default` says is for hosts that no
line names, and is only used when an index asks for a login, so that it does not go to everybody.

Source: https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html
"""

from __future__ import annotations

import netrc
from functools import cached_property

from dxpy_async.core.logins import Login
from dxpy_async.index.safe_url import Origin


class NetrcFile:
    """One such file; it is read when it is first asked, and need not be there."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.trouble: str | None = None
        """Why the file is not used, as a sentence."""

    def login(self, origin: Origin, username: str | None = None) -> Login | None:
        """What it says for a host, with that user's name if one is given."""
        return self._login(f"{origin.host}:{origin.port}", username) or self._login(origin.host, username)

    def default(self, username: str | None = None) -> Login | None:
        """What it says for all others."""
        return self._login("default", username)

    def _login(self, machine: str, username: str | None) -> Login | None:
        row = self._rows.get(machine)
        if row is None or not row[1] or (username is not None and row[0] != username):
            return None
        return Login(*row, f"`{self._path}`")

    @cached_property
    def _rows(self) -> dict[str, tuple[str, str]]:
        try:
            hosts = netrc.netrc(self._path).hosts
            return {name: (user or "", password or "") for name, (user, _, password) in hosts.items()}
        except FileNotFoundError:
            return {}
        except netrc.NetrcParseError as error:
            # Not its own words: they may quote the file.
            self.trouble = f"`{self._path}` is not used: line {error.lineno or 0} of it cannot be understood"
        except UnicodeDecodeError:
            self.trouble = f"`{self._path}` is not used: it is not UTF-8 text"
        except OSError as error:
            self.trouble = f"`{self._path}` is not used: it cannot be read ({error.strerror})"
        return {}
