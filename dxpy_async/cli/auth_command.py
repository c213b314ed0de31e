"""`dxpy auth`: logins that are kept for the user."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Iterable

from dxpy_async.cli.context import project_around, settings_of
from dxpy_async.cli.event_loop import run_loop
from dxpy_async.cli.output import Output
from dxpy_async.core.logins import TOKEN_USER, Login
from dxpy_async.core.settings import KeyringProvider, Settings
from dxpy_async.engine.credential_store import CredentialStore, StoredLogin
from dxpy_async.errors import UsageError
from dxpy_async.index.kept_logins import goes_in_clear, service_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.cli.json_documents import AuthLoginsDocument


def run(arguments: argparse.Namespace, output: Output) -> int:
    with settings_of(arguments, project_around(arguments)) as settings:
        store = CredentialStore(settings)
        match arguments.action:
            case "login":
                _login(arguments, store, settings, output)
            case "logout":
                gone = run_loop(lambda: store.logout(arguments.service, arguments.username))
                output.say(f"Logged out of {gone.service}")
                output.document(_document([gone]))
            case "list":
                _list(store, output)
            case "token":
                found = run_loop(lambda: store.token(arguments.service, arguments.username))
                output.data(found.password or "")
            case _:
                output.path(str(store.file.parent))
    return 0


def _login(arguments: argparse.Namespace, store: CredentialStore, settings: Settings, output: Output) -> None:
    login = _asked_for(arguments)
    kept = run_loop(lambda: store.login(arguments.service, login))
    if goes_in_clear(kept.service):
        output.warn(f"`{kept.service}` is not https: the password can be read by everybody on the way there")
    if not kept.in_keyring and settings.credentials.keyring is not KeyringProvider.DISABLED and store.keyring_trouble:
        output.warn(f"the keyring is not used: {store.keyring_trouble}")
    place = "the keyring" if kept.in_keyring else f"`{store.file}`"
    output.say(f"Logged in to {kept.service}; the password is in {place}")
    output.document(_document([kept]))


def _asked_for(arguments: argparse.Namespace) -> Login:
    """The login that flags, the service's address, stdin and, where somebody is there, prompts give."""
    in_address = service_of(arguments.service).login if "@" in arguments.service else None
    if in_address is not None:
        if arguments.username or arguments.password or arguments.token:
            raise UsageError("the address of the service has a user already, and flags give another")
        arguments.username, arguments.password = in_address.username, in_address.password
    if arguments.token is not None:
        if arguments.username not in (None, TOKEN_USER):
            raise UsageError("`--token` stands for user and password: it goes with no `--username`")
        return Login(TOKEN_USER, _read(arguments.token, "--token"))
    username, password = arguments.username, arguments.password
    if username is None and password is None:
        _check_that_somebody_is_there()
        username = _answer_to("Username (empty for a token): ")
    if password is None:
        _check_that_somebody_is_there()
        password = getpass.getpass("Password: " if username else "Token: ", sys.stderr)
    return Login(username or TOKEN_USER, _read(password, "--password"))


def _read(given: str, flag: str) -> str:
    """What was given for a flag, or stands in the first line of stdin."""
    secret = sys.stdin.readline().rstrip("\r\n") if given == "-" else given
    if not secret:
        raise UsageError(f"`{flag}` is empty", hints=(f"`{flag} -` reads it from stdin",))
    return secret


def _check_that_somebody_is_there() -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            "there is no password, and nobody to be asked for one",
            hints=("`--token -`, or `--username NAME --password -`, reads it from stdin",),
        )


def _answer_to(prompt: str) -> str:
    """A line from stdin; what is asked goes to stderr, beside all else that is said to people."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _list(store: CredentialStore, output: Output) -> None:
    logins = run_loop(store.logins)
    output.document(_document(logins))
    if not logins:
        output.say("There are no logins: `dxpy auth login SERVICE` keeps one")
        return
    width = max(len(login.service) for login in logins)
    output.data(
        "\n".join(
            f"{login.service:{width}}  {login.username}  ({'keyring' if login.in_keyring else 'file'})"
            for login in logins
        )
    )


def _document(logins: Iterable[StoredLogin]) -> AuthLoginsDocument:
    return {
        "schema": "dxpy/auth-logins/1",
        "logins": [
            {"service": login.service, "username": login.username, "place": "keyring" if login.in_keyring else "file"}
            for login in logins
        ],
    }
