"""Settings from where people give them; the later wins: defaults, [tool.dxpy], environment variables, flags.

    setting             [tool.dxpy]       variable                    flag
    cache directory                       DXPY_CACHE_DIR              cache_dir
    index               index-url, index  DXPY_DEFAULT_INDEX          index_url (url or name=url)
    more indexes        extra-index-url,  DXPY_INDEX (by spaces)      extra_index_url (url or name=url)
                        index
    which are believed  index-strategy    DXPY_INDEX_STRATEGY         index_strategy
    … mirrors of it     index             DXPY_INDEX_MIRRORS          index_mirror
    … of one project    sources
    directories         find-links        DXPY_FIND_LINKS (by commas) find_links
    interpreter         python            DXPY_PYTHON                 python
    … in files          .python-version
    … of whose making   python-preference DXPY_PYTHON_PREFERENCE      python_preference
    … to be fetched     python-downloads  DXPY_PYTHON_DOWNLOADS       python_downloads
    … from where        python-install-   DXPY_PYTHON_INSTALL_MIRROR  mirror
                        mirror
    link mode           link-mode         DXPY_LINK_MODE              link_mode
    bytecode            compile-bytecode  DXPY_COMPILE_BYTECODE       compile_bytecode
    file conflicts                        DXPY_ALLOW_OVERWRITES       allow_overwrites
    version kernels                       DXPY_KERNELS
    which versions      resolution        DXPY_RESOLUTION             resolution
    pre-releases        prerelease        DXPY_PRERELEASE             prerelease
    … of one project    prerelease-package                            prerelease_package (name=rule)
    newest upload       exclude-newer     DXPY_EXCLUDE_NEWER          exclude_newer
    … of one project    exclude-newer-package                         exclude_newer_package (name=limit, name=false)
    constraints         constraint-dependencies
    … in files                            DXPY_CONSTRAINT (by spaces) constraint
    overrides           override-dependencies
    … in files                            DXPY_OVERRIDE (by spaces)   override
    exclusions          exclude-dependencies
    no network                            DXPY_OFFLINE                offline
    a bundle instead                                                  bundle
    ask for pages again                                               refresh
    … of one project                                                  refresh_package
    no memory           hints (false)     DXPY_NO_HINTS
    patience, seconds                     DXPY_HTTP_TIMEOUT, DXPY_HTTP_CONNECT_TIMEOUT
    retries                               DXPY_HTTP_RETRIES
    requests at once                      DXPY_CONCURRENT_DOWNLOADS
    proxies                               HTTP_PROXY, HTTPS_PROXY, … (see `network_places`)
    … for dxpy alone                      DXPY_PROXY                  proxy
    certificates                          SSL_CERT_FILE, SSL_CERT_DIR, DXPY_CLIENT_CERT
    … that need not     allow-insecure-   DXPY_INSECURE_HOST          allow_insecure_host
      hold              host
    logins                                DXPY_INDEX_<NAME>_USERNAME, DXPY_INDEX_<NAME>_PASSWORD, NETRC
    the keyring         keyring-provider  DXPY_KEYRING_PROVIDER       keyring_provider
    builds              see `build_settings`
    no [tool.dxpy]                        DXPY_NO_CONFIG              no_config

A variable that is set to nothing counts as not set; one of uv's counts where that of dxpy is not (`uv_variables`). Of
a list the later place replaces the earlier, whole; but constraints and overrides of files are added to those of
[tool.dxpy], and settings of one project to those of others.
And an index that has the name of one of [tool.dxpy] is put in its place, whatever that answers for.
A `.python-version` beside the project (without one: in the directory or above it) counts before [tool.dxpy], the
user-wide one after it; `no_config` passes over both.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from dxpy_async.core.amendments import Amendments
from dxpy_async.core.logins import Login, variables_of
from dxpy_async.core.names import ProjectName, is_valid_name, normalize
from dxpy_async.core.places import ENVIRONMENT_NAME, LOCK_NAME, PROJECT_NAME
from dxpy_async.core.resolution_settings import Prereleases, ResolutionMode, ResolutionSettings
from dxpy_async.core.settings import (
    PYPI_SIMPLE_URL,
    IndexSettings,
    IndexStrategy,
    KernelChoice,
    KeyringProvider,
    LinkMode,
    NetworkSettings,
    PythonDownloads,
    PythonPreference,
    Settings,
    TlsSettings,
)
from dxpy_async.core.source_urls import public_url
from dxpy_async.core.upload_limits import InvalidUploadLimit, UploadLimit, UploadLimits, parse_upload_limit
from dxpy_async.errors import UsageError
from dxpy_async.project.build_settings import build_settings
from dxpy_async.project.cache_place import default_cache_dir
from dxpy_async.project.config_places import pip_files, settings_files
from dxpy_async.project.credential_places import credential_settings
from dxpy_async.project.network_places import proxy_settings, tls_settings
from dxpy_async.project.pin_files import pins_around, project_pins
from dxpy_async.project.pip_settings import PipIndexes, read_pip_indexes
from dxpy_async.project.settings_files import merged, only_of_projects, read_settings_file
from dxpy_async.project.statements import read_statements
from dxpy_async.project.tool_reader import is_mirror
from dxpy_async.project.tool_table import NamedIndex, ToolTable
from dxpy_async.project.uv_variables import name_of, with_uv
from dxpy_async.project.version_files import first_pin

if TYPE_CHECKING:  # the reader of project files costs more than all of this, and a run without a project needs none
    from dxpy_async.project.pyproject import Project

ChoiceT = TypeVar("ChoiceT", bound=StrEnum)

_INDEX_NAME = re.compile(r"([A-Za-z0-9][\w.-]*)=", re.ASCII)
_ON = frozenset({"1", "true", "yes", "on", "y", "t"})
_OFF = frozenset({"", "0", "false", "no", "off", "n", "f"})


def load_settings(
    flags: Mapping[str, object], environ: Mapping[str, str], project: Project | None, *, directory: Path | None = None
) -> Settings:
    """Merge what is given. `flags` holds only the flags that are: texts, lists of texts, True.

    Relative paths in variables and flags are held against `directory`, and stay relative when it is None; those in the
    project's file are held against the project. Raises UsageError, naming the variable or flag and its value.
    """
    environ = with_uv(environ)
    given = _Given(flags, environ)
    configured = not (flags.get("no_config") or switched_on(environ, "DXPY_NO_CONFIG"))
    tool = configured_table(flags, environ, project, directory) if configured else ToolTable()
    pip = partial(_pip_indexes, environ, project) if configured else PipIndexes
    defaults = NetworkSettings()
    cache_dir = given.text("cache_dir", "DXPY_CACHE_DIR")
    choice = _python(given, tool, version_file_places(environ, project, directory) if configured else [])
    return Settings(
        cache_dir=Path(_placed(cache_dir, directory) if cache_dir else default_cache_dir(environ)),
        python=choice.request,
        python_file=Path(choice.file) if choice.file is not None else None,
        python_is_default=choice.is_default,
        python_preference=given.choice("python_preference", "DXPY_PYTHON_PREFERENCE", PythonPreference)
        or tool.python_preference
        or PythonPreference.MANAGED,
        python_downloads=given.choice("python_downloads", "DXPY_PYTHON_DOWNLOADS", PythonDownloads)
        or tool.python_downloads
        or PythonDownloads.AUTOMATIC,
        python_mirror=_mirror(given, tool),
        indexes=_indexes(given, tool, directory, pip=pip),
        credentials=credential_settings(
            environ, given.choice("keyring_provider", "DXPY_KEYRING_PROVIDER", KeyringProvider) or tool.keyring
        ),
        bundle=Path(_placed(str(flags["bundle"]), directory)) if flags.get("bundle") else None,
        network=NetworkSettings(
            offline=flags.get("offline") is True or bool(flags.get("bundle")) or switched_on(environ, "DXPY_OFFLINE"),
            connect_timeout=given.seconds("DXPY_HTTP_CONNECT_TIMEOUT", defaults.connect_timeout),
            read_timeout=given.seconds("DXPY_HTTP_TIMEOUT", defaults.read_timeout),
            retries=given.count("DXPY_HTTP_RETRIES", defaults.retries),
            connections=max(1, given.count("DXPY_CONCURRENT_DOWNLOADS", defaults.connections)),
            proxies=proxy_settings(environ, given.text("proxy", "DXPY_PROXY"), given.origin("proxy", "DXPY_PROXY", "")),
            tls=_tls(given, tool, environ),
            refresh=flags.get("refresh") is True,
            refresh_projects=frozenset(map(normalize, given.texts("refresh_package", "", None))),
        ),
        link_mode=given.choice("link_mode", "DXPY_LINK_MODE", LinkMode) or tool.link_mode or LinkMode.HARDLINK,
        compile_bytecode=given.switch_if_said("compile_bytecode", "DXPY_COMPILE_BYTECODE", tool.compile_bytecode),
        allow_overwrites=given.switch("allow_overwrites", "DXPY_ALLOW_OVERWRITES", False),
        kernels=_kernels(environ),
        hints=_hints(environ, tool),
        resolution=_resolution(given, tool, directory),
        builds=build_settings(given, tool.builds, directory),
    )


def version_file_places(environ: Mapping[str, str], project: Project | None, directory: Path | None) -> list[str]:
    """Where a pin can stand for a project, or without one for `directory`; the last place is the user-wide one."""
    if project is not None:
        return project_pins(str(project.root), environ)
    return pins_around(str(directory), environ) if directory is not None else []


def _tls(given: _Given, tool: ToolTable, environ: Mapping[str, str]) -> TlsSettings:
    hosts = given.texts("allow_insecure_host", "DXPY_INSECURE_HOST", None)
    origin = given.origin("allow_insecure_host", "DXPY_INSECURE_HOST", "allow-insecure-host")
    authorities, shown = given.text("cert", "SSL_CERT_FILE"), given.text("client_cert", "DXPY_CLIENT_CERT")
    return tls_settings(environ, hosts or tool.insecure_hosts, origin, authorities=authorities, shown=shown)


class _PythonChoice(NamedTuple):
    request: str | None
    file: str | None = None
    is_default: bool = False


def _python(given: _Given, tool: ToolTable, places: list[str]) -> _PythonChoice:
    if request := given.text("python", "DXPY_PYTHON"):
        return _PythonChoice(request)
    if pinned := first_pin(places[:-1]):
        return _PythonChoice(*pinned)
    user_wide = first_pin(places[-1:]) if tool.python is None else None
    return _PythonChoice(*user_wide, is_default=True) if user_wide is not None else _PythonChoice(tool.python)


def _mirror(given: _Given, tool: ToolTable) -> str | None:
    mirror = given.text("mirror", "DXPY_PYTHON_INSTALL_MIRROR") or tool.python_mirror
    if mirror is not None and not re.match(r"(?:https?|file)://.", mirror, re.IGNORECASE):
        origin = given.origin("mirror", "DXPY_PYTHON_INSTALL_MIRROR", "tool.dxpy.python-install-mirror")
        raise UsageError(
            f"{origin} is `{public_url(mirror)}`, which is not the address of a mirror",
            hints=("a mirror begins with https://, http:// or file://",),
        )
    return mirror or None


def file_amendments(flags: Mapping[str, object], environ: Mapping[str, str], directory: Path | None) -> Amendments:
    """The constraints and overrides in the files that `flags` or `environ` name."""
    return _file_amendments(_Given(flags, with_uv(environ)), directory)


def _file_amendments(given: _Given, directory: Path | None) -> Amendments:
    constraints = given.texts("constraint", "DXPY_CONSTRAINT", None)
    overrides = given.texts("override", "DXPY_OVERRIDE", None)
    return Amendments(
        constraints=read_statements(constraints, "constraints", directory),
        overrides=read_statements(overrides, "overrides", directory),
    )


def _resolution(given: _Given, tool: ToolTable, directory: Path | None) -> ResolutionSettings:
    named = _file_amendments(given, directory)
    defaults = ResolutionSettings()
    return ResolutionSettings(
        mode=given.choice("resolution", "DXPY_RESOLUTION", ResolutionMode) or tool.mode or defaults.mode,
        prereleases=given.choice("prerelease", "DXPY_PRERELEASE", Prereleases)
        or tool.prereleases
        or defaults.prereleases,
        prereleases_of={**tool.prereleases_of, **_prereleases_of(given)},
        amendments=Amendments(
            constraints=tool.amendments.constraints + named.constraints,
            overrides=tool.amendments.overrides + named.overrides,
            exclusions=tool.amendments.exclusions,
        ),
        upload_limits=_upload_limits(given, tool.upload_limits),
    )


def _prereleases_of(given: _Given) -> dict[ProjectName, Prereleases]:
    given_rules = given.of_projects("prerelease_package")
    return {name: _choice(text, f"`{name}` of {origin}", Prereleases) for name, text, origin in given_rules}


def _upload_limits(given: _Given, configured: UploadLimits) -> UploadLimits:
    text = given.text("exclude_newer", "DXPY_EXCLUDE_NEWER")
    origin = given.origin("exclude_newer", "DXPY_EXCLUDE_NEWER", "")
    named = {
        name: None if text == "false" else _upload_limit(text, f"`{name}` of {origin}")
        for name, text, origin in given.of_projects("exclude_newer_package")
    }
    return UploadLimits(
        general=_upload_limit(text, origin) if text else configured.general,
        projects={**configured.projects, **named},
    )


def _upload_limit(text: str, origin: str) -> UploadLimit:
    try:
        return parse_upload_limit(text)
    except InvalidUploadLimit as error:
        raise UsageError(f"{origin} is `{text}`, which {error}") from error


class SettingsPlace(NamedTuple):
    """A file with settings: `table` is that in which they stand, empty for a file of settings. `of_uv`: it is uv's."""

    path: str
    table: str
    of_uv: bool = False


