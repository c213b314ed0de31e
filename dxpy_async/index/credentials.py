"""The login for each request: where it is looked for, in which order, and to whom it goes.

    1. an address that was given with one
    2. the variables DXPY_INDEX_<NAME>_USERNAME and …_PASSWORD
    3. `.netrc`
    4. what `dxpy auth login` keeps
    5. the program `keyring`, if that is switched on

The first that has one decides. A login goes to the scheme, host and port that it was given for, and to no other. Where
one origin has several, the address decides that has the most parts of its path in common with the request. What costs
nothing is sent at once; the line `default` of `.netrc`, and the keyring, are asked when a server wants a login, and
once for each origin. Of an index that has `authenticate = "always"` they are asked first.
"""

from __future__ import annotations

import asyncio
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from dxpy_async.core.dataclass import replace
from dxpy_async.core.logins import Login, variables_of
from dxpy_async.core.settings import Authentication, CredentialSettings, IndexSettings, KeyringProvider
from dxpy_async.errors import IndexRefused
from dxpy_async.formats.login_file import KeptLogin
from dxpy_async.index.kept_logins import SOURCE, nearest_kept, read_kept_logins
from dxpy_async.index.keyring_program import KeyringProgram
from dxpy_async.index.netrc_file import NetrcFile
from dxpy_async.index.safe_url import Origin, SafeURL, origin_of

_NOT_LOGGED_IN = frozenset({401, 403, 404})
"""The statuses by which servers ask for a login; 404 from those that do not even say what they have."""


class _Address(NamedTuple):
    """An address that requests can be near to."""

    url: str
    origin: Origin
    parts: tuple[str, ...]

    @classmethod
    def of(cls, url: str) -> _Address:
        return cls(url, origin_of(url), tuple(part for part in urlsplit(url).path.split("/") if part))

    def nearness(self, other: _Address) -> int:
        """How many leading parts of their paths are the same; -1 for addresses of two origins."""
        if self.origin != other.origin:
            return -1
        pairs = zip(self.parts, other.parts, strict=False)
        return next((number for number, (mine, its) in enumerate(pairs) if mine != its), len(self.parts))


