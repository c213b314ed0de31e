"""Every setting by name: what it comes to, and which place has said so.

Origins are told from the same places as values, nearest first; of a single value the nearest counts, of a list or
table that is put together all that say something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.settings import Settings
from dxpy_async.errors import UsageError
from dxpy_async.project.document import read_content
from dxpy_async.project.pip_settings import pip_option_origins
from dxpy_async.project.publish_settings import PublishSettings, publish_settings
from dxpy_async.project.settings import (
    SettingsPlace,
    load_settings,
    pip_files_for,
    settings_places,
    switched_on,
)
from dxpy_async.project.toml_reader import TomlReader, key_at
from dxpy_async.project.uv_variables import name_of, with_uv
from dxpy_async.resolver.hints import without_credentials

if TYPE_CHECKING:
    from dxpy_async.project.pyproject import Project

Value = str | bool | float | list[str] | dict[str, Any] | None
"""What a setting can be; nothing in it has credentials."""


class OriginKind(StrEnum):
    """What kind of place a setting comes from."""

    FLAG = "flag"
    VARIABLE = "variable"
    FILE = "file"
    PIP = "pip"
    """pip's settings."""
    DEFAULT = "default"


class Origin(NamedTuple):
    """Where a setting comes from: the flag, the variable, or the file and line; `name` is empty for a default.

    Of pip's settings `name` is pip's variable or file.
    """

    kind: OriginKind
    name: str = ""
    line: int | None = None

    def __str__(self) -> str:
        if self.kind is OriginKind.FILE:
            return self.name if self.line is None else f"{self.name}:{self.line}"
        words = {OriginKind.VARIABLE: f"variable {self.name}", OriginKind.PIP: f"pip's settings: {self.name}"}
        return words.get(self.kind, self.name or "default")


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveSetting:
    """A setting as it counts. `value` is None for what is said nowhere and has no default."""

    key: str
    value: Value
    origins: tuple[Origin, ...]

    @property
    def is_default(self) -> bool:
        return self.origins[0].kind is OriginKind.DEFAULT


class _Known(NamedTuple):
    """A setting, by its key in files, or what would be that: how to call it in flags and variables."""

    key: str
    value: Callable[[Any], object]
    """What it is in Settings or PublishSettings."""
    variable: str = ""
    flag: str = ""
    adds: bool = False
    """Whether flags and variables are added to what files say."""
    said: str = ""
    """The flag as it is written, where that is not as it is called."""


