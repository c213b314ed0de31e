"""Where the login for a request is found, in which order, and to whom it goes."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from conftest import QUICK, Clock
from index_server import LoopbackIndex, SeenRequest
from wheels import build_wheel

from dxpy_async.core.logins import Login
from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import ProjectPage, Unavailable
from dxpy_async.core.settings import Authentication, CredentialSettings, IndexSettings, KeyringProvider, NetworkSettings
from dxpy_async.errors import IndexRefused, InvalidLoginFile
from dxpy_async.index.client import IndexClient
from dxpy_async.index.credentials import Credentials

A, B = ProjectName("a"), ProjectName("b")
ME = Login("me", "secret")


def user_in(request: SeenRequest) -> str | None:
    """`user:password` of a request."""
    sent = request.headers.get("authorization")
    return base64.b64decode(sent.removeprefix("Basic ")).decode() if sent is not None else None


def users(index: LoopbackIndex) -> list[str | None]:
    return [user_in(request) for request in index.requests]


@pytest.fixture
async def private() -> AsyncIterator[LoopbackIndex]:
    """An index that gives its project `a` to me alone."""
    async with LoopbackIndex(credentials=("me", "secret")) as index:
        index.add_project("a")
        index.add_project("b")
        yield index


Asking = Callable[..., AbstractAsyncContextManager[IndexClient]]


@pytest.fixture
def asking(tmp_path: Path, clock: Clock) -> Asking:
    """Makes clients of the indexes given, with credentials from the sources given."""

    @asynccontextmanager
    async def make(
        *urls: str, credentials: Credentials | None = None, sources: CredentialSettings | None = None, **said: object
    ) -> AsyncIterator[IndexClient]:
        indexes = IndexSettings(index_url=urls[-1], extra_index_urls=urls[:-1], **said)  # type: ignore[arg-type]
        async with IndexClient(
            indexes=indexes,
            network=NetworkSettings(connect_timeout=5, read_timeout=5, retries=1),
            cache_dir=tmp_path / "cache",
            now=clock,
            base_directory=tmp_path,
            pacing=QUICK,
            credentials=credentials or Credentials(sources, indexes),
        ) as client:
            yield client

    return make


def netrc(tmp_path: Path, text: str) -> CredentialSettings:
    (tmp_path / "netrc").write_text(text)
    return CredentialSettings(netrc=str(tmp_path / "netrc"))


def kept(tmp_path: Path, *logins: tuple[str, str, str | None], **more: object) -> CredentialSettings:
    said = [{"service": service, "username": user, "password": password} for service, user, password in logins]
    (tmp_path / "logins.json").write_text(json.dumps({"version": 1, "logins": said}))
    return CredentialSettings(kept=str(tmp_path / "logins.json"), **more)  # type: ignore[arg-type]


KEYRING = """#!/bin/sh
echo "$@" >> "$0.asked"
case "$*" in
  "get --mode creds {service}") printf 'me\\nsecret\\n' ;;
  "get {service} me") printf 'secret\\n' ;;
  "get hangs me") exec sleep 60 ;;
  *) {otherwise} exit 1 ;;