class Credentials:
    """The logins of one program. For any number of engines and tasks of one event loop at once.

    credentials = Credentials(settings.credentials, settings.indexes)
    credentials.add("https://packages.example.org/simple", Login("me", "secret"))
    async with Engine(settings, credentials=credentials) as engine: ...
    """

    def __init__(self, settings: CredentialSettings | None = None, indexes: IndexSettings | None = None) -> None:
        settings, indexes = settings or CredentialSettings(), indexes or IndexSettings()
        self._settings = settings
        self._netrc = NetrcFile(settings.netrc) if settings.netrc is not None else None
        self._keyring = KeyringProgram(settings.search_path)
        self._given: list[tuple[_Address, Login]] = []
        self._indexes: dict[_Address, Authentication] = {}
        self._names: dict[str, str] = {}
        self._found: dict[tuple[str, str | None], Login | None] = {}
        """What the sources had that are asked last, by place and user."""
        self._asking = asyncio.Lock()
        for url in _urls_of(indexes):
            self._add_index(url, indexes)

    def _add_index(self, given: str, indexes: IndexSettings) -> None:
        url = _parsed(given)
        if url is None:
            return
        self._indexes.setdefault(_Address.of(url.public), indexes.authentication.get(given, Authentication.AUTO))
        if (name := indexes.names.get(given)) is not None:
            self._names[url.public] = name
        of_variables = indexes.logins.get(given)
        for login in (url.login, of_variables):
            if login is not None:
                self.add(url.public, _completed(login, of_variables))

    def add(self, url: str, login: Login) -> None:
        """Use `login` for `url` and, where nothing nearer is known, for all of its origin. What came first stays."""
        if (given := (_Address.of(url), login)) not in self._given:
            self._given.append(given)

    def learn(self, url: str) -> None:
        """Use the login in an address, if it has one."""
        address = _parsed(url)
        if address is not None and address.login is not None:
            self.add(address.public, address.login)

    # Finding

    def known(self, url: str, *, username: str | None = None, redirected: bool = False) -> Login | None:
        """The login for `url` that nobody has to be asked for. Its password is None where only the user is known.

        `redirected` is a request that another server has led here: what is said of the host alone does not count then.
        Raises InvalidLoginFile and StoreError.
        """
        address = _Address.of(url)
        index = self._index_near(address)
        if self._is_never_asked_with_any(index):
            return None
        given = self._given_near(address, username)
        if given is not None and given.password is not None:
            return given
        name = given.username if given is not None else username
        netrc = self._netrc if not redirected and (index is not None or address.origin.scheme == "https") else None
        return (
            (netrc.login(address.origin, name) if netrc is not None else None)
            or self._kept_login(address, index, name)
            or self._found.get((_place(address, index), name))
            or given
        )

    async def login_for(self, url: str, *, redirected: bool = False) -> Login | None:
        """The login to send with the first request to `url`.

        Raises IndexRefused when its index is never asked without one and there is none.
        """
        login = self.known(url, redirected=redirected)
        if login is not None and login.password is None and login.source == SOURCE:
            login = await self._from_keyring(url, login.username)
        index = self._index_near(_Address.of(url))
        if login is None and index is not None and self._indexes[index] is Authentication.ALWAYS:
            login = await self._looked_up(url, None)
            if login is None:
                raise self.refusal(url, None, None)
        return login

    async def wanted(self, url: str, status: int, sent: Login | None, *, redirected: bool = False) -> Login | None:
        """The login to try after `url` has answered with `status`; None when there is no other than `sent`."""
        if status not in _NOT_LOGGED_IN or (sent is not None and sent.password is not None):
            return None
        if self._is_never_asked_with_any(self._index_near(_Address.of(url))):
            return None
        username = sent.username if sent is not None else None
        return await self._looked_up(url, username, with_default=status != 404 and not redirected)

    async def find(self, url: str, *, username: str | None = None) -> Login | None:
        """The login for `url`, of that user if one is named, from all sources: for who cannot try without one first."""
        login = self.known(url, username=username)
        if login is not None and login.password is not None:
            return login
        return await self._looked_up(url, login.username if login is not None else username) or login

    async def _looked_up(self, url: str, username: str | None, *, with_default: bool = True) -> Login | None:
        """What the sources have that are asked last."""
        address = _Address.of(url)
        index = self._index_near(address)
        if with_default and self._netrc is not None and index is not None:
            login = self._netrc.default(username)
            if login is not None:
                self._found[_place(address, index), username] = login
                return login
        kept = self._kept_near(address, index, username)
        if self._settings.keyring is KeyringProvider.SUBPROCESS or (kept is not None and kept.password is None):
            return await self._from_keyring(url, username)
        return None

    async def _from_keyring(self, url: str, username: str | None) -> Login | None:
        """What the keyring has, by the address of the kept login; else by the index, then by the host."""
        if self._settings.keyring is KeyringProvider.DISABLED:
            return None
        address = _Address.of(url)
        index = self._index_near(address)
        kept = self._kept_near(address, index, username)
        host = urlsplit(url).netloc
        services = (kept.service,) if kept is not None else (index.url, host) if index is not None else (host,)
        key = (_place(address, index), username)
        async with self._asking:
            if key not in self._found:
                self._found[key] = await self._first_in_keyring(services, username)
            return self._found[key]

    async def _first_in_keyring(self, services: tuple[str, ...], username: str | None) -> Login | None:
        for service in services:
            if (login := await self._keyring.login(service, username)) is not None:
                return login
        return None

    def _index_near(self, address: _Address) -> _Address | None:
        """The index that a request belongs to: of those of its origin the one with the most of its path."""
        near = max(self._indexes, key=address.nearness, default=None)
        return near if near is not None and address.nearness(near) >= 0 else None

    def _given_near(self, address: _Address, username: str | None) -> Login | None:
        fitting = [each for each in self._given if username in (None, each[1].username)]
        near = max(fitting, key=lambda each: address.nearness(each[0]), default=None)
        return near[1] if near is not None and address.nearness(near[0]) >= 0 else None

    def _kept_login(self, address: _Address, index: _Address | None, username: str | None) -> Login | None:
        kept = self._kept_near(address, index, username)
        return Login(kept.username, kept.password, SOURCE) if kept is not None else None

    def _kept_near(self, address: _Address, index: _Address | None, username: str | None) -> KeptLogin | None:
        """What was kept for an address itself, else for the index that it belongs to."""
        kept = nearest_kept(self._kept, address.url, username)
        return nearest_kept(self._kept, index.url, username) if kept is None and index is not None else kept

    def _is_never_asked_with_any(self, index: _Address | None) -> bool:
        return index is not None and self._indexes[index] is Authentication.NEVER

    @cached_property
    def _kept(self) -> tuple[KeptLogin, ...]:
        return read_kept_logins(Path(self._settings.kept)) if self._settings.kept is not None else ()

    # Telling

    def refusal(self, url: str, status: int | None, sent: Login | None) -> IndexRefused:
        """The error for a server that wants a login, or another than `sent`; without a status it was not asked."""
        index = self._index_near(_Address.of(url))
        if status is None:
            reason = 'is only asked with a login (`authenticate = "always"`), and there is none for it'
        elif sent is None:
            reason = f"wants credentials, and none are known for it (status {status})"
        elif status == 401:
            reason = f"does not accept the credentials from {sent.source} (status 401): they are wrong, or revoked"
        else:
            reason = f"refuses access with the credentials from {sent.source} (status {status})"
        shown = f"the index `{index.url}`" if status is None and index is not None else f"`{url}`"
        return IndexRefused(f"{shown} {reason}", url=url, hints=self._ways_in(url, index, status, sent))

    def _ways_in(self, url: str, index: _Address | None, status: int | None, sent: Login | None) -> tuple[str, ...]:
        hints = []
        service = index.url if index is not None else url.partition("://")[0] + "://" + urlsplit(url).netloc
        name = self._names.get(index.url) if index is not None else None
        if index is not None and self._is_never_asked_with_any(index):
            return (f'`{index.url}` is never asked with credentials: its table says `authenticate = "never"`',)
        doubt = " if they are not the right ones" if status == 403 and sent is not None else ""
        hints.append(f"log in with `dxpy auth login {service}`{doubt}")
        if name is not None and not doubt:
            prefix = variables_of(name)
            hints.append(f"or set the variables {prefix}_USERNAME and {prefix}_PASSWORD")
        if status == 403 and index is not None:
            hints.append(
                "if it answers so for projects that it has not got, let its table say `ignore-error-codes = [403]`"
            )
        if sent is None or sent.password is None:
            troubles = (self._netrc.trouble if self._netrc is not None else None, self._keyring.trouble)
            hints += [trouble for trouble in troubles if trouble is not None]
        return tuple(hints)


def _place(address: _Address, index: _Address | None) -> str:
    """What the keyring is asked about once."""
    return index.url if index is not None else f"{address.origin.scheme}://{address.origin.host}:{address.origin.port}"


def _urls_of(indexes: IndexSettings) -> list[str]:
    """All indexes and mirrors, those first that are asked first."""
    urls = [*indexes.extra_index_urls, indexes.index_url, *indexes.pinned.values(), *indexes.logins]
    urls += [mirror for mirrors in indexes.mirrors.values() for mirror in mirrors]
    return [url for url in dict.fromkeys(urls) if "://" in url]


def _parsed(text: str) -> SafeURL | None:
    """An address of a server; None for everything else: whoever uses it will tell."""
    try:
        url = SafeURL.parse(text)
        return url if url.origin.scheme in ("http", "https") else None
    except ValueError:
        return None


def _completed(login: Login, other: Login | None) -> Login:
    """`login`, with the password from `other` when it has only the same user's name."""
    if login.password is None and other is not None and other.username in ("", login.username):
        return replace(login, password=other.password, source=other.source)
    return login
