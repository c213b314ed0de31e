"""The pyproject.toml of a source tree as a document; apart from what is read of it, for whoever has the document."""

from __future__ import annotations

import tomllib
from typing import Any

from dxpy_async.errors import InvalidSource


def parse_source_document(content: bytes, *, origin: str) -> dict[str, Any]:
    """The TOML of a source tree's pyproject.toml. Raises InvalidSource."""
    try:
        return tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InvalidSource(origin, "its pyproject.toml is not UTF-8") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidSource(origin, f"its pyproject.toml is not valid TOML: {error}") from error