def settings_places(
    flags: Mapping[str, object], environ: Mapping[str, str], project: Project | None, directory: Path | None
) -> list[SettingsPlace]:
    """The files that have a say, nearest first.

    A file that is named (`--config-file`, DXPY_CONFIG_FILE) stands for all files of settings and for the project's.
    """
    own = []
    if project is not None:
        table = "tool.dxpy" if project.tool.is_own else "tool.uv"
        own.append(SettingsPlace(str(project.file), table, of_uv=not project.tool.is_own))
    if named := flags.get("config_file") or environ.get("DXPY_CONFIG_FILE"):
        return [SettingsPlace(_placed(str(named), directory), "")]
    if named := environ.get("UV_CONFIG_FILE"):
        return [SettingsPlace(_placed(named, directory), "", of_uv=True)]
    files = iter(settings_files(str(project.root) if project is not None else None, environ))
    places: list[SettingsPlace] = []
    for number, (ours, of_uv) in enumerate(zip(files, files, strict=True)):
        beside = own if number == 0 else []
        if os.path.isfile(ours):
            places += [SettingsPlace(ours, ""), *beside]
        elif os.path.isfile(of_uv) and not (beside and beside[0].table == "tool.dxpy"):
            places.append(SettingsPlace(of_uv, "", of_uv=True))
        else:
            places += beside
    return places


