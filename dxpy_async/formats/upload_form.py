"""What an upload says of a file: its core metadata as the fields of a form, checked as an index checks them.

Source: the upload API in the documentation of PyPI, https://packaging.python.org/en/latest/specifications/core-metadata/
"""

from __future__ import annotations

from typing import cast

from packaging.metadata import Metadata, RawMetadata, parse_email
from packaging.version import InvalidVersion, Version

from dxpy_async.errors import InvalidMetadata
from dxpy_async.formats.members import shown

Fields = list[tuple[str, str]]

_NAMES = {
    "platforms": "platform",
    "supported_platforms": "supported_platform",
    "license_files": "license_file",
    "import_names": "import_name",
    "import_namespaces": "import_namespace",
}
"""The fields of the form that are not called as `packaging` calls them."""
_LICENSE_FILES_SINCE = Version("2.4")


def metadata_fields(data: bytes, *, origin: str) -> Fields:
    """The metadata of a distribution as fields. Raises InvalidMetadata, naming `origin`, for what indexes refuse."""
    raw, unread = parse_email(data)
    if unread:
        names = ", ".join(shown(name) for name in sorted(unread)[:5])
        raise InvalidMetadata(origin, f"has fields of metadata that are unknown, twice there, or not UTF-8: {names}")
    _drop_early_license_files(raw)
    try:
        Metadata.from_raw(raw)
    except ExceptionGroup as group:
        reasons = "; ".join(str(error) for error in group.exceptions)
        raise InvalidMetadata(origin, f"has metadata that indexes do not take: {reasons}") from group
    return [field for name, value in raw.items() for field in _fields(name, value)]


def _drop_early_license_files(raw: RawMetadata) -> None:
    """Setuptools wrote License-File for years before there was such a field; indexes pass over it then."""
    try:
        if Version(raw.get("metadata_version", "")) < _LICENSE_FILES_SINCE:
            raw.pop("license_files", None)
    except InvalidVersion:
        pass  # which is told with all else that is wrong


def _fields(name: str, value: object) -> Fields:
    field = _NAMES.get(name, name)
    if isinstance(value, dict):
        return [(field, f"{label}, {url}") for label, url in cast("dict[str, str]", value).items()]
    if isinstance(value, list):
        texts = cast("list[str]", value)
        return [(field, ",".join(texts))] if name == "keywords" else [(field, text) for text in texts]
    return [(field, str(value))]