esac
"""


def keyring(tmp_path: Path, service: str, otherwise: str = "") -> CredentialSettings:
    """A program `keyring` that has my password for one service."""
    program = tmp_path / "bin/keyring"
    program.parent.mkdir(exist_ok=True)
    program.write_text(KEYRING.format(service=service, otherwise=otherwise))
    program.chmod(0o755)
    return CredentialSettings(keyring=KeyringProvider.SUBPROCESS, search_path=f"{program.parent}:/usr/bin:/bin")


def asked(tmp_path: Path) -> list[str]:
    log = tmp_path / "bin/keyring.asked"
    return log.read_text().splitlines() if log.exists() else []


class TestSources:
    async def test_variables_have_it_for_an_index_with_a_name(self, asking: Asking, private: LoopbackIndex) -> None:
        async with asking(private.url, logins={private.url: ME}) as client:
            assert isinstance(await client.project_page(A), ProjectPage)
        assert users(private) == ["me:secret"]

    async def test_a_variable_can_have_the_password_for_the_user_in_the_address(
        self, asking: Asking, private: LoopbackIndex
    ) -> None:
        url = private.url.replace("://", "://me@")
        async with asking(url, logins={url: Login("", "secret")}) as client:
            assert isinstance(await client.project_page(A), ProjectPage)

    async def test_netrc_has_it_for_a_host(self, asking: Asking, private: LoopbackIndex, tmp_path: Path) -> None:
        sources = netrc(tmp_path, "machine 127.0.0.1 login me password secret\n")
        async with asking(private.url, sources=sources) as client:
            assert isinstance(await client.project_page(A), ProjectPage)
        assert users(private) == ["me:secret"]

    async def test_a_port_in_netrc_goes_before_the_host(
        self, asking: Asking, private: LoopbackIndex, tmp_path: Path
    ) -> None:
        lines = f"machine 127.0.0.1 login x password y\nmachine 127.0.0.1:{private.port} login me password secret\n"
        async with asking(private.url, sources=netrc(tmp_path, lines)) as client:
            assert isinstance(await client.project_page(A), ProjectPage)

    async def test_the_default_of_netrc_is_only_sent_to_an_index_that_asks(
        self, asking: Asking, private: LoopbackIndex, tmp_path: Path
    ) -> None:
        async with (
            LoopbackIndex() as public,
            asking(private.url, public.url, sources=netrc(tmp_path, "default login me password secret\n")) as client,
        ):
            public.add_project("c")
            await client.project_page(A)
            await client.project_page(ProjectName("c"))
        assert users(private) == [None, "me:secret", "me:secret"]
        assert users(public) == [None]

    async def test_what_was_logged_in_to_is_the_longest_beginning_of_the_address(
        self, asking: Asking, private: LoopbackIndex, tmp_path: Path
    ) -> None:
        sources = kept(
            tmp_path,
            (private.origin, "x", "y"),
            (f"{private.origin}/simple", "me", "secret"),
            (f"{private.origin}/simp", "x", "z"),
        )
        async with asking(private.url, sources=sources) as client:
            assert isinstance(await client.project_page(A), ProjectPage)
        assert users(private) == ["me:secret"]

    async def test_of_the_user_in_the_address_the_password_is_found(
        self, asking: Asking, private: LoopbackIndex, tmp_path: Path
    ) -> None:
        sources = kept(tmp_path, (private.origin, "other", "y"), (private.origin, "me", "secret"))
        async with asking(private.url.replace("://", "://me@"), sources=sources) as client:
            assert isinstance(await client.project_page(A), ProjectPage)

    async def test_the_order_of_the_sources(self, asking: Asking, private: LoopbackIndex, tmp_path: Path) -> None:
        private.credentials = None
        files = CredentialSettings(
            netrc=netrc(tmp_path, "machine 127.0.0.1 login netrc password x").netrc,
            kept=kept(tmp_path, (private.origin, "kept", "x")).kept,
        )
        in_url = private.url.replace("://", "://url:x@")
        variables = Login("variables", "x")
        for url, logins, sources in (
            (in_url, {in_url: variables}, files),
            (private.url, {private.url: variables}, files),
            (private.url, {}, files),
            (private.url, {}, CredentialSettings(kept=files.kept)),
        ):
            async with asking(url, sources=sources, logins=logins) as client:
                await client.project_page(ProjectName("nobody-has-it"))
        assert users(private) == ["url:x", "variables:x", "netrc:x", "kept:x"]

    async def test_a_program_adds_what_it_knows(self, asking: Asking, private: LoopbackIndex) -> None:
        credentials = Credentials()
        credentials.add(private.origin, ME)
        async with asking(private.url, credentials=credentials) as client:
            assert isinstance(await client.project_page(A), ProjectPage)


class TestKeyring:
    async def test_is_asked_once_when_an_index_wants_a_login(
        self, asking: Asking, private: LoopbackIndex, tmp_path: Path
    ) -> None:
        async with asking(private.url, sources=keyring(tmp_path, private.url)) as client:
            assert isinstance(await client.project_page(A), ProjectPage)
            assert isinstance(await client.project_page(B), ProjectPage)
        assert users(private) == [None, "me:secret", "me:secret"]
        assert asked(tmp_path) == [f"get --mode creds {private.url}"]

    async def test_knows_the_password_of_the_user_in_the_address_by_the_host(
        self, asking: Asking, private: LoopbackIndex, tmp_path: Path
    ) -> None:
        host = f"127.0.0.1:{private.port}"
        async with asking(private.url.replace("://", "://me@"), sources=keyring(tmp_path, host)) as client:
            private.fault("/simple/*", status=401)
            assert isinstance(await client.project_page(A), ProjectPage)
        assert asked(tmp_path) == [f"get {private.url} me", f"get {host} me"]

    async def test_is_left_alone_where_nobody_wants_a_login(
        self, asking: Asking, index: LoopbackIndex, tmp_path: Path
    ) -> None:
        index.add_project("a")
        async with asking(index.url, sources=keyring(tmp_path, index.url)) as client:
            assert isinstance(await client.project_page(A), ProjectPage)
        assert not asked(tmp_path)

    async def test_has_the_password_of_a_login_that_was_kept_there(
        self, asking: Asking, private: LoopbackIndex, tmp_path: Path
    ) -> None:
        path = keyring(tmp_path, private.origin).search_path
        sources = kept(tmp_path, (private.origin, "me", None), search_path=path)
        async with asking(private.url, sources=sources) as client:
            assert isinstance(await client.project_page(A), ProjectPage)
        assert users(private) == ["me:secret"]
        assert asked(tmp_path) == [f"get {private.origin} me"]

    @pytest.mark.parametrize(
        ("otherwise", "told"),
        [
            ("echo 'NoKeyringError: no backend' >&2;", "the program `keyring` says: NoKeyringError: no backend"),
            ("", None),
        ],
    )
    async def test_that_has_nothing_or_fails_leaves_the_refusal(
        self, asking: Asking, private: LoopbackIndex, tmp_path: Path, otherwise: str, told: str | None
    ) -> None:
        async with asking(private.url, sources=keyring(tmp_path, "another", otherwise)) as client:
            with pytest.raises(IndexRefused, match="none are known for it") as caught:
                await client.project_page(A)
        assert caught.value.hints()[1:] == ((told,) if told else ())

    async def test_that_is_not_there_is_a_hint(self, asking: Asking, private: LoopbackIndex, tmp_path: Path) -> None:
        sources = CredentialSettings(keyring=KeyringProvider.SUBPROCESS, search_path=str(tmp_path))
        async with asking(private.url, sources=sources) as client:
            with pytest.raises(IndexRefused) as caught:
                await client.project_page(A)
        assert caught.value.hints() == (
            f"log in with `dxpy auth login {private.url}`",
            "there is no program `keyring` on PATH",
        )


class TestWhoGetsThem:
    async def test_two_indexes_of_one_host_have_their_own(self, asking: Asking, index: LoopbackIndex) -> None:
        group = f"{index.origin}/groups/{{}}/simple"
        one, two = (group.format(n).replace("://", f"://user{n}:x@") for n in (1, 2))
        async with asking(one, two) as client:
            await client.project_page(A)
            with pytest.raises(Exception, match="status 404"):
                await client.download(
                    url=f"{index.origin}/groups/2/files/a",
                    filename="a-1.zip",
                    hashes={},
                    size=None,
                    into=Path("never-made"),
                    progress=print,
                )
        assert [(each.path, user_in(each)) for each in index.requests] == [
            ("/groups/1/simple/a/", "user1:x"),
            ("/groups/2/simple/a/", "user2:x"),
            ("/groups/2/files/a", "user2:x"),
        ]

    async def test_files_beside_the_index_get_what_was_kept_for_it(
        self, asking: Asking, private: LoopbackIndex, tmp_path: Path
    ) -> None:
        wheel = build_wheel(tmp_path, "c", "1.0")
        private.add_wheel(wheel)
        async with asking(private.url, sources=kept(tmp_path, (private.url, "me", "secret"))) as client:
            page = await client.project_page(ProjectName("c"))
            assert isinstance(page, ProjectPage)
            (file,) = page.files(page.versions[0])
            await client.download(
                url=file.url, filename=wheel.name, hashes={}, size=None, into=tmp_path / "c", progress=print
            )
        assert users(private) == ["me:secret", "me:secret"]

    async def test_they_are_sent_again_after_a_redirect_within_the_origin(
        self, asking: Asking, private: LoopbackIndex, tmp_path: Path
    ) -> None:
        private.fault("/simple/a/", redirect="/simple/a/")
        async with asking(private.url, sources=netrc(tmp_path, "machine 127.0.0.1 login me password secret")) as client:
            await client.project_page(A)
        assert users(private) == ["me:secret", "me:secret"]

    @pytest.mark.parametrize("source", ["netrc", "kept", "default", "keyring"])
    async def test_no_source_has_them_follow_a_redirect_to_another_port(
        self, asking: Asking, private: LoopbackIndex, tmp_path: Path, source: str
    ) -> None:
        sources = {
            "netrc": lambda: netrc(tmp_path, "machine 127.0.0.1 login me password secret"),
            "kept": lambda: kept(tmp_path, (private.origin, "me", "secret")),
            "default": lambda: netrc(tmp_path, "default login me password secret"),
            "keyring": lambda: keyring(tmp_path, private.url),
        }
        async with LoopbackIndex() as other, asking(private.url, sources=sources[source]()) as client:
            other.fault("*", times=None, status=401)
            for pattern in ("/simple/a/", "/simple/b/"):
                private.fault(pattern, times=None, redirect=f"{other.url}/a/")
            with pytest.raises(IndexRefused):
                await client.project_page(A)
            assert users(other) == [None]

    async def test_nothing_is_taken_from_netrc_for_plain_http_that_no_setting_names(
        self, asking: Asking, index: LoopbackIndex, tmp_path: Path
    ) -> None:
        sources = netrc(tmp_path, "machine 127.0.0.1 login me password secret")
        async with LoopbackIndex() as files, asking(index.url, sources=sources) as client:
            files.add_body("/a.zip", b"abc")
            await client.small_file(f"{files.origin}/a.zip", 10)
        assert users(files) == [None]


class TestPolicies:
    async def test_an_index_that_is_never_asked_with_any(self, asking: Asking, private: LoopbackIndex) -> None:
        url = private.url_with_credentials
        async with asking(url, authentication={url: Authentication.NEVER}) as client:
            with pytest.raises(IndexRefused, match="wants credentials") as caught:
                await client.project_page(A)
        assert users(private) == [None]
        assert caught.value.hints() == (
            f'`{private.url}` is never asked with credentials: its table says `authenticate = "never"`',
        )

    async def test_an_index_that_is_always_asked_with_some(
        self, asking: Asking, private: LoopbackIndex, tmp_path: Path
    ) -> None:
        said = {private.url: Authentication.ALWAYS}
        async with asking(private.url, authentication=said, sources=keyring(tmp_path, private.url)) as client:
            assert isinstance(await client.project_page(A), ProjectPage)
        assert users(private) == ["me:secret"]
        async with asking(private.url, authentication=said) as client:
            with pytest.raises(IndexRefused, match="and there is none for it"):
                await client.project_page(B)
        assert users(private) == ["me:secret"]

    async def test_statuses_that_mean_that_the_index_has_not_got_it(self, asking: Asking, index: LoopbackIndex) -> None:
        index.add_project("a")
        async with LoopbackIndex() as other:
            other.fault("/simple/a/", times=None, status=403)
            other.fault("/simple/b/", times=None, status=503)
            async with asking(other.url, index.url) as client:
                with pytest.raises(IndexRefused, match="status 403"):
                    await client.project_page(A)
            async with asking(other.url, index.url, ignored_errors={other.url: frozenset({403, 503})}) as client:
                assert isinstance(await client.project_page(A), ProjectPage)
                assert isinstance(await client.project_page(B), Unavailable)
            assert len(other.requests) == 3


class TestRefusals:
    """Which index, which source was tried, how to log in."""

    async def refused(self, client: IndexClient) -> tuple[str, tuple[str, ...]]:
        with pytest.raises(IndexRefused) as caught:
            await client.project_page(A)
        said = str(caught.value), tuple(caught.value.hints())
        assert "secret" not in f"{said}{caught.value.url}"
        return said

    async def test_without_a_login(self, asking: Asking, private: LoopbackIndex) -> None:
        async with asking(private.url, names={private.url: "our-index"}) as client:
            assert await self.refused(client) == (
                f"`{private.url}/a/` wants credentials, and none are known for it (status 401)",
                (
                    f"log in with `dxpy auth login {private.url}`",
                    "or set the variables DXPY_INDEX_OUR_INDEX_USERNAME and DXPY_INDEX_OUR_INDEX_PASSWORD",
                ),
            )

    async def test_with_a_revoked_token(self, asking: Asking, private: LoopbackIndex, tmp_path: Path) -> None:
        private.fault("*", times=None, status=401)
        async with asking(private.url, sources=kept(tmp_path, (private.url, "__token__", "secret"))) as client:
            doubt = "does not accept the credentials from `dxpy auth login` (status 401): they are wrong, or revoked"
            assert await self.refused(client) == (
                f"`{private.url}/a/` {doubt}",
                (f"log in with `dxpy auth login {private.url}`",),
            )

    async def test_without_the_right_to_it(self, asking: Asking, private: LoopbackIndex) -> None:
        url = private.url.replace("://", "://me:secrets@")
        async with asking(url) as client:
            assert await self.refused(client) == (
                f"`{private.url}/a/` refuses access with the credentials from its address (status 403)",
                (
                    f"log in with `dxpy auth login {private.url}` if they are not the right ones",
                    "if it answers so for projects that it has not got, let its table say `ignore-error-codes = [403]`",
                ),
            )

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b"machine 127.0.0.1 login me pasword secret\n", "line 1 of it cannot be understood"),
            (b"machine 127.0.0.1 login me password \xff\n", "it is not UTF-8 text"),
        ],
    )
    async def test_with_a_netrc_that_cannot_be_used(
        self, asking: Asking, private: LoopbackIndex, tmp_path: Path, content: bytes, told: str
    ) -> None:
        sources = netrc(tmp_path, "")
        (tmp_path / "netrc").write_bytes(content)
        async with asking(private.url, sources=sources) as client:
            _, hints = await self.refused(client)
        assert hints[1:] == (f"`{tmp_path / 'netrc'}` is not used: {told}",)

    @pytest.mark.parametrize("content", ["", '{"version": 2}', '{"version": 1, "logins": [{"password": "secret"}]}'])
    async def test_with_a_damaged_file_of_logins(
        self, asking: Asking, private: LoopbackIndex, tmp_path: Path, content: str
    ) -> None:
        sources = kept(tmp_path)
        (tmp_path / "logins.json").write_text(content)
        async with asking(private.url, sources=sources) as client:
            with pytest.raises(InvalidLoginFile) as caught:
                await client.project_page(A)
        assert "secret" not in str(caught.value)
        assert not private.requests