def configured_table(
    flags: Mapping[str, object], environ: Mapping[str, str], project: Project | None, directory: Path | None
) -> ToolTable:
    """What the files of settings and the project's table say together. Raises InvalidSettings and UsageError."""
    table = ToolTable()
    for place in settings_places(flags, environ, project, directory):
        if place.table:
            assert project is not None
            found = project.tool
        else:
            found = read_settings_file(place.path, of_uv=place.of_uv)
        table = merged(table, found)
    return only_of_projects(project.tool, table) if project is not None else table


def watched_paths(
    project: Project, environ: Mapping[str, str], directory: Path, config_file: str | None = None
) -> list[str]:
    """The files, there or not, that decide what `project` is and what settings it has, but for what other flags name.

    A relative `config_file`, as `--config-file` gives it, is held against `directory`.
    """
    named = config_file or environ.get("DXPY_CONFIG_FILE") or environ.get("UV_CONFIG_FILE")
    files = [_placed(named, directory)] if named else settings_files(str(project.root), environ)
    own = [os.path.join(project.root, name) for name in (PROJECT_NAME, LOCK_NAME)]
    pins = project_pins(str(project.root), environ)
    return [*own, *project.watched, *pins, *files, *pip_files_for(environ, project)]


def _indexes(given: _Given, tool: ToolTable, directory: Path | None, *, pip: Callable[[], PipIndexes]) -> IndexSettings:
    """Where distributions are; what `pip` was told counts when dxpy was told nothing at all."""
    default_origin = given.origin("index_url", "DXPY_DEFAULT_INDEX", "index-url")
    extra_origin = given.origin("extra_index_url", "DXPY_INDEX", "extra-index-url")
    default = given.text("index_url", "DXPY_DEFAULT_INDEX")
    given_default = [_named_index(default, default_origin)] if default else []
    given_extra = [_named_index(text, extra_origin) for text in given.texts("extra_index_url", "DXPY_INDEX", None)]
    links = given.texts("find_links", "DXPY_FIND_LINKS", ",")
    places = tuple(_placed(link, directory) for link in links) if links else tool.find_links
    if given.switch("no_index", "DXPY_NO_INDEX", tool.no_index is True):
        return IndexSettings(index_url="", find_links=places)
    there = {index.name: index.url for index in tool.named_indexes}
    urls = there | {index.name: index.url for index in (*given_default, *given_extra) if index.name}
    moved = {url: urls[name] for name, url in there.items()}
    added = tuple(index.url for index in given_extra if index.name not in there)
    index_url = tool.index_url
    if given_default:
        index_url = given_default[0].url
    elif index_url:
        check_index_url(index_url, default_origin)
        index_url = moved.get(index_url, index_url)
    for url in tool.extra_index_urls if not added else ():
        check_index_url(url, "`extra-index-url`")
    extra = added or tuple(moved.get(url, url) for url in tool.extra_index_urls)
    if not (index_url or extra or places or there) and (told := pip()):
        index_url, extra, places = told.index_url, told.extra_index_urls, told.find_links
    index_url = PYPI_SIMPLE_URL if index_url is None else index_url
    return IndexSettings(
        index_url=index_url,
        extra_index_urls=extra,
        find_links=places,
        pinned=_pinned(tool, urls),
        authentication={moved.get(url, url): said for url, said in tool.authentication.items()},
        ignored_errors={moved.get(url, url): codes for url, codes in tool.ignored_errors.items()},
        names={url: name for name, url in urls.items()},
        logins={url: login for name, url in urls.items() if (login := given.login(name)) is not None},
        mirrors=_mirrors(given, tool, index_url),
        strategy=given.choice("index_strategy", "DXPY_INDEX_STRATEGY", IndexStrategy)
        or tool.strategy
        or IndexStrategy.FIRST_INDEX,
    )


