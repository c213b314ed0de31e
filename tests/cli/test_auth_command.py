"""`dxpy auth`: logins are kept, used, listed and forgotten, and passwords shown to nobody who has not asked."""

from __future__ import annotations

import json
import os
import pty
import stat
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from command import Command, Result, write_project
from index_server import LoopbackIndex
from json_schemas import document_in

from dxpy_async.cli import program

pytestmark = pytest.mark.slow

SERVICE = "https://packages.example.org/team/simple"


@pytest.fixture
def config(dxpy: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where logins are kept; and there is no keyring."""
    dxpy.environ |= {"DXPY_CREDENTIALS_DIR": str(tmp_path / "config"), "PATH": "/usr/bin:/bin"}
    dxpy.environ["NETRC"] = str(tmp_path / "no-netrc")
    for name, value in dxpy.environ.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "config"


Auth = Callable[..., Result]


@pytest.fixture
def auth(config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Auth:
    """`dxpy auth …` in this process."""
    monkeypatch.setattr("sys.stdin", StringIO())

    def run(arguments: str, cwd: Path = tmp_path) -> Result:
        monkeypatch.chdir(cwd)
        code = program.run(["auth", *arguments.split()])
        return Result(code, *capsys.readouterr())

    return run


def kept(config: Path) -> list[dict[str, str]]:
    logins: list[dict[str, str]] = json.loads((config / "logins.json").read_text())["logins"]
    return logins


def test_a_login_is_kept_for_the_user_alone_and_used(
    dxpy: Command, auth: Auth, index: LoopbackIndex, config: Path, tmp_path: Path
) -> None:
    index.credentials = ("me", "secret")
    root = write_project(tmp_path / "p", "safe")
    refused = dxpy("lock", root)
    assert refused.code == 2
    assert refused.err.endswith(f"\n\nhint: log in with `dxpy auth login {index.url}`\n")
    assert auth(f"login {index.url} -u me --password secret", root) == Result(
        0, "", f"Logged in to {index.origin}; the password is in `{config / 'logins.json'}`\n"
    )
    assert stat.S_IMODE((config / "logins.json").stat().st_mode) == 0o600
    assert dxpy("lock", root).code == 0
    assert auth("list", root) == Result(0, f"{index.origin}  me  (file)\n", "")
    assert auth(f"token {index.url}", root) == Result(0, "secret\n", "")
    assert auth(f"logout {index.url}", root) == Result(0, "", f"Logged out of {index.origin}\n")
    assert kept(config) == []
    assert auth("list", root).err == "There are no logins: `dxpy auth login SERVICE` keeps one\n"


def test_an_index_can_be_called_by_its_name(auth: Auth, config: Path, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", more=f'[[tool.dxpy.index]]\nname = "ours"\nurl = "{SERVICE}"\n')
    assert auth("login ours --token secret", root).code == 0
    assert kept(config) == [{"service": SERVICE.removesuffix("/simple"), "username": "__token__", "password": "secret"}]
    assert auth("token ours", root).out == "secret\n"
    assert auth(f"token {SERVICE}").out == "secret\n"
    assert auth("token packages.example.org").code == 1


def test_users_of_one_service_and_new_passwords(auth: Auth, config: Path) -> None:
    for user, password in (("a", "1"), ("b", "2"), ("a", "3")):
        assert auth(f"login h.test -u {user} --password {password}").code == 0
    assert [(each["username"], each["password"]) for each in kept(config)] == [("a", "3"), ("b", "2")]
    assert auth("token h.test -u b").out == "2\n"
    several = auth("logout h.test")
    assert several == Result(
        2, "", "error: several users are logged in to `https://h.test`: `a`, `b`\n\nhint: say which, `-u NAME`\n"
    )
    assert auth("logout h.test -u a").code == 0
    assert [each["username"] for each in kept(config)] == ["b"]
    assert auth("logout other.test") == Result(
        1, "", "error: there is no login for `https://other.test`\n\nhint: there are logins for `https://h.test`\n"
    )


def test_documents_tell_of_logins_and_not_of_passwords(auth: Auth, config: Path) -> None:
    entry = {"service": "https://h.test", "username": "me", "place": "file"}
    for arguments in ("login h.test -u me --password secret", "list", "logout h.test"):
        ended = auth(f"{arguments} --output-format json")
        assert document_in(ended.out, "auth-logins") == {"schema": "dxpy/auth-logins/1", "logins": [entry]}
        assert "secret" not in ended.out + ended.err
    assert document_in(auth("dir --output-format json").out, "path")["path"] == str(config)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("login h.test", "there is no password, and nobody to be asked for one"),
        ("login h.test -u me", "there is no password, and nobody to be asked for one"),
        ("login h.test -u me --token secret", "`--token` stands for user and password"),
        ("login h.test --token -", "`--token` is empty"),
        ("login https://me:secret@h.test -u you", "the address of the service has a user already"),
        ("login ftp://h.test --token secret", "`ftp://h.test` is not a service that dxpy logs in to"),
        ("login https://h.test:port --token secret", "the service has an address that is none"),
        ("login h.test --password secret --token secret", "not allowed with argument"),
    ],
)
def test_what_makes_no_sense_is_refused_without_the_secret(auth: Auth, config: Path, arguments: str, told: str) -> None:
    ended = auth(f"{arguments}")
    assert ended.code == 2
    assert told in ended.err
    assert "secret" not in ended.err
    assert not (config / "logins.json").exists()


def test_a_login_in_the_address_and_plain_http(auth: Auth, config: Path) -> None:
    ended = auth("login http://me:secret@h.test:8080")
    assert ended.code == 0
    assert ended.err.startswith("warning: `http://h.test:8080` is not https: the password can be read by everybody")
    assert kept(config) == [{"service": "http://h.test:8080", "username": "me", "password": "secret"}]


def test_a_damaged_file_is_left_as_it_is(auth: Auth, config: Path) -> None:
    config.mkdir()
    (config / "logins.json").write_text('{"version": 9}')
    ended = auth("login h.test --token secret")
    assert ended.code == 2
    assert "has the version 9, and this dxpy reads 1" in ended.err
    assert (config / "logins.json").read_text() == '{"version": 9}'


KEYRING = """#!/bin/sh
case "$1" in
  set) {keeping} ;;
  get) cat "$0-$3" 2>/dev/null || exit 1; echo ;;
  del) rm "$0-$3" ;;
