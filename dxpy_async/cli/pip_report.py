"""The reports of `dxpy pip install --report` and `dxpy pip inspect`, in the formats of pip, version 1.

Sources: https://pip.pypa.io/en/stable/reference/installation-report/ and
https://pip.pypa.io/en/stable/reference/inspect-report/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dxpy_async._version import __version__
from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.engine.install_options import Arrival, InstallOutcome
from dxpy_async.engine.origins import FINGERPRINT, direct_url
from dxpy_async.formats.metadata_headers import parse_headers
from dxpy_async.installer.inventory import Inventory, InventoryItem
from dxpy_async.python.environments import VirtualEnvironment

_SEVERAL = frozenset(
    (
        "classifier",
        "dynamic",
        "license_file",
        "obsoletes",
        "obsoletes_dist",
        "platform",
        "project_url",
        "provides",
        "provides_dist",
        "provides_extra",
        "requires",
        "requires_dist",
        "requires_external",
        "supported_platform",
    )
)
"""The fields of METADATA that may be there several times. Source: PEP 566."""


def report_text(outcome: InstallOutcome, environment: VirtualEnvironment) -> str:
    """What was installed, or would be."""
    report = {
        "version": "1",
        "pip_version": f"dxpy {__version__}",
        "install": [_installed(arrival) for arrival in outcome.arrivals],
        "environment": _markers(environment.interpreter.target),
    }
    return json.dumps(report, indent=2)


def inspect_text(inventory: Inventory, environment: VirtualEnvironment) -> str:
    """What is installed, with all of its metadata."""
    report = {
        "version": "1",
        "pip_version": f"dxpy {__version__}",
        "installed": [_inspected(item) for item in inventory.values()],
        "environment": _markers(environment.interpreter.target),
    }
    return json.dumps(report, indent=2)


def _installed(arrival: Arrival) -> dict[str, Any]:
    item, stored = arrival.selected, arrival.stored
    assert stored is not None, "a report was asked for"
    is_direct = item.package.source.kind.is_direct
    text = direct_url(item)
    if is_direct and text is not None:
        origin = _plain(json.loads(text))
    else:
        assert item.file is not None, "what comes from an index is a file"
        archive = {"hash": f"sha256={item.sha256}", "hashes": dict(item.file.hashes)} if item.sha256 else {}
        origin = {"url": item.file.url, "archive_info": archive}
    metadata = (stored.directory / stored.manifest.dist_info / "METADATA").read_bytes()
    entry: dict[str, Any] = {
        "download_info": origin,
        "is_direct": is_direct,
        "is_yanked": False,
        "requested": arrival.requested,
        "metadata": metadata_as_json(metadata),
    }
    if arrival.requested and item.package.extras:
        entry["requested_extras"] = list(item.package.extras)
    return entry


def _inspected(item: InventoryItem) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "metadata": metadata_as_json(item.metadata),
        "metadata_location": str(item.distribution.directory),
        "installer": item.distribution.installer,
        "requested": item.distribution.requested,
    }
    if item.distribution.direct_url is not None and item.direct_url is not None:
        entry["direct_url"] = _plain(json.loads(item.distribution.direct_url))
    return entry


def _plain(origin: dict[str, Any]) -> dict[str, Any]:
    """`direct_url.json` without what is only ours."""
    if "dir_info" in origin:
        info = {key: value for key, value in origin["dir_info"].items() if key != FINGERPRINT}
        return {**origin, "dir_info": info}
    return origin


def metadata_as_json(data: bytes) -> dict[str, Any]:
    """METADATA as the specification turns it into JSON; what cannot be read is left out.

    Source: https://packaging.python.org/en/latest/specifications/core-metadata/#appendix-json (PEP 566)
    """
    head, _, body = data.decode(errors="replace").replace("\r\n", "\n").partition("\n\n")
    try:
        headers: Mapping[str, list[str]] = parse_headers(head)
    except ValueError:
        return {}
    found: dict[str, Any] = {}
    for field, values in headers.items():
        name = field.replace("-", "_")
        if name == "keywords":
            found[name] = [word.strip() for word in values[0].split("," if "," in values[0] else " ") if word.strip()]
        else:
            found[name] = values if name in _SEVERAL else values[0]
    if body.strip() and "description" not in found:
        found["description"] = body
    return found


def _markers(target: TargetEnvironment) -> dict[str, str]:
    return dict(target.markers)