def _mirrors(given: _Given, tool: ToolTable, index_url: str) -> dict[str, tuple[str, ...]]:
    """The mirrors of each index that has some; those in flags and variables are of the default one, `index_url`.

    An index that is put in the place of another by its name does not have that one's mirrors.
    """
    stated = given.texts("index_mirror", "DXPY_INDEX_MIRRORS", None)
    for mirror in stated:
        if not is_mirror(mirror):
            origin = given.origin("index_mirror", "DXPY_INDEX_MIRRORS", "")
            raise UsageError(
                f"{origin} has `{mirror}`, which is not the URL of a mirror",
                hints=("a mirror begins with https:// or http://",),
            )
    return {**tool.mirrors, **({index_url: tuple(stated)} if stated else {})}


def pip_files_for(environ: Mapping[str, str], project: Project | None) -> list[str]:
    """Where pip's settings can be for who works in `project`; the later wins."""
    return pip_files(environ, os.path.join(project.root, ENVIRONMENT_NAME) if project is not None else None)


def _pip_indexes(environ: Mapping[str, str], project: Project | None) -> PipIndexes:
    return read_pip_indexes(pip_files_for(environ, project), environ)


def _pinned(tool: ToolTable, urls: Mapping[str, str]) -> dict[ProjectName, str]:
    """The URL of the index that each project is pinned to."""
    named = {project: source.index for project, sources in tool.sources.items() for source in sources if source.index}
    return {project: _url_of(name, project, urls) for project, name in named.items()}


