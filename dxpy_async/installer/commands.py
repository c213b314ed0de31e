"""The commands that installed distributions have: the files in the scripts directory that their RECORDs list."""

from __future__ import annotations

import os
from collections.abc import Mapping

from dxpy_async.core.names import ProjectName
from dxpy_async.core.schemes import InstallScheme
from dxpy_async.errors import InvalidWheel
from dxpy_async.formats.record import parse_record
from dxpy_async.installer.installed import InstalledDistribution, read_installed


def commands_of_all(scheme: InstallScheme) -> Mapping[ProjectName, tuple[str, ...]]:
    """The commands of each distribution in an environment, sorted; those that have none are left out."""
    found = {name: commands_of(scheme, each) for name, each in read_installed(scheme).items()}
    return {name: commands for name, commands in found.items() if commands}


def commands_of(scheme: InstallScheme, distribution: InstalledDistribution) -> tuple[str, ...]:
    """The commands of one distribution, sorted; none when it has no RECORD that can be read."""
    site, scripts = os.path.dirname(distribution.directory), str(scheme.scripts)
    try:
        rows = parse_record((distribution.directory / "RECORD").read_bytes(), origin=str(distribution.directory))
    except (OSError, InvalidWheel):
        return ()  # a distribution with a problem, which whoever changes the environment next repairs
    paths = (os.path.normpath(os.path.join(site, row.path)) for row in rows)
    return tuple(sorted({os.path.basename(path) for path in paths if os.path.dirname(path) == scripts}))