_NO_INDEX = _Known("no-index", lambda all_: not all_.indexes.index_url, "DXPY_NO_INDEX", "no_index")
_KNOWN = (
    _Known("index-url", lambda all_: all_.indexes.index_url, "DXPY_DEFAULT_INDEX", "index_url"),
    _Known("extra-index-url", lambda all_: all_.indexes.extra_index_urls, "DXPY_INDEX", "extra_index_url"),
    _Known("index-mirrors", lambda all_: all_.indexes.mirrors, "DXPY_INDEX_MIRRORS", "index_mirror", adds=True),
    _Known("index-strategy", lambda all_: all_.indexes.strategy, "DXPY_INDEX_STRATEGY", "index_strategy"),
    _Known("find-links", lambda all_: all_.indexes.find_links, "DXPY_FIND_LINKS", "find_links"),
    _NO_INDEX,
    _Known("resolution", lambda all_: all_.resolution.mode, "DXPY_RESOLUTION", "resolution"),
    _Known("prerelease", lambda all_: all_.resolution.prereleases, "DXPY_PRERELEASE", "prerelease"),
    _Known("prerelease-package", lambda all_: all_.resolution.prereleases_of, "", "prerelease_package", adds=True),
    _Known("exclude-newer", lambda all_: all_.resolution.upload_limits.general, "DXPY_EXCLUDE_NEWER", "exclude_newer"),
    _Known(
        "exclude-newer-package",
        lambda all_: all_.resolution.upload_limits.projects,
        "",
        "exclude_newer_package",
        adds=True,
    ),
    _Known(
        "constraint-dependencies",
        lambda all_: all_.resolution.amendments.constraints,
        "DXPY_CONSTRAINT",
        "constraint",
        adds=True,
    ),
    _Known(
        "override-dependencies",
        lambda all_: all_.resolution.amendments.overrides,
        "DXPY_OVERRIDE",
        "override",
        adds=True,
    ),
    _Known("exclude-dependencies", lambda all_: all_.resolution.amendments.exclusions),
    _Known("python", lambda all_: all_.python, "DXPY_PYTHON", "python"),
    _Known("python-preference", lambda all_: all_.python_preference, "DXPY_PYTHON_PREFERENCE", "python_preference"),
    _Known(
        "python-downloads",
        lambda all_: all_.python_downloads,
        "DXPY_PYTHON_DOWNLOADS",
        "python_downloads",
        said="--no-python-downloads",
    ),
    _Known("python-install-mirror", lambda all_: all_.python_mirror, "DXPY_PYTHON_INSTALL_MIRROR", "mirror"),
    _Known(
        "allow-insecure-host",
        lambda all_: all_.network.tls.insecure_hosts,
        "DXPY_INSECURE_HOST",
        "allow_insecure_host",
    ),
    _Known("keyring-provider", lambda all_: all_.credentials.keyring, "DXPY_KEYRING_PROVIDER", "keyring_provider"),
    _Known("link-mode", lambda all_: all_.link_mode, "DXPY_LINK_MODE", "link_mode"),
    _Known("compile-bytecode", lambda all_: all_.compile_bytecode, "DXPY_COMPILE_BYTECODE", "compile_bytecode"),
    _Known("allow-overwrites", lambda all_: all_.allow_overwrites, "DXPY_ALLOW_OVERWRITES", "allow_overwrites"),
    _Known("hints", lambda all_: all_.hints, "DXPY_NO_HINTS"),
    _Known("no-build", lambda all_: all_.builds.no_build, "DXPY_NO_BUILD", "no_build"),
    _Known(
        "no-build-package",
        lambda all_: all_.builds.no_build_projects,
        "DXPY_NO_BUILD_PACKAGE",
        "no_build_package",
        adds=True,
    ),
    _Known("no-binary", lambda all_: all_.builds.no_binary, "DXPY_NO_BINARY", "no_binary"),
    _Known(
        "no-binary-package",
        lambda all_: all_.builds.no_binary_projects,
        "DXPY_NO_BINARY_PACKAGE",
        "no_binary_package",
        adds=True,
    ),
    _Known(
        "no-build-isolation", lambda all_: not all_.builds.isolated, "DXPY_NO_BUILD_ISOLATION", "no_build_isolation"
    ),
    _Known(
        "no-build-isolation-package",
        lambda all_: all_.builds.not_isolated_projects,
        "",
        "no_build_isolation_package",
        adds=True,
    ),
    _Known("config-settings", lambda all_: all_.builds.config, "", "config_setting", adds=True),
    _Known("config-settings-package", lambda all_: all_.builds.config_of, "", "config_settings_package", adds=True),
    _Known(
        "build-constraint-dependencies",
        lambda all_: all_.builds.constraints,
        "DXPY_BUILD_CONSTRAINT",
        "build_constraint",
        adds=True,
    ),
    _Known("extra-build-dependencies", lambda all_: all_.builds.extra_requires),
    _Known("build-timeout", lambda all_: all_.builds.timeout, "DXPY_BUILD_TIMEOUT", "build_timeout"),
    _Known("concurrent-builds", lambda all_: all_.builds.concurrent, "DXPY_CONCURRENT_BUILDS"),
    _Known("cache-dir", lambda all_: all_.cache_dir, "DXPY_CACHE_DIR", "cache_dir"),
    _Known("offline", lambda all_: all_.network.offline, "DXPY_OFFLINE", "offline"),
    _Known("http-timeout", lambda all_: all_.network.read_timeout, "DXPY_HTTP_TIMEOUT"),
    _Known("http-connect-timeout", lambda all_: all_.network.connect_timeout, "DXPY_HTTP_CONNECT_TIMEOUT"),
    _Known("http-retries", lambda all_: all_.network.retries, "DXPY_HTTP_RETRIES"),
    _Known("concurrent-downloads", lambda all_: all_.network.connections, "DXPY_CONCURRENT_DOWNLOADS"),
    _Known("kernels", lambda all_: all_.kernels, "DXPY_KERNELS"),
)
_OF_PUBLISHING = (
    _Known("publish-url", lambda all_: all_.upload_url, "DXPY_PUBLISH_URL", "publish_url"),
    _Known("check-url", lambda all_: all_.check_url, "DXPY_PUBLISH_CHECK_URL", "check_url"),
    _Known("trusted-publishing", lambda all_: all_.trusted_publishing, "DXPY_TRUSTED_PUBLISHING", "trusted_publishing"),
)
_PUBLISH_INDEX = _Known("", lambda _: "", "DXPY_PUBLISH_INDEX", "publish_index", said="--index")
"""The index whose table says both addresses."""
_OF_PIP = ("index-url", "extra-index-url", "find-links", "no-index")


