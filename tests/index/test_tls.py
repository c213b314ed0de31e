"""Whom a client trusts by its settings, and what it shows of itself. Real servers, real certificates."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from conftest import QUICK, Clock
from index_server import LoopbackIndex

from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import ProjectPage
from dxpy_async.core.settings import IndexSettings, NetworkSettings, TlsSettings
from dxpy_async.errors import IndexUnavailable, UsageError
from dxpy_async.index.client import IndexClient
from dxpy_async.index.safe_url import origin_of
from dxpy_async.index.tls import TlsContexts, read_system_early

A = ProjectName("a")
Fetch = Callable[[LoopbackIndex, TlsSettings], Awaitable[object]]


@dataclass
class Organisation:
    """An authority of its own, as a file and as a directory that OpenSSL reads, and a certificate of somebody's."""

    authority: trustme.CA
    authority_file: str
    authority_directory: str
    person_file: str


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    place = tmp_path_factory.mktemp("organisation")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(place / "authority.pem"))
    (place / "authorities").mkdir()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(str(place / "authority.pem"))
    authority.cert_pem.write_to_path(str(place / "authorities" / f"{_name_hash(authority)}.0"))
    authority.issue_cert("me@example.org").private_key_and_cert_chain_pem.write_to_path(str(place / "me.pem"))
    return Organisation(authority, *(str(place / name) for name in ("authority.pem", "authorities", "me.pem")))


def _name_hash(authority: trustme.CA) -> str:
    """What OpenSSL calls a certificate in a directory: as `openssl x509 -hash`, by which nothing in Python goes."""
    text = authority.cert_pem.bytes()
    command = ["openssl", "x509", "-noout", "-hash"]
    return subprocess.run(command, input=text, capture_output=True, check=True).stdout.decode().strip()


@pytest.fixture
async def safe(organisation: Organisation) -> AsyncIterator[LoopbackIndex]:
    """An index by https, whose certificate the organisation has issued."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    organisation.authority.issue_cert("127.0.0.1").configure_cert(context)
    async with LoopbackIndex(tls=context, cache_control="no-store") as index:
        index.add_project("a")
        yield index


@pytest.fixture
async def asking_back(organisation: Organisation) -> AsyncIterator[LoopbackIndex]:
    """The same, for those alone who show a certificate of the organisation."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    organisation.authority.issue_cert("127.0.0.1").configure_cert(context)
    organisation.authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    async with LoopbackIndex(tls=context, cache_control="no-store") as index:
        index.add_project("a")
        yield index


async def ask(index_url: str, tls: TlsSettings, tmp_path: Path, clock: Clock) -> object:
    async with IndexClient(
        indexes=IndexSettings(index_url=index_url),
        network=NetworkSettings(connect_timeout=5, read_timeout=5, retries=0, tls=tls),
        cache_dir=tmp_path / "cache",
        now=clock,
        base_directory=tmp_path,
        pacing=QUICK,
    ) as client:
        return await client.project_page(A)


@pytest.fixture
def fetch(tmp_path: Path, clock: Clock) -> Fetch:
    return lambda index, tls: ask(index.url, tls, tmp_path, clock)


async def test_an_authority_of_ones_own_is_trusted_by_file_and_by_directory(
    safe: LoopbackIndex, organisation: Organisation, fetch: Fetch, tmp_path: Path
) -> None:
    for tls in (
        TlsSettings(authorities=organisation.authority_file),
        TlsSettings(authority_directories=(str(tmp_path), organisation.authority_directory)),
    ):
        assert isinstance(await fetch(safe, tls), ProjectPage)


async def test_whom_nobody_trusts_is_named_at_once_with_ways_out(safe: LoopbackIndex, fetch: Fetch) -> None:
    with pytest.raises(IndexUnavailable, match=f"the TLS certificate of `127.0.0.1:{safe.port}` is not") as caught:
        await fetch(safe, TlsSettings())
    assert caught.value.hints() == (
        "name the file with your organisation's certificates in SSL_CERT_FILE, if it has its own",
        f"`--allow-insecure-host 127.0.0.1:{safe.port}` believes whoever answers there",
    )
    assert not safe.requests


@pytest.mark.parametrize(("host", "believed"), [("127.0.0.1", True), ("*", True), ("localhost", False)])
async def test_a_host_may_be_believed_whatever_it_shows(
    safe: LoopbackIndex, fetch: Fetch, host: str, believed: bool
) -> None:
    for place in (host, f"{host}:{safe.port}") if host != "*" else (host,):
        if believed:
            assert isinstance(await fetch(safe, TlsSettings(insecure_hosts=(place,))), ProjectPage)
        else:
            with pytest.raises(IndexUnavailable, match="is not accepted"):
                await fetch(safe, TlsSettings(insecure_hosts=(place, f"127.0.0.1:{safe.port + 1}")))


