"""The loopback copy of an index that benchmarks run against: it must say what an index says. And that they all run."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from wheels import build_wheel

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = ROOT / "benchmarks" / "loopback.py"
WHEEL = bytes(range(256)) * 400


@dataclass
class Served:
    """A running server and the connection to it."""

    port: int
    directory: Path
    connection: http.client.HTTPConnection

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        self.connection.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
        response = self.connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


def serving(directory: Path, *arguments: str) -> Iterator[Served]:
    command = [sys.executable, str(LOOPBACK), str(directory), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = int(process.stdout.readline())
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        yield Served(port, directory, connection)
        connection.close()
        process.stdin.close()
        assert process.wait(30) == 0


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Served]:
    """A complete copy that plays the index: one project with one wheel and its metadata."""
    directory = tmp_path / "upstream"
    files = directory / "files" / "files.example" / "packages"
    page = directory / "simple" / "spam"
    for each in (files, page):
        each.mkdir(parents=True)
    (files / "spam-1-py3-none-any.whl").write_bytes(WHEEL)
    (files / "spam-1-py3-none-any.whl.metadata").write_bytes(b"Name: spam\n")
    (directory / "origins.json").write_text('{"files.example": "http://files.example"}')
    document = {
        "meta": {"api-version": "1.1"},
        "name": "spam",
        "files": [
            {"filename": "spam-1-py3-none-any.whl", "url": "../../files/files.example/packages/spam-1-py3-none-any.whl"}
        ],
    }
    (page / "index.json").write_text(json.dumps(document))
    (page / "index.json.gz").write_bytes(gzip.compress(json.dumps(document).encode()))
    yield from serving(directory, "--complete")


@pytest.fixture
def copy(upstream: Served, tmp_path: Path) -> Iterator[Served]:
    yield from serving(tmp_path / "copy", "--upstream", f"http://127.0.0.1:{upstream.port}/simple")


def file_path(copy: Served) -> str:
    """The path that the copy's page gives for the wheel."""
    _, _, body = copy.get("/simple/spam/")
    url: str = json.loads(body)["files"][0]["url"]
    prefix = f"http://127.0.0.1:{copy.port}"
    assert url.startswith(f"{prefix}/files/")
    return url.removeprefix(prefix)


def test_page_and_file_are_fetched_once_and_then_kept(copy: Served) -> None:
    path = file_path(copy)
    for _ in range(2):
        status, headers, body = copy.get(path)
        assert (status, body) == (200, WHEEL)
        assert "immutable" in headers["cache-control"]
    assert copy.get(f"{path}.metadata")[2] == b"Name: spam\n"
    log = (copy.directory / "fetched.log").read_text().splitlines()
    assert log == ["/simple/spam/", path, f"{path}.metadata"]


def test_page_is_compressed_for_who_takes_it_and_known_by_its_etag(copy: Served) -> None:
    _, plain_headers, plain = copy.get("/simple/spam/")
    status, headers, body = copy.get("/simple/spam/", Accept_Encoding="gzip, br")
    assert (status, headers["content-encoding"]) == (200, "gzip")
    assert gzip.decompress(body) == plain
    assert headers["content-type"] == "application/vnd.pypi.simple.v1+json"
    status, _, body = copy.get("/simple/spam/", If_None_Match=plain_headers["etag"])
    assert (status, body) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=0-3", WHEEL[:4]),
        ("bytes=102398-", WHEEL[-2:]),
        ("bytes=-5", WHEEL[-5:]),
        ("bytes=102399-999999", WHEEL[-1:]),
    ],
)
def test_byte_ranges_of_a_file(copy: Served, asked: str, expected: bytes) -> None:
    status, headers, body = copy.get(file_path(copy), Range=asked)
    assert (status, body) == (206, expected)
    assert headers["content-range"].endswith(f"/{len(WHEEL)}")


def test_head_has_the_length_and_no_body(copy: Served) -> None:
    status, headers, body = copy.get(file_path(copy), "HEAD")
    assert (status, headers["content-length"], body) == (200, str(len(WHEEL)), b"")