def effective_settings(
    flags: Mapping[str, object], environ: Mapping[str, str], project: Project | None, *, directory: Path
) -> tuple[EffectiveSetting, ...]:
    """All settings as they count, with where they come from; the parameters are those of `load_settings`."""
    settings = load_settings(flags, environ, project, directory=directory)
    environ = with_uv(environ)
    configured = not (flags.get("no_config") or switched_on(environ, "DXPY_NO_CONFIG"))
    places = settings_places(flags, environ, project, directory) if configured else []
    documents = [_Document.of(place) for place in places]
    untold = Settings(cache_dir=settings.cache_dir)
    of_pip = pip_option_origins(pip_files_for(environ, project), environ, "install") if configured else {}
    found = []
    for known in _KNOWN:
        value = known.value(settings)
        stated = _NO_INDEX if known.key == "index-url" and not value else known
        origins = tuple(_origins(stated, settings, flags, environ, documents))
        if not origins and stated.key in _OF_PIP and stated.key in of_pip and value != known.value(untold):
            origins = (Origin(OriginKind.PIP, of_pip[stated.key]),)
        origins = origins or (Origin(OriginKind.DEFAULT),)
        found.append(EffectiveSetting(key=known.key, value=_plain(value), origins=origins))
    publishing = publish_settings(flags, environ, project, directory=directory)
    for known in _OF_PUBLISHING:
        origin = _origin_of_publishing(known, publishing, flags, environ, documents)
        found.append(EffectiveSetting(key=known.key, value=_plain(known.value(publishing)), origins=(origin,)))
    return tuple(found)


def setting_named(key: str, settings: Sequence[EffectiveSetting]) -> EffectiveSetting:
    """The one of this name, or a part of one that is a table, after a dot. Raises UsageError."""
    name, _, rest = key.partition(".")
    found = next((setting for setting in settings if setting.key == name), None)
    if found is None:
        close = get_close_matches(name, [setting.key for setting in settings], 1)
        hint = f"did you mean `{close[0]}`?" if close else "`dxpy config list` shows all settings"
        raise UsageError(f"there is no setting `{key}`", hints=(hint,))
    if not rest:
        return found
    table = found.value if isinstance(found.value, dict) else {}
    return EffectiveSetting(key=key, value=_plain(table.get(rest)), origins=found.origins)


def _origin_of_publishing(
    known: _Known,
    publishing: PublishSettings,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    documents: Sequence[_Document],
) -> Origin:
    """Flags go before variables, these before files; an index that is named tells two addresses at once."""
    found = list(_origins(known, publishing, flags, environ, documents))
    if known.key != "trusted-publishing":
        found += _origins(_PUBLISH_INDEX, publishing, flags, environ, ())
    if not found or known.value(publishing) is None:
        return Origin(OriginKind.DEFAULT)
    ranks = [OriginKind.FLAG, OriginKind.VARIABLE, OriginKind.FILE]
    return min(found, key=lambda origin: ranks.index(origin.kind))


def _origins(
    known: _Known,
    settings: Settings | PublishSettings,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    documents: Sequence[_Document],
) -> Iterator[Origin]:
    if known.flag and flags.get(known.flag):
        yield Origin(OriginKind.FLAG, known.said or f"--{known.flag.replace('_', '-')}")
        if not known.adds:
            return
    elif known.variable and environ.get(known.variable):
        yield Origin(OriginKind.VARIABLE, name_of(known.variable, environ))
        if not known.adds:
            return
    if isinstance(settings, Settings) and known.key == "python" and settings.python_file is not None:
        yield Origin(OriginKind.FILE, str(settings.python_file))
        return
    is_single = not isinstance(known.value(settings), (tuple, frozenset, Mapping))
    for document in documents:
        line = document.line_of(known.key)
        if line is not None:
            yield Origin(OriginKind.FILE, document.path, line)
            if is_single:
                return


class _Document(TomlReader):
    """A file with settings, asked which of them it says, and where."""

    @classmethod
    def of(cls, place: SettingsPlace) -> _Document:
        path = Path(place.path)
        document = cls(read_content(path), path)
        document._settle(place)
        return document

    def _settle(self, place: SettingsPlace) -> None:
        self.path, self._name = place.path, place.table
        self._stated = self._document
        for part in place.table.split(".") if place.table else ():
            self._stated = self._table(self._stated, part, part)

    def line_of(self, key: str) -> int | None:
        """The line where a setting stands; None when the file does not say it."""
        if key in self._stated:
            return self._line_of_key(key_at(self._name, key)) or 1
        if any(_says(index, key) for index in self._stated.get("index", ())):
            return self._line_of_key(key_at(self._name, "index")) or 1
        return None


def _says(index: Mapping[str, object], key: str) -> bool:
    """Whether the table of an index says something of a setting that has another key."""
    if key == "index-mirrors":
        return bool(index.get("mirrors"))
    if key == "index-url":
        return bool(index.get("default"))
    return key == "extra-index-url" and not (index.get("default") or index.get("explicit"))


def _plain(value: object) -> Value:
    """A value as TOML and JSON have it, without credentials."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        plain = {without_credentials(str(key)): _plain(each) for key, each in value.items()}
        return {key: False if each is None else each for key, each in plain.items()}  # no limit for that project
    if isinstance(value, frozenset):
        return sorted(map(_text, value))
    if isinstance(value, (tuple, list)):
        return [_text(each) for each in value]
    return _text(value)


def _text(value: object) -> str:
    """A single value in words: of a statement its requirement, of an upload limit what was written."""
    told = getattr(value, "requirement", None) or getattr(value, "text", None)
    return without_credentials(str(value if told is None else told))
