"""How much of anything dxpy reads before it says no. A thing over a limit is an error that names both numbers."""

from __future__ import annotations

ARCHIVE_BYTES = 2 * 1024**3
"""One wheel, sdist or DPP."""

UNPACKED_BYTES = 16 * 1024**3
"""The declared contents of one archive."""

ARCHIVE_MEMBERS = 500_000
"""Files in one archive."""

MEMBER_NAME_BYTES = 1024
"""The path of one member."""

MEMBER_DEPTH = 64
"""Directories below each other in one archive."""

INFLATE_RATIO = 1_000
"""Declared size over compressed size of one member; deflate cannot exceed 1 032."""

LOCK_BYTES = 512 * 1024**2
"""One lock."""

DOCUMENT_BYTES = 64 * 1024**2
"""One pyproject.dx."""

DOCUMENT_DEPTH = 256
"""Tables and arrays inside each other in one pyproject.dx."""

REQUIREMENTS_BYTES = 32 * 1024**2
"""One file of constraints or overrides."""

REQUIREMENTS_FILES = 1_000
"""Files of constraints or overrides that name each other."""

PAGE_BYTES = 128 * 1024**2
"""One project page, decoded."""

METADATA_BYTES = 32 * 1024**2
"""One core metadata file."""

RECORD_BYTES = 256 * 1024**2
"""One RECORD; half a million rows of five hundred bytes."""

PACKAGE_TEXTS = 500_000
"""Tags, entry points or requirements of one DPP, counted in texts."""

BYTECODE_BYTES = 256 * 1024**2
"""The compiled code of one file in a DPP."""

BYTECODE_TAGS = 64
"""Interpreters for which one DPP has compiled code."""

REDIRECTS = 10
"""Redirects followed for one request."""

RETRY_AFTER_SECONDS = 60
"""The longest `Retry-After` that is honoured; a longer one is an error that says so."""