def test_metadata_of_a_wheel_is_made_where_upstream_has_none(copy: Served, upstream: Served) -> None:
    path = file_path(copy)
    original = upstream.directory / "files" / "files.example" / "packages" / "spam-1-py3-none-any.whl"
    original.with_name(f"{original.name}.metadata").unlink()
    with zipfile.ZipFile(original, "w") as wheel:
        wheel.writestr("spam-1.dist-info/METADATA", b"Name: spam\nVersion: 1\n")
        wheel.writestr("spam/data", os.urandom(300_000))
    assert json.loads(copy.get("/simple/spam/")[2])["files"][0]["core-metadata"] is True
    assert copy.get(f"{path}.metadata")[2] == b"Name: spam\nVersion: 1\n"
    assert not (copy.directory / path.strip("/")).exists(), "only parts of the wheel are read"


def test_what_upstream_lacks_is_missing_and_asked_for_once(copy: Served) -> None:
    for _ in range(2):
        assert copy.get("/simple/eggs/")[0] == 404
    assert (copy.directory / "fetched.log").read_text() == "/simple/eggs/\n"


@pytest.mark.parametrize(
    "path", ["/", "/simple/../port", "/simple/%2e%2e/", "/files/unknown.example/x", "/files/a%2Fb/c"]
)
def test_path_that_leads_elsewhere_is_not_found(copy: Served, path: str) -> None:
    file_path(copy)
    assert copy.get(path)[0] == 404
    assert "fetched.log" in {each.name for each in copy.directory.iterdir()}


@pytest.mark.slow
def test_the_kernels_are_timed(tmp_path: Path) -> None:
    """A tiny run ends, with every kernel that is installed finding the same, and writes its figures to a file."""
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(ROOT / "benchmarks" / "kernels.py"), "--versions", "10", "--specifiers", "1", "20"]
    ended = subprocess.run([*command, "--json", str(figures)], capture_output=True, text=True, check=True, timeout=60)
    written = json.loads(figures.read_text())
    assert [(row["versions"], row["specifiers"]) for row in written["rows"]] == [(10, 1), (10, 20)]
    for row in written["rows"]:
        assert {"compared", "scalar", "auto"} <= row["seconds"].keys()
        assert row["seconds"][row["quickest"]] == min(row["seconds"][way] for way in row["seconds"] if way != "auto")
    assert "wins" in ended.stdout


def test_the_formats_are_timed(tmp_path: Path) -> None:
    """A tiny run ends, shows every row, and writes the same to a file."""
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(ROOT / "benchmarks" / "formats.py"), "--packages", "5", "--sizes", "3", "9"]
    ended = subprocess.run([*command, "--json", str(figures)], capture_output=True, text=True, check=True, timeout=60)
    written = json.loads(figures.read_text())
    for row in written["rows"]:
        assert row["what"] in ended.stdout
        assert row["ratio"] == row["other"] / row["dxpy"] > 0
    assert list(written["lookup_seconds"]) == ["3", "9"]


def test_packages_are_timed_beside_their_wheels(tmp_path: Path) -> None:
    """Each wheel has a line with its numbers of files and of requirements, and a ratio."""
    wheel = build_wheel(tmp_path, "demo", "1.0", requires=["six>=1", "idna; extra == 'net'"])
    command = [sys.executable, str(ROOT / "benchmarks" / "dpp.py"), str(wheel)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    words = ended.stdout.splitlines()[1].split()
    assert words[:3] == [wheel.name, "3", "2"]
    assert float(words[-1].rstrip("×")) > 1


def test_the_ladders_are_climbed(tmp_path: Path) -> None:
    """A tiny run ends, shows every ladder, and writes the same to a file."""
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(ROOT / "benchmarks" / "ladders.py"), "--rungs", "20", "30"]
    ended = subprocess.run([*command, "--json", str(figures)], capture_output=True, text=True, check=True, timeout=60)
    rows = json.loads(figures.read_text())["rows"]
    assert len(ended.stdout.splitlines()) == 1 + len(rows)
    for row, line in zip(rows, ended.stdout.splitlines()[1:], strict=True):
        assert line.split()[:3] == [row["ladder"], str(row["rungs"]), f"{row['metadata']:,}"]
