"""Settings of `dxpy publish`; the later wins: defaults, [tool.dxpy], environment variables, flags.

setting              [tool.dxpy]                   variable                    flag
upload address       publish-url                   DXPY_PUBLISH_URL            publish_url
… and check, by name [[index]] name, publish-url   DXPY_PUBLISH_INDEX          publish_index
index to check       check-url                     DXPY_PUBLISH_CHECK_URL      check_url
user                                               DXPY_PUBLISH_USERNAME       username
password                                           DXPY_PUBLISH_PASSWORD       password
token                                              DXPY_PUBLISH_TOKEN          token
trusted publishing   trusted-publishing            DXPY_TRUSTED_PUBLISHING     trusted_publishing
no attestations                                    DXPY_PUBLISH_NO_ATTESTATIONS no_attestations
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from dxpy_async.core.dataclass import dataclass, field
from dxpy_async.core.logins import TOKEN_USER, Login
from dxpy_async.core.settings import PYPI_SIMPLE_URL, PYPI_UPLOAD_URL, TrustedPublishingUse
from dxpy_async.errors import UsageError
from dxpy_async.project.pyproject import Project
from dxpy_async.project.settings import configured_table, switched_on
from dxpy_async.project.tool_table import NamedIndex, ToolTable
from dxpy_async.project.uv_variables import with_uv

PUBLISH_FLAGS = ("publish_index", "publish_url", "check_url", "trusted_publishing")
"""The flags that say where to publish, and how one is known there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishSettings:
    """Where distributions are published, and as whom. Addresses may have a login in them, which is never shown."""

    upload_url: str = field(default=PYPI_UPLOAD_URL, repr=False)
    check_url: str | None = field(default=None, repr=False)
    """The index whose pages tell what is there already; None: nothing is looked up before an upload."""
    login: Login | None = None
    """Who publishes; None leaves it to trusted publishing, and then to the logins that are known for the address."""
    trusted_publishing: TrustedPublishingUse = TrustedPublishingUse.AUTOMATIC
    attestations: bool = True

    @property
    def page_url(self) -> str | None:
        """The index that can be asked whether an upload came to its end when its answer did not."""
        if self.check_url is None and self.upload_url == PYPI_UPLOAD_URL:
            return PYPI_SIMPLE_URL
        return self.check_url


def publish_settings(
    flags: Mapping[str, object], environ: Mapping[str, str], project: Project | None, *, directory: Path | None = None
) -> PublishSettings:
    """Merge what is given. Raises UsageError, naming the flag or variable."""
    environ = with_uv(environ)
    configured = not (flags.get("no_config") or switched_on(environ, "DXPY_NO_CONFIG"))
    tool = configured_table(flags, environ, project, directory) if configured else ToolTable()
    upload_url, check_url = _addresses(flags, environ, tool)
    trusted = _given(flags, environ, "trusted_publishing", "DXPY_TRUSTED_PUBLISHING")
    return PublishSettings(
        upload_url=upload_url,
        check_url=check_url,
        login=_login(flags, environ),
        trusted_publishing=_use(trusted) if trusted else tool.trusted_publishing or TrustedPublishingUse.AUTOMATIC,
        attestations=not (flags.get("no_attestations") is True or switched_on(environ, "DXPY_PUBLISH_NO_ATTESTATIONS")),
    )


def _given(flags: Mapping[str, object], environ: Mapping[str, str], flag: str, variable: str) -> str | None:
    value = flags.get(flag) or environ.get(variable)
    return str(value) if value else None


def _addresses(flags: Mapping[str, object], environ: Mapping[str, str], tool: ToolTable) -> tuple[str, str | None]:
    """Where to upload, and the index to look into."""
    url = _given(flags, environ, "publish_url", "DXPY_PUBLISH_URL")
    check = _given(flags, environ, "check_url", "DXPY_PUBLISH_CHECK_URL")
    name = _given(flags, {} if url else environ, "publish_index", "DXPY_PUBLISH_INDEX")
    if name is not None:
        if url is not None and flags.get("publish_url"):
            raise UsageError("`--index` and `--publish-url` both say where to publish", hints=("give one of them",))
        index = _index_called(name, tool)
        url, check = index.publish_url, check or index.url
    found = url or tool.publish_url or PYPI_UPLOAD_URL
    if check is None and url is None:
        check = tool.check_url
    check_upload_url(found)
    if check is not None:
        check_checked_index(check)
    return found, check


def _index_called(name: str, tool: ToolTable) -> NamedIndex:
    """The index of that name, if it says where to upload to."""
    named = {index.name: index for index in tool.named_indexes}
    if name not in named:
        known = ", ".join(f"`{each}`" for each in named)
        raise UsageError(
            f"there is no index called `{name}`",
            hints=(f"there is {known}" if known else "name one in a table [[tool.dxpy.index]], with a `publish-url`",),
        )
    if not named[name].publish_url:
        raise UsageError(
            f"the index `{name}` does not say where to upload to",
            hints=('give its table a `publish-url = "https://…"`',),
        )
    return named[name]


def check_upload_url(url: str) -> None:
    """Raises UsageError unless distributions can be sent to `url`."""
    _check_url(url, "the address to publish to")


def check_checked_index(url: str) -> None:
    """Raises UsageError unless `url` can be the index to look into; without a scheme it is a directory."""
    if "://" in url:
        _check_url(url, "the index to check", ("http", "https", "file"))


def _check_url(url: str, what: str, schemes: tuple[str, ...] = ("http", "https")) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UsageError(f"{what} is none: {error}") from error
    if parts.scheme not in schemes or not (parts.hostname or parts.scheme == "file"):
        raise UsageError(f"{what} must begin with {' or '.join(f'{each}://' for each in schemes)}")


def _login(flags: Mapping[str, object], environ: Mapping[str, str]) -> Login | None:
    """Who publishes, as flags and variables have it; a flag wins over the variables of the other way."""
    token = _given(flags, environ, "token", "DXPY_PUBLISH_TOKEN")
    username = _given(flags, environ, "username", "DXPY_PUBLISH_USERNAME")
    password = _given(flags, environ, "password", "DXPY_PUBLISH_PASSWORD")
    if flags.get("token") and (flags.get("username") or flags.get("password")):
        raise UsageError("`--token` takes the place of `--username` and `--password`", hints=("give one of them",))
    if flags.get("username") or flags.get("password"):
        token = None
    if token:
        return Login(TOKEN_USER, token, _source(flags, "token", "DXPY_PUBLISH_TOKEN"))
    if password:
        return Login(username or TOKEN_USER, password, _source(flags, "password", "DXPY_PUBLISH_PASSWORD"))
    return Login(username, None, _source(flags, "username", "DXPY_PUBLISH_USERNAME")) if username else None


def _source(flags: Mapping[str, object], flag: str, variable: str) -> str:
    return f"`--{flag}`" if flags.get(flag) else variable


def _use(text: str) -> TrustedPublishingUse:
    try:
        return TrustedPublishingUse(text)
    except ValueError as error:
        known = ", ".join(TrustedPublishingUse)
        raise UsageError(f"trusted publishing is `{text}`", hints=(f"it can be {known}",)) from error
