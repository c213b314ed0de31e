"""What indexes answer to uploads, each in its own way, and what that means."""

from __future__ import annotations

import json
import time

import pytest

from dxpy_async.index.upload_answers import REASON_CHARACTERS, Answer, Meaning, reason_in


@pytest.mark.parametrize(
    ("status", "reason", "meaning"),
    [
        (200, "", Meaning.STORED),
        (201, "Created", Meaning.STORED),
        (400, "File already exists ('demo-1.0.tar.gz', with blake2_256 hash '…'). See …", Meaning.EXISTS),
        (400, "This filename has already been used, use a different version.", Meaning.EXISTS),
        (400, "Repository does not allow updating assets: pypi-hosted", Meaning.EXISTS),
        (400, "Validation failed: File name has already been taken", Meaning.EXISTS),
        (403, "Not enough permissions to delete/overwrite artifact 'demo'", Meaning.EXISTS),
        (409, "", Meaning.EXISTS),
        (409, "volatile index", Meaning.EXISTS),
        (401, "", Meaning.NO_LOGIN),
        (403, "The user 'me' isn't allowed to upload to project 'demo'.", Meaning.NO_LOGIN),
        (413, "", Meaning.TOO_LARGE),
        (302, "", Meaning.MOVED),
        (308, "", Meaning.MOVED),
        (400, "'description' does not render.", Meaning.REFUSED),
        (404, "", Meaning.REFUSED),
        (408, "", Meaning.LATER),
        (429, "", Meaning.LATER),
        (503, "", Meaning.LATER),
        (500, "", Meaning.UNCLEAR),
        (504, "", Meaning.UNCLEAR),
    ],
)
def test_what_an_answer_means(status: int, reason: str, meaning: Meaning) -> None:
    assert Answer(status, reason).meaning is meaning


@pytest.mark.parametrize(
    ("phrase", "kind", "body", "reason"),
    [
        ("Invalid value for classifiers", "text/html", "<p>no</p>", "Invalid value for classifiers"),
        ("Bad Request", "text/plain; charset=utf-8", "no\n  such   thing", "no such thing"),
        ("", "text/plain", "no", "no"),
        ("Bad Request", "", "<html><head><title>t</title></head><h1>No &amp; no</h1>", "No & no"),
        ("Bad Request", "application/json", json.dumps({"message": "no"}), "no"),
        ("Bad Request", "application/json", json.dumps({"errors": [{"status": 400, "message": "no"}]}), "no"),
        ("Bad Request", "application/json", json.dumps({"message": {"name": 1}}), ""),
        ("Bad Request", "application/json", "{no", "{no"),
        ("Bad Request", "application/json", "[" * 9000, "[" * REASON_CHARACTERS + "…"),
        ("Bad Request", "application/octet-stream", "", ""),
    ],
)
def test_the_reason_is_found_where_a_server_has_put_it(phrase: str, kind: str, body: str, reason: str) -> None:
    assert reason_in(400, phrase, kind, body.encode()) == reason


def test_a_reason_has_no_secret_in_it() -> None:
    body = b"the token pypi-abc (bWU6cHlwaS1hYmM=) is not known"
    said = reason_in(401, "", "text/plain", body, secrets=("pypi-abc", "bWU6cHlwaS1hYmM=", ""))
    assert said == "the token *** (***) is not known"
    assert reason_in(599, "pypi-abc", "", b"", secrets=("pypi-abc",)) == "***"


def test_a_page_that_is_made_to_keep_the_reader_busy_does_not() -> None:
    began = time.monotonic()
    reason_in(400, "", "text/html", b"<head>" * 2700)
    reason_in(400, "", "text/html", b"<" * 16384)
    assert time.monotonic() - began < 10
