"""Where a user's logins are: `.netrc`, and the file of `dxpy auth login`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from dxpy_async.core.settings import CredentialSettings, KeyringProvider
from dxpy_async.project.cache_place import home_of
from dxpy_async.project.config_places import user_dir

LOGINS_NAME = "logins.json"


def credential_settings(environ: Mapping[str, str], keyring: KeyringProvider | None) -> CredentialSettings:
    """The places that `environ` says, and how far the keyring is asked."""
    return CredentialSettings(
        netrc=netrc_file(environ),
        kept=kept_file(environ),
        keyring=keyring or KeyringProvider.AUTO,
        search_path=environ.get("PATH", os.defpath),
    )


def netrc_file(environ: Mapping[str, str], platform: str = sys.platform) -> str:
    """The file that NETRC names, else the one in the user's home."""
    if named := environ.get("NETRC"):
        return os.path.abspath(named)
    home = home_of(environ, "USERPROFILE" if platform == "win32" else "HOME")
    usual, of_windows = os.path.join(home, ".netrc"), os.path.join(home, "_netrc")
    return of_windows if platform == "win32" and not os.path.exists(usual) else usual


def kept_file(environ: Mapping[str, str], platform: str = sys.platform) -> str:
    """The file of what `dxpy auth login` keeps: in DXPY_CREDENTIALS_DIR, else beside the user's settings."""
    directory = environ.get("DXPY_CREDENTIALS_DIR") or os.path.join(user_dir(environ, platform), "dxpy")
    return os.path.join(os.path.abspath(directory), LOGINS_NAME)