esac
"""


@pytest.mark.parametrize("keeping", ['cat > "$0-$3"', "cat > /dev/null", "echo locked >&2; exit 1"])
def test_the_keyring_has_the_password_where_there_is_one(
    auth: Auth, config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, keeping: str
) -> None:
    """One that works, one that lets passwords fall, one that fails."""
    works = "-$3" in keeping
    keyring = tmp_path / "bin/keyring"
    keyring.parent.mkdir()
    keyring.write_text(KEYRING.format(keeping=keeping))
    keyring.chmod(0o755)
    monkeypatch.setenv("PATH", f"{keyring.parent}:/usr/bin:/bin")
    ended = auth("login h.test -u me --password secret")
    place = "the keyring" if works else f"`{config / 'logins.json'}`"
    assert ended.err.endswith(f"Logged in to https://h.test; the password is in {place}\n")
    assert ("the keyring is not used: the program `keyring` says: locked" in ended.err) is ("locked" in keeping)
    assert ("password" in kept(config)[0]) is not works
    assert auth("token h.test").out == "secret\n"
    assert (tmp_path / "bin/keyring-me").exists() is works
    assert auth("logout h.test").code == 0
    assert not (tmp_path / "bin/keyring-me").exists()
    off = auth("login h.test -u me --password secret --keyring-provider disabled")
    assert off.err == f"Logged in to https://h.test; the password is in `{config / 'logins.json'}`\n"


def test_a_password_for_the_keyring_goes_into_no_file(auth: Auth, config: Path) -> None:
    result = auth("login h.test --token secret --keyring-provider subprocess")
    assert result.code == 2
    assert result.err == (
        "error: the password for `https://h.test` is to be in the keyring, and is not: "
        "there is no program `keyring` on PATH\n\n"
        "hint: without `--keyring-provider subprocess` it goes into a file that only you can read\n"
    )
    assert not (config / "logins.json").exists()


def test_somebody_at_a_terminal_is_asked_and_not_echoed(dxpy: Command, config: Path, tmp_path: Path) -> None:
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tmp_path)
        os.execve(sys.executable, [sys.executable, "-m", "dxpy_async", "auth", "login", "h.test"], dxpy.environ)
    shown = b""
    for asked, given in ((b"Username (empty for a token): ", b"me\n"), (b"Password: ", b"secret\n")):
        while asked not in shown:
            shown += os.read(terminal, 1024)
        os.write(terminal, given)
    while b"Logged in" not in shown:
        shown += os.read(terminal, 1024)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(terminal)
    assert b"secret" not in shown
    assert kept(config) == [{"service": "https://h.test", "username": "me", "password": "secret"}]