def _named_index(text: str, origin: str) -> NamedIndex:
    """An index as flags and variables give it: `url` or `name=url`; its name is empty when it has none."""
    named = _INDEX_NAME.match(text)
    index = NamedIndex(named[1], text[named.end() :]) if named else NamedIndex("", text)
    check_index_url(index.url, origin)
    return index


def _url_of(name: str, project: ProjectName, urls: Mapping[str, str]) -> str:
    if name not in urls:
        known = ", ".join(f"`{each}`" for each in urls)
        raise UsageError(
            f"`{project}` is to come from the index `{name}`, and there is none of that name",
            hints=(
                f"the indexes with a name are {known}" if known else "no index has a name",
                f"give it one with `--index {name}=URL`, or in a table [[tool.dxpy.index]]",
            ),
        )
    check_index_url(urls[name], f"the index `{name}`")
    return urls[name]


def check_index_url(url: str, origin: str) -> None:
    """Raises UsageError, which names `origin`, unless `url` can be the address of an index."""
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in ("http", "https", "file") or not rest:
        raise UsageError(
            f"{origin} is `{public_url(url)}`, which is not the URL of an index",
            hints=("an index begins with https://, http:// or file://; a directory of wheels goes to `--find-links`",),
        )


def _choice(text: str, origin: str, kind: type[ChoiceT]) -> ChoiceT:
    if text not in tuple(kind):
        raise UsageError(f"{origin} is `{text}`; it can be {' or '.join(kind)}")
    return kind(text)


