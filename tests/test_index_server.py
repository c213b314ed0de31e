"""The loopback index does what the tests that lean on it believe."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import IncompleteRead
from pathlib import Path

import pytest
from index_server import JSON_TYPE, LoopbackIndex, running_index
from wheels import build_wheel


def get(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, headers={key.replace("_", "-"): value for key, value in headers.items()})
    with urllib.request.urlopen(request, timeout=5) as response:
        return response.status, dict(response.headers), response.read()


def test_serves_json_and_html_by_negotiation(tmp_path: Path) -> None:
    with running_index() as index:
        index.add_wheel(build_wheel(tmp_path, "a-b", "1.0", requires_python=">=3.8"))
        page = json.loads(get(f"{index.url}/a-b/", Accept=JSON_TYPE)[2])
        assert [file["filename"] for file in page["files"]] == ["a_b-1.0-py3-none-any.whl"]
        assert page["files"][0]["requires-python"] == ">=3.8"
        html = get(f"{index.url}/a-b/", Accept="text/html")[2].decode()
        assert 'href="/files/a_b-1.0-py3-none-any.whl#sha256=' in html
        assert b"Name: a-b" in get(index.file_url("a_b-1.0-py3-none-any.whl.metadata"))[2]
        assert [request.path for request in index.seen("/simple/*")] == ["/simple/a-b/"] * 2


def test_serves_ranges(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "a", "1.0")
    with running_index() as index:
        index.add_wheel(wheel)
        status, headers, body = get(index.file_url(wheel.name), Range="bytes=-10")
        assert (status, body) == (206, wheel.read_bytes()[-10:])
        assert headers["Content-Range"].endswith(f"/{wheel.stat().st_size}")


def test_faults_are_used_up() -> None:
    with running_index() as index:
        index.add_project("a")
        index.fault("/simple/a/", status=503, headers={"Retry-After": "1"})
        with pytest.raises(urllib.error.HTTPError, match="503") as caught:
            get(f"{index.url}/a/")
        caught.value.close()
        assert get(f"{index.url}/a/")[0] == 200


@pytest.mark.parametrize("kind", [{"truncate": 3}, {"content_length": 5}, {"reset": 3}])
def test_bodies_can_be_cut_short(kind: dict[str, int]) -> None:
    with running_index() as index:
        index.add_body("/x", b"0123456789")
        index.fault("/x", **kind)
        with pytest.raises((IncompleteRead, ConnectionResetError)):
            get(f"{index.origin}/x")


def test_wants_credentials() -> None:
    with running_index(LoopbackIndex(credentials=("me", "secret"))) as index:
        index.add_project("a")
        with pytest.raises(urllib.error.HTTPError, match="401") as caught:
            get(f"{index.url}/a/")
        caught.value.close()
