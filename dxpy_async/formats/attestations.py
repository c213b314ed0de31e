"""Attestations of distributions (PEP 740): who says that a file was made by whom; checked to be of the file at hand.

The signature is for the index to verify, which knows whom it trusts; what is noticed here is an attestation that is
damaged, or of another file.

Source: https://packaging.python.org/en/latest/specifications/index-hosted-attestations/
"""

from __future__ import annotations

import json
from binascii import a2b_base64
from collections.abc import Mapping
from typing import Any

from dxpy_async.errors import InvalidAttestation

ATTESTATION_BYTES = 1024**2
"""The longest that is read."""
_VERSION = 1


def check_attestation(content: bytes, *, origin: str, filename: str, sha256: str) -> str:
    """The attestation as it is sent, found to be of the file called `filename` with this digest (hex).

    Raises InvalidAttestation, which names `origin`.
    """
    if len(content) > ATTESTATION_BYTES:
        raise InvalidAttestation(origin, f"has more than {ATTESTATION_BYTES} bytes")
    attestation = _object(content, origin, "it")
    if attestation.get("version") != _VERSION:
        raise InvalidAttestation(origin, f"is not of version {_VERSION}")
    for key in ("verification_material", "envelope"):
        if not isinstance(attestation.get(key), dict):
            raise InvalidAttestation(origin, f"has no `{key}`")
    envelope = attestation["envelope"]
    if not isinstance(envelope.get("signature"), str) or not isinstance(envelope.get("statement"), str):
        raise InvalidAttestation(origin, "has an envelope without statement or signature")
    _check_statement(envelope["statement"], origin, filename, sha256)
    return json.dumps(attestation, separators=(",", ":"))


def _check_statement(text: str, origin: str, filename: str, sha256: str) -> None:
    try:
        content = a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise InvalidAttestation(origin, "has a statement that is not base64") from error
    subjects = _object(content, origin, "its statement").get("subject")
    subject = subjects[0] if isinstance(subjects, list) and len(subjects) == 1 else None
    digests = subject.get("digest") if isinstance(subject, dict) else None
    if not isinstance(subject, dict) or not isinstance(digests, dict):
        raise InvalidAttestation(origin, "has a statement that is not about one file")
    if subject.get("name") != filename:
        raise InvalidAttestation(origin, f"is of another file: `{str(subject.get('name'))[:200]}`")
    if digests.get("sha256") != sha256:
        raise InvalidAttestation(origin, f"is of a `{filename}` with another sha256: was that built again since?")


def _object(content: bytes, origin: str, what: str) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidAttestation(origin, f"cannot be read: {what} is not JSON") from error
    if not isinstance(found, dict):
        raise InvalidAttestation(origin, f"cannot be read: {what} is not a JSON object")
    return found
