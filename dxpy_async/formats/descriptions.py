"""Whether an index can show a project's description: those in reStructuredText it does not take when it cannot."""

from __future__ import annotations

import io
import re

from dxpy_async.errors import InvalidMetadata
from dxpy_async.formats.upload_form import Fields

_RST = "text/x-rst"
_COMPLAINT = re.compile(r"<string>:(\d*): \(\w+/\d\) (.*)")


def check_description(fields: Fields, *, origin: str) -> None:
    """Raises InvalidMetadata, naming `origin` and the line, for a description that indexes refuse.

    One without a content type is taken for reStructuredText, as they do. Of the other types none can fail.
    """
    found = dict(fields)
    kind = found.get("description_content_type", _RST).partition(";")[0].strip().lower()
    description = found.get("description", "")
    if kind != _RST or not description.strip():
        return
    import readme_renderer.rst  # noqa: PLC0415 - 50 ms, and few descriptions are written in that today

    complaints = io.StringIO()
    if readme_renderer.rst.render(description, stream=complaints) is None:
        raise InvalidMetadata(origin, f"has a description that is not reStructuredText{_worded(complaints.getvalue())}")


def _worded(complaints: str) -> str:
    first = _COMPLAINT.search(complaints)
    if first is None:
        return ""
    where = f" in line {first[1]}" if first[1] else ""
    return f"{where}: {first[2].rstrip('.')}"
