"""An index on the loopback interface that takes uploads: what it was sent is kept, and it fails as it is told.

    async with UploadIndex() as index:
        index.trouble(503)    # for the next upload; then all is well
        ... index.upload_url, index.simple_url, index.uploads ...

It speaks the protocol of trusted publishing as well, for itself and for the service that a CI job runs in.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import BasicAuth, web


@dataclass(frozen=True, slots=True)
class Upload:
    """A form as it came in: its fields, each with all its values, and the file."""

    fields: Mapping[str, list[str]]
    filename: str
    content: bytes
    login: tuple[str, str] | None
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What becomes of an upload. `keeps`: the index has the file all the same; `status` 0: it hangs up, unanswered.

    `unread`: it answers without having read what it is sent.
    """

    status: int
    text: str = ""
    content_type: str = "text/plain"
    reason: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    keeps: bool = False
    unread: bool = False


class UploadIndex:
    """`uploads` is all that came in, `files` what the index has, `troubles` what becomes of the next uploads.

    With a `token`, nothing else is let in. `audience` and `identities` are for trusted publishing: whom it mints for.
    """

    def __init__(self, *, token: str | None = None) -> None:
        self.token, self.audience, self.identities = token, "testpypi", {"identity of the job"}
        self.uploads: list[Upload] = []
        self.files: dict[str, bytes] = {}
        self.troubles: list[Trouble] = []
        self.minting: list[Mapping[str, Any]] = []
        self.job_requests: list[web.Request] = []
        self.is_private = False
        """Whether pages are for those alone who may upload."""
        self.other_hashes: dict[str, str] = {}
        """What pages say of files, in place of the truth."""

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=2**30)
        app.add_routes(
            [
                web.post("/legacy/", self._upload),
                web.get("/simple/{project}/", self._page),
                web.get("/files/{name}", self._file),
                web.get("/_/oidc/audience", self._audience),
                web.post("/_/oidc/mint-token", self._mint),
                web.get("/job/token", self._job),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.origin = f"http://127.0.0.1:{port}"
        self.upload_url, self.simple_url = f"{self.origin}/legacy/", f"{self.origin}/simple/"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def trouble(self, status: int, **facts: Any) -> None:
        """What becomes of the next upload for which nothing was said."""
        self.troubles.append(Trouble(status=status, **facts))

    @property
    def names(self) -> list[str]:
        """The names of the files that came in, in order."""
        return [upload.filename for upload in self.uploads]

    async def _upload(self, request: web.Request) -> web.Response:
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble is not None and trouble.unread:
            return _answer(trouble, request)
        upload = await _form_in(request)
        self.uploads.append(upload)
        if trouble is not None:
            if trouble.keeps:
                self.files[upload.filename] = upload.content
            return _answer(trouble, request)
        if self.token is not None and upload.login != ("__token__", self.token):
            return web.Response(status=403, text="Invalid or non-existent authentication information.")
        if self.files.setdefault(upload.filename, upload.content) != upload.content:
            return web.Response(status=400, text="File already exists. See the help.")
        return web.Response(text="")

    async def _page(self, request: web.Request) -> web.Response:
        if self.is_private and _login_of(request) != ("__token__", self.token):
            return web.Response(status=401)
        project = request.match_info["project"]
        files = {
            name: self.other_hashes.get(name, f"sha256={hashlib.sha256(content).hexdigest()}")
            for name, content in self.files.items()
            if name.startswith(f"{project}-")
        }
        if not files:
            raise web.HTTPNotFound
        links = "".join(f'<a href="/files/{name}#{digest}">{name}</a>' for name, digest in files.items())
        return web.Response(text=f"<!DOCTYPE html><html><body>{links}</body></html>", content_type="text/html")

    async def _file(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["name"]])

    async def _audience(self, request: web.Request) -> web.Response:
        if not self.audience:
            raise web.HTTPNotFound
        return web.json_response({"audience": self.audience})

    async def _mint(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.minting.append(asked)
        if asked.get("token") not in self.identities:
            errors = [{"code": "invalid-publisher", "description": "valid token, but no corresponding publisher"}]
            return web.json_response({"message": "Token request failed", "errors": errors}, status=422)
        return web.json_response({"success": True, "token": self.token})

    async def _job(self, request: web.Request) -> web.Response:
        self.job_requests.append(request)
        if request.headers.get("Authorization") != "bearer of the job" or request.query["audience"] != self.audience:
            return web.Response(status=403, text="no")
        return web.json_response({"value": "identity of the job"})

    @property
    def github(self) -> dict[str, str]:
        """The variables of a job that may say who it is."""
        return {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.origin}/job/token?api-version=2",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of the job",
        }


def _answer(trouble: Trouble, request: web.Request) -> web.Response:
    if not trouble.status and request.transport is not None:
        request.transport.abort()
    return web.Response(
        status=trouble.status or 500,
        text=trouble.text,
        content_type=trouble.content_type,
        reason=trouble.reason,
        headers=trouble.headers,
    )


async def _form_in(request: web.Request) -> Upload:
    form = await request.post()
    fields: dict[str, list[str]] = {}
    filename, content = "", b""
    for name, value in form.items():
        if isinstance(value, web.FileField):
            assert name == "content"
            filename, content = value.filename, value.file.read()
            value.file.close()
        else:
            fields.setdefault(name, []).append(str(value))
    return Upload(fields, filename, content, _login_of(request), dict(request.headers))


def _login_of(request: web.Request) -> tuple[str, str] | None:
    header = request.headers.get("Authorization")
    login = BasicAuth.decode(header, "utf-8") if header is not None else None
    return (login.login, login.password) if login is not None else None


@contextmanager
def running_upload_index(index: UploadIndex) -> Iterator[UploadIndex]:
    """`index` in a thread, for commands."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(index.__aenter__(), loop).result(10)
        yield index
    finally:
        asyncio.run_coroutine_threadsafe(index.__aexit__(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def attestation(filename: str, content: bytes, **other: object) -> str:
    """An attestation of a file, as far as can be told without knowing whom to trust; `other` facts replace its own."""
    subject = {"name": filename, "digest": {"sha256": hashlib.sha256(content).hexdigest()}}
    statement = {"_type": "https://in-toto.io/Statement/v1", "subject": [subject], "predicate": None}
    envelope = {"statement": base64.b64encode(json.dumps(statement).encode()).decode(), "signature": "c2lnbmVk"}
    material = {"certificate": "Y2VydA==", "transparency_entries": [{}]}
    return json.dumps({"version": 1, "verification_material": material, "envelope": envelope, **other})
