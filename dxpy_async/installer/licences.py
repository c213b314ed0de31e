"""The licences of what is installed in an environment, as its core metadata tell them.

Source: https://packaging.python.org/en/latest/specifications/core-metadata/#license-expression
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dxpy_async.core.limits import METADATA_BYTES
from dxpy_async.core.names import ProjectName
from dxpy_async.formats.metadata_headers import parse_headers
from dxpy_async.installer.installed import read_sites

_SITES = ("lib/python*/site-packages", "Lib/site-packages")
_LONGEST_NAME = 100
"""More than this is the text of a licence, and not its name."""
_CLASSIFIER = "License :: "


def licences_in(environment: Path, versions: Mapping[ProjectName, str]) -> dict[ProjectName, str]:
    """The licences of those of `versions` that the environment at this path has, as far as they tell."""
    sites = [str(site) for pattern in _SITES for site in sorted(environment.glob(pattern))]
    found = {
        name: licence
        for name, distribution in read_sites(sites).items()
        if versions.get(name) == distribution.version and (licence := _licence(distribution.directory))
    }
    return dict(sorted(found.items()))


def _licence(directory: Path) -> str:
    try:
        with open(os.path.join(directory, "METADATA"), "rb") as file:
            content = file.read(METADATA_BYTES)
    except OSError:  # it tells nothing
        return ""
    return parse_licence(content.decode("utf-8", "replace"))


def parse_licence(metadata: str) -> str:
    """The licence that METADATA name: an expression, a name, or what the classifiers say."""
    try:
        fields = parse_headers(metadata)
    except ValueError:  # damaged metadata tell nothing
        return ""
    for field in ("license-expression", "license"):
        given = next(iter(fields.get(field, ())), "").strip()
        if given and given != "UNKNOWN" and "\n" not in given and len(given) <= _LONGEST_NAME:
            return given
    classified = [each for each in fields.get("classifier", ()) if each.startswith(_CLASSIFIER)]
    names = [each.rpartition(" :: ")[2].strip() for each in classified if each.count(" :: ") > 1]
    return names[0] if len(names) == 1 else ""
