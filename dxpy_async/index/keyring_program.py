"""Passwords of the system's keyring, by the program `keyring`.

    keyring get SERVICE USER                 the password
    keyring get --mode creds SERVICE         the user's name and the password, a line each (since keyring 25.2)
    keyring set SERVICE USER                 reads the password from its input
    keyring del SERVICE USER

No password is ever an argument, which everybody on the machine could see.

Source: https://keyring.readthedocs.io/
"""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import NamedTuple

from dxpy_async.core.logins import Login

SOURCE = "the keyring"
TIME_LIMIT = 60.0
"""Seconds that it may take: it may ask the user to unlock the keyring."""

_SHOWN_CHARACTERS = 200


class KeyringProgram:
    """The program, as it is found in the directories of `search_path`."""

    def __init__(self, search_path: str, *, time_limit: float = TIME_LIMIT) -> None:
        self._search_path, self._time_limit = search_path, time_limit
        self.trouble: str | None = None
        """Why it did not answer, as a sentence."""

    @property
    def path(self) -> str | None:
        """Where it is; None when it is not there."""
        found = shutil.which("keyring", path=self._search_path)
        return os.path.abspath(found) if found is not None else None

    async def login(self, service: str, username: str | None) -> Login | None:
        """What the keyring has for `service`, of that user or, without a name, of any."""
        arguments = (service, username) if username is not None else ("--mode", "creds", service)
        output = await self._run("get", *arguments)
        if output is None:
            return None
        if username is not None:
            return Login(username, _without_end(output), SOURCE)
        name, _, password = output.partition("\n")
        return Login(name.rstrip("\r"), _without_end(password), SOURCE) if password else None

    async def put(self, service: str, username: str, password: str) -> bool:
        """Keep a password; whether that worked."""
        return await self._run("set", service, username, given=password) is not None

    async def remove(self, service: str, username: str) -> bool:
        """Forget a password; whether there was one."""
        return await self._run("del", service, username) is not None

    async def _run(self, *arguments: str, given: str = "") -> str | None:
        """What the program says; None when it fails, which it also does when there is no such password."""
        program = self.path
        if program is None:
            self.trouble = "there is no program `keyring` on PATH"
            return None
        try:
            ended = await self._carried_out(program, arguments, given)
        except TimeoutError:
            self.trouble = f"the program `keyring` took over {self._time_limit:g} seconds"
            return None
        except OSError as error:
            self.trouble = f"the program `{program}` cannot be started: {error.strerror}"
            return None
        if ended.code:
            self.trouble = f"the program `keyring` says: {_last_line(ended.complaint)}" if ended.complaint else None
            return None
        return ended.output.decode("utf-8", "replace")

    async def _carried_out(self, program: str, arguments: tuple[str, ...], given: str) -> _Ended:
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self._time_limit):
                output, complaint = await process.communicate(given.encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return _Ended(process.returncode or 0, output, complaint.strip())


class _Ended(NamedTuple):
    code: int
    output: bytes
    complaint: bytes


def _without_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")


def _last_line(complaint: bytes) -> str:
    line = complaint.decode("utf-8", "replace").splitlines()[-1][:_SHOWN_CHARACTERS]
    return "".join(each if each.isprintable() else " " for each in line)