async def test_a_certificate_of_ones_own_is_shown_to_who_asks(
    asking_back: LoopbackIndex, organisation: Organisation, fetch: Fetch
) -> None:
    authorities = organisation.authority_file
    shown = TlsSettings(authorities=authorities, client_certificate=organisation.person_file)
    assert isinstance(await fetch(asking_back, shown), ProjectPage)
    believed = TlsSettings(insecure_hosts=("127.0.0.1",), client_certificate=organisation.person_file)
    assert isinstance(await fetch(asking_back, believed), ProjectPage)


def _refuse(connection: socket.socket, context: ssl.SSLContext) -> None:
    """Shake hands, and hang up; what the client says is read, or the system would take back what it was told."""
    with connection.dup() as raw:
        with suppress(ssl.SSLError):
            context.wrap_socket(connection, server_side=True).close()
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(65_536):
            pass


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_who_wants_a_certificate_and_gets_none_is_named_at_once(
    organisation: Organisation, tmp_path: Path, clock: Clock, version: ssl.TLSVersion
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    organisation.authority.issue_cert("127.0.0.1").configure_cert(context)
    organisation.authority.configure_trust(context)
    context.verify_mode, context.maximum_version = ssl.CERT_REQUIRED, version
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            with suppress(OSError):  # until the door is closed
                while True:
                    _refuse(server.accept()[0], context)

        index = f"https://127.0.0.1:{server.getsockname()[1]}"
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.to_thread(refuse))
            with pytest.raises(IndexUnavailable) as caught:
                await ask(index, TlsSettings(authorities=organisation.authority_file), tmp_path, clock)
            server.shutdown(socket.SHUT_RDWR)
    host = index.removeprefix("https://")
    assert str(caught.value) == f"`{host}` wants another TLS certificate of dxpy than it has, or one at all"
    assert caught.value.hints() == ("name the file with your certificate and its key in DXPY_CLIENT_CERT",)


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "No such file or directory"), ("nothing", "has no certificates that can be used: no certificate or crl")],
)
async def test_a_file_of_authorities_that_has_none_is_named(
    safe: LoopbackIndex, fetch: Fetch, tmp_path: Path, content: str | None, told: str
) -> None:
    place = tmp_path / "authorities.pem"
    if content is not None:
        place.write_text(content)
    with pytest.raises(UsageError, match=f"`{place}`, which SSL_CERT_FILE or `--cert` names, .*{told}"):
        await fetch(safe, TlsSettings(authorities=str(place)))


async def test_a_client_certificate_that_cannot_be_used_is_named(
    safe: LoopbackIndex, organisation: Organisation, fetch: Fetch, tmp_path: Path
) -> None:
    for file in (str(tmp_path / "none.pem"), organisation.authority_file):
        with pytest.raises(UsageError, match=f"`{file}` cannot be used as the client's certificate"):
            await fetch(safe, TlsSettings(client_certificate=file))


def test_nothing_is_read_for_http_nor_where_nothing_is_set() -> None:
    contexts = TlsContexts(TlsSettings(authorities="/nowhere"))
    assert contexts.context_for(origin_of("http://a.test")) is True


def test_the_system_is_read_once_and_says_who_is_trusted() -> None:
    read_system_early()
    context = TlsContexts(TlsSettings()).context_for(origin_of("https://a.test"))
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.cert_store_stats() == ssl.create_default_context().cert_store_stats()
    assert context is TlsContexts(TlsSettings()).context_for(origin_of("https://b.test"))


def test_the_system_is_asked_where_openssl_knows_nobody() -> None:
    """As on macOS and Windows, or with an OpenSSL from elsewhere; that takes a process of its own."""
    script = (
        "from dxpy_async.index.tls import *\n"
        "context = TlsContexts(TlsSettings()).context_for(Origin('https', 'a.test', 443))\n"
        "print(ASKS_SYSTEM, type(context).__module__.partition('.')[0], context.verify_mode.name)\n"
    )
    nobody = {**os.environ, "SSL_CERT_FILE": "/nowhere", "SSL_CERT_DIR": "/nowhere"}
    ended = subprocess.run([sys.executable, "-c", script], env=nobody, capture_output=True, text=True, check=True)
    assert ended.stdout == "True truststore CERT_REQUIRED\n"
