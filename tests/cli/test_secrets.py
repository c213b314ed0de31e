"""What nobody is to see is looked for in every file that dxpy writes and in all that it says."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Command, write_project
from index_server import LoopbackIndex, running_index
from proxy_server import LoopbackProxy, running_proxy
from wheels import build_wheel

SECRETS = ("sec-in-address", "sec-in-variable", "sec-of-proxy", "sec-in-netrc", "sec-kept")


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[LoopbackIndex]:
    """Another index with a login of its own."""
    build_wheel(tmp_path / "our-wheels", "internal", "1.0", requires=["safe"])
    build_wheel(tmp_path / "our-wheels", "extra", "1.0")
    with running_index(LoopbackIndex(credentials=("me", "sec-in-variable"))) as served:
        served.add_directory(tmp_path / "our-wheels")
        yield served


@pytest.fixture
def elsewhere() -> Iterator[LoopbackIndex]:
    """Where files are that the index sends people away for."""
    with running_index(LoopbackIndex(metadata="none")) as served:
        yield served


@pytest.fixture
def proxy() -> Iterator[LoopbackProxy]:
    with running_proxy(LoopbackProxy(credentials=("user", "sec-of-proxy"))) as running:
        yield running


def spellings(secret: str) -> Iterator[bytes]:
    """`secret` as it stands, and in the middle of a header's base64, at each of the three places it can begin at."""
    yield secret.encode()
    for before in (b"", b"x", b"xx"):
        yield base64.b64encode(before + secret.encode())[4:-4]


def assert_nobody_sees(*texts: bytes) -> None:
    for text in texts:
        assert not [secret for secret in SECRETS for spelling in spellings(secret) if spelling in text]


def everything_below(*places: Path) -> Iterator[tuple[Path, bytes]]:
    for place in places:
        for path in place.rglob("*"):
            yield path, str(path).encode()
            if path.is_symlink():
                yield path, str(path.readlink()).encode()
            elif path.is_file():
                yield path, path.read_bytes()


def test_a_login_reaches_its_index_and_nothing_else(
    dxpy: Command,
    index: LoopbackIndex,
    ours: LoopbackIndex,
    elsewhere: LoopbackIndex,
    proxy: LoopbackProxy,
    tmp_path: Path,
) -> None:
    index.credentials = ("me", "sec-in-address")
    for name in ("web-1.0-py3-none-any.whl", "safe-2.0-py3-none-any.whl"):
        elsewhere.add_wheel(tmp_path / "wheels" / name)
        index.fault(f"/files/{name}", times=None, redirect=elsewhere.file_url(name))
    root = write_project(
        tmp_path / "p",
        "web<2",
        "internal",
        more=f'[[tool.dxpy.index]]\nname = "ours"\nurl = "{ours.url}"\n',
    )
    (tmp_path / "home").mkdir()
    dxpy.environ |= {
        "HOME": str(tmp_path / "home"),
        "DXPY_DEFAULT_INDEX": index.url_with_credentials,
        "DXPY_INDEX_OURS_USERNAME": "me",
        "DXPY_INDEX_OURS_PASSWORD": "sec-in-variable",
        "http_proxy": proxy.url_with_credentials,
        "TMPDIR": str(tmp_path / "home"),
    }
    said = []
    for arguments, code in (
        ("lock -v", 0),
        ("sync -v", 0),
        ("sync", 0),
        ("add -v extra --extra-index-url " + ours.url.replace("://", "://me:sec-in-variable@"), 0),
        ("export", 0),
        ("lock --show", 0),
        ("sync --index-url ftp://me:sec-in-address@127.0.0.1/", 2),
        ("lock --refresh --upgrade --index-url " + index.url.replace("://", "://me:sec-kept@"), 2),
    ):
        ended = dxpy(arguments, root)
        assert ended.code == code, ended.err
        said += [ended.out.encode(), ended.err.encode()]
    assert_nobody_sees(*said)
    assert_nobody_sees(*(content for _, content in everything_below(root, tmp_path / "cache", tmp_path / "home")))
    seen = [*index.requests, *ours.requests, *elsewhere.requests]
    assert len(proxy.seen) == len(seen)
    assert not [request for request in seen if "proxy-authorization" in request.headers]
    assert elsewhere.requests
    assert not [request for request in elsewhere.requests if "authorization" in request.headers]


@pytest.mark.parametrize("source", ["netrc", "kept"])
def test_what_is_in_files_stays_there(dxpy: Command, index: LoopbackIndex, tmp_path: Path, source: str) -> None:
    home = tmp_path / "home"
    (home / ".config/dxpy").mkdir(parents=True)
    secret = {"netrc": "sec-in-netrc", "kept": "sec-kept"}[source]
    index.credentials = ("me", secret)
    dxpy.environ |= {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    root = write_project(tmp_path / "p", "safe")
    if source == "netrc":
        (home / ".netrc").write_text(f"machine 127.0.0.1\n  login me\n  password {secret}\n")
    else:
        assert dxpy(f"auth login {index.url} -u me --password {secret}", root).code == 0
    ended = dxpy("sync -v", root)
    assert ended.code == 0, ended.err
    assert_nobody_sees(ended.out.encode(), ended.err.encode())
    seen_in = {path.name for path, content in everything_below(tmp_path) if secret.encode() in content}
    assert seen_in == {".netrc" if source == "netrc" else "logins.json"}
