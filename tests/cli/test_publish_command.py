"""`dxpy publish` as people and programs see it, over a real index of uploads."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command import Command, wait_until, without_times, write_project
from json_schemas import document_in
from proxy_server import LoopbackProxy, running_proxy
from trees import BUILD_SYSTEM, sdist_of_today, write_tree
from upload_server import UploadIndex, running_upload_index
from wheels import build_wheel

SECRET = "pypi-very-secret"


@pytest.fixture
def dxpy(tmp_path: Path) -> Command:
    return Command(tmp_path / "cache", (tmp_path / "no-index").as_uri())


@pytest.fixture
def index() -> Iterator[UploadIndex]:
    with running_upload_index(UploadIndex(token=SECRET)) as index:
        yield index


def test_what_was_published_is_told(dxpy: Command, index: UploadIndex, tmp_path: Path) -> None:
    table = f'[[tool.dxpy.index]]\nname = "ours"\nurl = "{index.simple_url}"\npublish-url = "{index.upload_url}"\n'
    root = write_project(tmp_path / "demo", more=table)
    wheel = build_wheel(root / "dist", "demo", "1.0", metadata=["Summary: one"])
    first = dxpy("publish --index ours", root, environ={"DXPY_PUBLISH_TOKEN": SECRET})
    assert (first.code, first.out) == (0, "")
    size = f"{wheel.stat().st_size} B"
    assert without_times(first.err) == (
        f"Publishing to {index.upload_url}\nUploading {wheel.name} ({size})\nPublished 1 file in T\n"
    )
    again = dxpy("publish --index ours --output-format json", root)
    document = document_in(again.out, "publish")
    assert (document["url"], document["files"][0]["publication"]) == (index.upload_url, "already-there")
    assert f"Skipped {wheel.name}, which is there already\n" in again.err
    build_wheel(root / "dist", "demo", "1.0", metadata=["Summary: another"])
    other = dxpy("publish --index ours --dry-run", root)
    assert (other.code, other.err.splitlines()[1:]) == (
        1,
        [
            f"error: `{wheel.name}` is on the index already, as another file",
            "",
            "hint: publish a new version: files on an index do not change",
        ],
    )


def test_a_login_is_asked_for_and_never_shown(dxpy: Command, index: UploadIndex, tmp_path: Path) -> None:
    build_wheel(tmp_path / "dist", "demo", "1.0")
    none = dxpy(f"publish --publish-url {index.upload_url}", tmp_path)
    assert none.code == 1
    assert none.err.splitlines()[-1].startswith(f"hint: log in with `dxpy auth login {index.upload_url}`, `--token`")
    wrong = dxpy(f"publish --publish-url {index.upload_url} -v -u me -p wrong-secret", tmp_path)
    assert "does not let the login of `--password` upload this" in wrong.err
    assert "wrong-secret" not in wrong.out + wrong.err
    empty = dxpy(["publish", "--publish-url", index.upload_url, "--token", ""], tmp_path)
    assert (empty.code, empty.err.splitlines()[0]) == (2, "error: `--token` is empty")


@contextmanager
def running_pypiserver(root: Path, wanting_login: str = "update") -> Iterator[str]:
    """A real index that lets `me` with the password `secret` alone do what is `wanting_login`; its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    passwords = root / "htpasswd"
    passwords.write_text("me:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
    (root / "packages").mkdir()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "pypiserver", "run", "-i", "127.0.0.1", "-p", str(port), "-P", str(passwords)),
            *("-a", wanting_login, "--hash-algo", "sha256", "--disable-fallback", str(root / "packages")),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    address = f"http://127.0.0.1:{port}/"

    def answers() -> bool:
        assert server.poll() is None
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    try:
        wait_until(answers)
        yield address
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(10)


@pytest.mark.slow
def test_what_is_built_and_published_can_be_installed(dxpy: Command, tmp_path: Path) -> None:
    project = BUILD_SYSTEM + '[project]\nname = "tree"\nversion = "1.0"\n'
    root = write_tree(tmp_path / "tree", sdist_of_today(), pyproject=project)
    with running_pypiserver(tmp_path) as address:
        assert dxpy("build", root).code == 0
        refused = dxpy(f"publish --publish-url {address} -u me -p wrong", root)
        assert refused.code == 1, refused.err
        assert "does not let the login" in refused.err
        login = {"DXPY_PUBLISH_USERNAME": "me", "DXPY_PUBLISH_PASSWORD": "secret"}
        published = dxpy(f"publish --publish-url {address}", root, environ=login)
        assert published.err.splitlines()[-1].startswith("Published 2 files in "), published.err
        again = dxpy(f"publish --publish-url {address}", root, environ=login)
        assert re.search(r"is on `.*` already \(status 409", again.err)
        skipped = dxpy(f"publish --publish-url {address} --check-url {address}simple/", root, environ=login)
        assert (skipped.code, skipped.err.count("Skipped ")) == (0, 2)
        user = write_project(tmp_path / "user", "tree")
        synced = dxpy(f"sync --index-url {address}simple/", user)
        assert " + tree==1.0" in synced.err
        shutil.rmtree(user / ".venv")
        (user / "dxpy.lock").unlink()
        built = dxpy(f"sync --index-url {address}simple/ --no-binary-package tree", user)
        assert "Built tree-1.0.tar.gz" in built.err, built.err


@pytest.mark.slow
def test_what_is_published_is_installed_with_a_login_through_a_proxy_that_redirects(
    dxpy: Command, tmp_path: Path
) -> None:
    build_wheel(tmp_path / "demo/dist", "demo", "1.0")
    dxpy.environ |= {"DXPY_CREDENTIALS_DIR": str(tmp_path / "config"), "DXPY_KEYRING_PROVIDER": "disabled"}
    with running_pypiserver(tmp_path, "update,download,list") as address:
        user = write_project(tmp_path / "user", "demo")
        redirects = {"packages.invalid": address.rstrip("/")}
        with running_proxy(LoopbackProxy(credentials=("user", "pass"), redirects=redirects)) as proxy:
            dxpy.environ["http_proxy"] = proxy.url_with_credentials
            index = "http://them:theirs@packages.invalid/simple/"
            refused = dxpy(f"sync --index-url {index}", user)
            assert refused.code == 2
            assert f"`{address}simple/demo/` wants credentials, and none are known for it" in refused.err
            assert dxpy(f"auth login {address} -u me --password secret", user).code == 0
            published = dxpy(f"publish --publish-url {address}", tmp_path / "demo")
            assert published.code == 0, published.err
            synced = dxpy(f"sync --index-url {index}", user)
            assert " + demo==1.0" in synced.err, synced.err
        sent = {headers.get("authorization") for _, target, headers in proxy.seen if target.startswith(address)}
        assert sent == {None, "Basic bWU6c2VjcmV0"}  # nothing of what is for packages.invalid