def _kernels(environ: Mapping[str, str]) -> KernelChoice:
    text = environ.get("DXPY_KERNELS", "").strip().lower() or KernelChoice.AUTO
    if text not in tuple(KernelChoice):
        choices = ", ".join(KernelChoice)
        raise UsageError(f"the variable DXPY_KERNELS is `{environ['DXPY_KERNELS']}`; it can be one of {choices}")
    return KernelChoice(text)


def _hints(environ: Mapping[str, str], tool: ToolTable) -> bool:
    if environ.get("DXPY_NO_HINTS"):
        return not switched_on(environ, "DXPY_NO_HINTS")
    return tool.hints is not False


def _placed(path: str, directory: Path | None) -> str:
    """A path made absolute against `directory`; URLs stay what they are, and `~` is left to the shell."""
    return path if directory is None or "://" in path else os.path.normpath(directory / path)


def switched_on(environ: Mapping[str, str], variable: str) -> bool:
    """Whether a variable like DXPY_OFFLINE says yes. Raises UsageError when it says neither yes nor no."""
    value = environ.get(variable, "").strip().lower()
    if value not in _ON and value not in _OFF:
        named = name_of(variable, environ)
        raise UsageError(f"the variable {named} is `{environ[variable]}`; it can be 1 or 0, true or false")
    return value in _ON


class _Given:
    """What the flags and variables say, checked."""

    def __init__(self, flags: Mapping[str, object], environ: Mapping[str, str]) -> None:
        self._flags, self._environ = flags, environ

    def origin(self, flag: str, variable: str, elsewhere: str) -> str:
        """How to call the place that a setting came from."""
        if self._flags.get(flag):
            return f"--{flag.replace('_', '-')}"
        return f"the variable {name_of(variable, self._environ)}" if self._environ.get(variable) else f"`{elsewhere}`"

    def text(self, flag: str, variable: str) -> str | None:
        value = self._flags.get(flag)
        return str(value) if value else self._environ.get(variable) or None

    def texts(self, flag: str, variable: str, separator: str | None) -> list[str]:
        value = self._flags.get(flag)
        if value:
            return [value] if isinstance(value, str) else [str(item) for item in _sequence(value)]
        parts = self._environ.get(variable, "").split(separator)
        return [part.strip() for part in parts if part.strip()]

    def switch(self, flag: str, variable: str, default: bool) -> bool:
        if self._flags.get(flag) is True:
            return True
        return switched_on(self._environ, variable) if self._environ.get(variable) else default

    def switch_if_said(self, flag: str, variable: str, default: bool | None) -> bool | None:
        said = self._flags.get(flag) is True or self._environ.get(variable)
        return self.switch(flag, variable, False) if said else default

    def choice(self, flag: str, variable: str, kind: type[ChoiceT]) -> ChoiceT | None:
        text = self.text(flag, variable)
        return _choice(text, self.origin(flag, variable, ""), kind) if text else None

    def login(self, index: str) -> Login | None:
        """What the variables of the index of that name say."""
        prefix = variables_of(index)
        user, password = (self._environ.get(f"{prefix}_{part}") or None for part in ("USERNAME", "PASSWORD"))
        return Login(user or "", password, f"the variables {prefix}_…") if user or password else None

    def of_projects(self, flag: str) -> list[tuple[ProjectName, str, str]]:
        """What a repeated flag like `name=value` says: project, value, and how to call the flag."""
        origin = f"--{flag.replace('_', '-')}"
        found = []
        for given in self.texts(flag, "", None):
            name, equals, text = given.partition("=")
            if not equals or not is_valid_name(name.strip()):
                raise UsageError(f"{origin} is `{given}`; it must be the name of a project, `=` and a value")
            found.append((normalize(name.strip()), text.strip(), origin))
        return found

    def seconds(self, variable: str, default: float) -> float:
        text = self._environ.get(variable)
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 < value < math.inf:
            raise UsageError(f"{self.origin('', variable, '')} is `{text}`; it must be a number of seconds above 0")
        return value

    def count(self, variable: str, default: int) -> int:
        text = self._environ.get(variable)
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise UsageError(f"{self.origin('', variable, '')} is `{text}`; it must be a whole number, 0 or more")
        return int(text)


def _sequence(value: object) -> Sequence[object]:
    if not isinstance(value, Sequence):
        raise TypeError(f"a flag that can be repeated must be a list, not {value!r}")
    return value
