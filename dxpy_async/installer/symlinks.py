"""What is linked to the store in an environment, and how: read off the disk."""

from __future__ import annotations

import os

from dxpy_async.core.schemes import InstallScheme
from dxpy_async.installer.folding import Fold
from dxpy_async.installer.installed import InstalledDistribution
from dxpy_async.installer.ownership import read_rows
from dxpy_async.installer.state import LINK_MARK


def has_links(scheme: InstallScheme) -> bool:
    """Whether there may be symbolic links into the store in an environment."""
    return os.path.exists(scheme.prefix / LINK_MARK)


def is_linked(installed: InstalledDistribution) -> bool:
    """Whether a distribution has symbolic links among its files."""
    site, own = str(installed.directory.parent), f"{installed.directory.name}/"
    rows = read_rows(str(installed.directory)) or ()
    return any(os.path.islink(f"{site}/{row.path}") for row in rows if not row.path.startswith(own))


def leads_to(fold: Fold, site: str, entry: str) -> bool:
    """Whether a site directory has just these links into an entry of the store."""
    try:
        return all(os.readlink(f"{site}/{path}") == f"{entry}/{path}" for path in (*fold.directories, *fold.files))
    except OSError:
        return False
