"""Trusted publishing: a short-lived token for an upload, given to a CI job that can show who it is.

    1. the index says for whom the job's identity must be made out, its audience: `/_/oidc/audience`
    2. the service that the job runs in makes out that identity, an OpenID Connect token
    3. the index gives a token for uploads in return: `/_/oidc/mint-token`

Source: "Trusted publishers, internals" in the documentation of PyPI
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import aiohttp

from dxpy_async.errors import TrustedPublishingFailed
from dxpy_async.index.transport import Body, Reply, TransientFault, Transport
from dxpy_async.index.upload_answers import reason_in

_ANSWER_BYTES = 1024**2
_PATIENCE = 30.0
_GITHUB = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")


class _Reply(NamedTuple):
    status: int
    content: Mapping[str, Any]
    """The JSON object; empty when it is none."""
    words: str


def is_supported(environ: Mapping[str, str]) -> bool:
    """Whether this runs in a job of a service that makes out identities: GitHub Actions and GitLab CI/CD."""
    return environ.get("GITHUB_ACTIONS") == "true" or environ.get("GITLAB_CI") == "true"


class TrustedPublishing:
    """Gets a token for uploads to `upload_url` in a job whose variables are `environ`; all raise its own error."""

    def __init__(self, transport: Transport, upload_url: str, environ: Mapping[str, str], *, attempts: int) -> None:
        self._transport, self._environ, self._attempts = transport, environ, attempts
        parts = urlsplit(upload_url)
        self._index = f"{parts.scheme}://{parts.netloc}"

    async def token(self) -> str:
        """The token for uploads."""
        if not is_supported(self._environ):
            raise TrustedPublishingFailed(
                "trusted publishing works in jobs of GitHub Actions and GitLab CI/CD, and this is neither",
                hints=("log in with `--token`, or with `--username` and `--password`",),
            )
        audience = self._text(await self._get(f"{self._index}/_/oidc/audience"), "audience", self._index)
        identity = await self._identity(audience)
        answer = await self._send(
            "POST",
            f"{self._index}/_/oidc/mint-token",
            body=json.dumps({"token": identity}).encode(),
            headers={"Content-Type": "application/json"},
            secrets=(identity,),
        )
        return self._text(answer, "token", self._index)

    async def _identity(self, audience: str) -> str:
        if self._environ.get("GITHUB_ACTIONS") != "true":
            return self._of_gitlab(audience)
        url, token = (self._environ.get(name, "") for name in _GITHUB)
        if not url or not token:
            raise TrustedPublishingFailed(
                f"this job of GitHub Actions may not say who it is: {_GITHUB[0]} and {_GITHUB[1]} are not set",
                hints=("give the job `permissions: { id-token: write }`",),
            )
        asked = f"{url}{'&' if urlsplit(url).query else '?'}audience={quote(audience, safe='')}"
        answer = await self._get(asked, headers={"Authorization": f"bearer {token}"}, secrets=(token,))
        return self._text(answer, "value", "GitHub Actions")

    def _of_gitlab(self, audience: str) -> str:
        name = f"{''.join(each if each.isalnum() else '_' for each in audience).upper()}_ID_TOKEN"
        if not (token := self._environ.get(name)):
            raise TrustedPublishingFailed(
                f"this job of GitLab CI/CD does not say who it is: {name} is not set",
                hints=(f"give the job `id_tokens: {{ {name}: {{ aud: {audience} }} }}`",),
            )
        return token

    async def _get(self, url: str, headers: Mapping[str, str] | None = None, secrets: tuple[str, ...] = ()) -> _Reply:
        return await self._send("GET", url, headers=headers or {}, secrets=secrets)

    async def _send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None, secrets: tuple[str, ...]
    ) -> _Reply:
        """One request; a second attempt is made where the first did no harm. Redirects are not followed."""
        place = url.partition("?")[0]

        async def receive(reply: Reply) -> _Reply:
            content = await reply.start(_ANSWER_BYTES)
            kind = reply.headers.get("Content-Type", "")
            words = reason_in(reply.status, reply.phrase, kind, content, secrets=secrets)
            if reply.status >= 500:
                raise TransientFault(f"answered with status {reply.status}: {words}".rstrip(": "))
            return _Reply(reply.status, _object(content), words)

        for attempt in range(1, self._attempts + 1):
            try:
                return await self._transport.send(
                    method, url, receive, body=_payload(body), headers=headers, login=None, patience=_PATIENCE
                )
            except TransientFault as fault:
                if attempt == self._attempts or (fault.reached and method != "GET"):
                    raise TrustedPublishingFailed(f"`{place}` {fault.reason}") from fault
        raise AssertionError("the last attempt answers or raises")

    def _text(self, answer: _Reply, key: str, whose: str) -> str:
        found = answer.content.get(key)
        if answer.status == 200 and isinstance(found, str) and found:
            return found
        if answer.status == 404:
            raise TrustedPublishingFailed(f"`{whose}` has no trusted publishing")
        said = f"status {answer.status}{f': {answer.words}' if answer.status != 200 and answer.words else ''}"
        raise TrustedPublishingFailed(
            f"`{whose}` gave no {'identity' if key == 'value' else key} for trusted publishing ({said})",
            hints=(f"look whether `{whose}` knows this repository, workflow and environment as a publisher",),
        )


def _payload(body: bytes | None) -> Body | None:
    return (lambda _: aiohttp.BytesPayload(body)) if body is not None else None


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
