"""Logins that dxpy keeps for a user, for programs and for `dxpy auth`."""

from __future__ import annotations

import os
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.logins import Login
from dxpy_async.core.settings import KeyringProvider, Settings
from dxpy_async.engine.events import ignore
from dxpy_async.engine.holding import held
from dxpy_async.errors import NotLoggedIn, StoreError, UsageError
from dxpy_async.formats.login_file import KeptLogin, write_login_file
from dxpy_async.index.credentials import Credentials
from dxpy_async.index.kept_logins import read_kept_logins, service_of
from dxpy_async.index.keyring_program import KeyringProgram
from dxpy_async.project.replacing import replace_file
from dxpy_async.project.settings import load_settings
from dxpy_async.store.locks import FileLock

_MODE = 0o600
"""For the user alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLogin:
    """That a login is kept: for all addresses that begin with `service`, its password in the keyring or in the file."""

    service: str
    username: str
    in_keyring: bool


class CredentialStore:
    """The logins that dxpy keeps. Safe for any number of tasks at once, and beside other processes.

        store = CredentialStore(settings)
        await store.login("https://packages.example.org/simple", Login("me", "secret"))
        await store.logout("packages.example.org")

    A service is an address, a host, or the name of an index in `settings`. Passwords go into the system's keyring, by
    the program `keyring`, where there is one, else into a file that nobody else can read. Without `settings` those of
    the environment variables and defaults hold. All methods raise UsageError for a service that is none,
    InvalidLoginFile and StoreError.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or load_settings({}, os.environ, None, directory=Path.cwd())
        self._keyring = KeyringProgram(self._settings.credentials.search_path)

    @property
    def file(self) -> Path:
        """Where logins are kept, with those passwords that the keyring has not."""
        if self._settings.credentials.kept is None:
            raise StoreError("no place is set where logins could be kept")
        return Path(self._settings.credentials.kept)

    @property
    def keyring_trouble(self) -> str | None:
        """Why the keyring did not take a password, as a sentence."""
        return self._keyring.trouble

    async def login(self, service: str, login: Login) -> StoredLogin:
        """Keep `login` for `service`, in place of one of the same user.

        Raises StoreError when settings ask for the keyring, and that does not take it.
        """
        if not login.password:
            raise UsageError(f"a login for `{service}` needs a password or a token")
        public = self._service(service)
        async with self._changing():
            in_keyring = await self._kept_in_keyring(public, login.username, login.password)
            if not in_keyring and self._settings.credentials.keyring is KeyringProvider.SUBPROCESS:
                raise StoreError(
                    f"the password for `{public}` is to be in the keyring, and is not: "
                    f"{self._keyring.trouble or 'the program `keyring` does not have it afterwards'}",
                    hints=("without `--keyring-provider subprocess` it goes into a file that only you can read",),
                )
            new = KeptLogin(public, login.username, None if in_keyring else login.password)
            others = [each for each in self._kept() if (each.service, each.username) != (public, login.username)]
            self._write((new, *others))
        return _stored(new)

    async def logout(self, service: str, username: str | None = None) -> StoredLogin:
        """Forget the login for `service`. Raises NotLoggedIn, and UsageError when it is of one of several users."""
        public = self._service(service)
        async with self._changing():
            kept = self._kept()
            meant = [each for each in kept if each.service == public and username in (None, each.username)]
            if not meant:
                known = ", ".join(f"`{each}`" for each in dict.fromkeys(each.service for each in kept))
                raise NotLoggedIn(public, username=username, hints=(f"there are logins for {known}",) if known else ())
            if len(meant) > 1:
                users = ", ".join(f"`{each.username}`" for each in meant)
                raise UsageError(f"several users are logged in to `{public}`: {users}", hints=("say which, `-u NAME`",))
            if meant[0].password is None:
                await self._keyring.remove(public, meant[0].username)
            self._write(tuple(each for each in kept if each is not meant[0]))
        return _stored(meant[0])

    async def logins(self) -> tuple[StoredLogin, ...]:
        """All that are kept, the newest first."""
        return tuple(map(_stored, self._kept()))

    async def token(self, service: str, username: str | None = None) -> Login:
        """The login that requests to `service` would be sent with, wherever it comes from. Raises NotLoggedIn."""
        index = self._named(service)
        url = index if index is not None else service_of(service).public
        found = await Credentials(self._settings.credentials, self._settings.indexes).find(url, username=username)
        if found is None or not found.password:
            trouble = self._keyring.trouble
            login_hint = f"log in with `dxpy auth login {service_of(url)}`"
            raise NotLoggedIn(
                str(service_of(url)), username=username, hints=(login_hint, *([trouble] if trouble else []))
            )
        return found

    def _service(self, service: str) -> str:
        return service_of(self._named(service) or service).public

    def _named(self, name: str) -> str | None:
        """The address of the index of that name."""
        return next((url for url, its in self._settings.indexes.names.items() if its == name), None)

    def _kept(self) -> tuple[KeptLogin, ...]:
        return read_kept_logins(self.file)

    async def _kept_in_keyring(self, service: str, username: str, password: str) -> bool:
        """Put a password into the keyring; whether it is there now, which some say of what they let fall."""
        provider = self._settings.credentials.keyring
        is_wanted = provider is KeyringProvider.SUBPROCESS or self._keyring.path is not None
        if provider is KeyringProvider.DISABLED or not is_wanted:
            return False
        if not await self._keyring.put(service, username, password):
            return False
        found = await self._keyring.login(service, username)
        return found is not None and found.password == password

    def _changing(self) -> AbstractAsyncContextManager[None]:
        directory = self.file.parent
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"`{directory}`, where logins are kept, cannot be made: {error.strerror}") from error
        return held(FileLock(directory, is_directory=True), "another process that changes logins", ignore)

    def _write(self, logins: tuple[KeptLogin, ...]) -> None:
        try:
            replace_file(self.file, write_login_file(logins), mode=_MODE)
        except OSError as error:
            raise StoreError(f"the logins in `{self.file}` cannot be written: {error.strerror}") from error


def _stored(login: KeptLogin) -> StoredLogin:
    return StoredLogin(service=login.service, username=login.username, in_keyring=login.password is None)
