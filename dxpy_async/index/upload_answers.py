"""What an index answered to an upload, and what that means: servers say the same in many ways."""

from __future__ import annotations

import json
import re
from enum import Enum
from html import unescape
from http import HTTPStatus
from typing import Any, NamedTuple

REASON_CHARACTERS = 500
"""The most of a server's words that is shown."""
_EXISTS = re.compile(
    r"already (?:exists?|been (?:used|taken|uploaded))|permissions? to (?:delete/)?overwrite"
    r"|not allowed to be overwritten|cannot be updated|updating asset|overwriting .{0,40}not allowed|re-?deploy",
    re.IGNORECASE,
)
"""How indexes say that they have a file of that name: Warehouse, GitLab, Nexus, Artifactory, pypiserver, devpi."""
_LATER = frozenset({408, 429, 503})
"""Statuses of servers that have not looked at the upload."""
_SHOWN_KEYS = ("message", "detail", "error", "errors", "title", "description")


class Meaning(Enum):
    """What to do about an answer."""

    STORED = "the index has the file"
    EXISTS = "the index has a file of that name"
    LATER = "the index asks to be asked again"
    UNCLEAR = "the index failed, and may have the file"
    NO_LOGIN = "the index wants a login, or another one"
    TOO_LARGE = "the index does not take files of that size"
    MOVED = "the index is somewhere else"
    REFUSED = "the index does not take the file"


class Answer(NamedTuple):
    """An answer to an upload. `reason` are the server's own words; `retry_after` in seconds."""

    status: int
    reason: str
    location: str = ""
    retry_after: float | None = None

    @property
    def meaning(self) -> Meaning:
        if 200 <= self.status < 300:
            return Meaning.STORED
        if 300 <= self.status < 400:
            return Meaning.MOVED
        if self.status == 409 or (self.status in (400, 403) and _EXISTS.search(self.reason)):
            return Meaning.EXISTS
        if self.status in (401, 403):
            return Meaning.NO_LOGIN
        if self.status == 413:
            return Meaning.TOO_LARGE
        if self.status in _LATER:
            return Meaning.LATER
        return Meaning.UNCLEAR if self.status >= 500 else Meaning.REFUSED

    @property
    def words(self) -> str:
        """The status, and what the server said."""
        return f"status {self.status}: {self.reason}" if self.reason else f"status {self.status}"


def reason_in(status: int, phrase: str, content_type: str, body: bytes, *, secrets: tuple[str, ...] = ()) -> str:
    """What a server says is the reason: where it says something, in its status line, else in the body.

    None of `secrets`, which the server was told, is in it.
    """
    said = phrase.strip()
    if not said or said.lower() == _phrase(status).lower():
        said = _text_of(content_type.partition(";")[0].strip().lower(), body)
    words = " ".join(said.split())
    for secret in secrets:
        words = words.replace(secret, "***") if secret else words
    return words if len(words) <= REASON_CHARACTERS else words[:REASON_CHARACTERS] + "…"


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""


def _text_of(kind: str, body: bytes) -> str:
    text = body.decode("utf-8", errors="replace")
    if kind == "application/json":
        try:
            return _said(json.loads(text))
        except (ValueError, RecursionError):
            return text
    if kind == "text/html" or text.lstrip()[:1] == "<":
        text = re.sub(r"(?is)<(script|style|title|head)\b.*?</\1\s*>", " ", text)
        return unescape(re.sub(r"(?s)<[^>]{0,1000}>", " ", text))
    return text


def _said(content: Any, depth: int = 0) -> str:
    """The sentence in a document of an error, wherever its server has put it."""
    if isinstance(content, dict) and depth < 4:
        found = {key: said for key in _SHOWN_KEYS if (said := _said(content.get(key), depth + 1))}
        if "message" in found and "errors" in found:  # what happened, and why: so does PyPI answer for tokens
            return f"{found['message']}: {found['errors']}"
        return next(iter(found.values()), "")
    if isinstance(content, list) and depth < 4:
        return "; ".join(filter(None, (_said(each, depth + 1) for each in content[:5])))
    return str(content) if isinstance(content, (str, int)) else ""
