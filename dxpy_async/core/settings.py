"""Settings as values: made once at the edge from flags, variables and files, then passed down."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from dxpy_async.core.amendments import Statement
from dxpy_async.core.dataclass import dataclass, field
from dxpy_async.core.logins import Login
from dxpy_async.core.names import ProjectName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.resolution_settings import ResolutionSettings

PYPI_SIMPLE_URL = "https://pypi.org/simple"
"""The address of the public index: the only place where it stands."""
PYPI_UPLOAD_URL = "https://upload.pypi.org/legacy/"
"""Where files are uploaded to it."""


class LinkMode(StrEnum):
    """How a file of the store comes into an environment."""

    HARDLINK = "hardlink"
    """The same file under another name."""
    COPY = "copy"
    """A file of its own, sharing blocks with the store's where the file system can do that."""
    CLONE = "clone"
    """A file of its own that shares its blocks; where that cannot be done it is copied, and that is said."""
    SYMLINK = "symlink"
    """A symbolic link, mostly one for a whole package."""


class KernelChoice(StrEnum):
    """What looks for the versions that specifiers allow; all give the same answers. `auto` takes the quickest."""

    AUTO = "auto"
    SCALAR = "scalar"
    NUMPY = "numpy"
    NUMBA = "numba"


class PythonPreference(StrEnum):
    """Which interpreters are looked at first: those that dxpy has installed (`managed`), or the others."""

    MANAGED = "managed"
    ONLY_MANAGED = "only-managed"
    SYSTEM = "system"
    ONLY_SYSTEM = "only-system"


class PythonDownloads(StrEnum):
    """When an interpreter is fetched: when none on the machine fits, when `dxpy python install` says so, or never."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"
    NEVER = "never"


class TrustedPublishingUse(StrEnum):
    """Whether an upload gets its token from the index, in a CI job that can show who it is."""

    AUTOMATIC = "automatic"
    """In such a job, where no login is known."""
    ALWAYS = "always"
    NEVER = "never"


class Authentication(StrEnum):
    """Whether an index is asked with credentials."""

    AUTO = "auto"
    """With those that are known, else without."""
    ALWAYS = "always"
    """Never without."""
    NEVER = "never"
    """Never with any."""


class KeyringProvider(StrEnum):
    """What the program `keyring` is asked for."""

    AUTO = "auto"
    """What `dxpy auth login` has put into it, and nothing else."""
    SUBPROCESS = "subprocess"
    """Logins that nothing else has, too."""
    DISABLED = "disabled"
    """Nothing: it is never started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSettings:
    """Where logins are looked for that stand neither in addresses nor in variables. None is nowhere."""

    netrc: str | None = None
    """The user's file of logins for many programs."""
    kept: str | None = None
    """The file of what `dxpy auth login` was given."""
    keyring: KeyringProvider = KeyringProvider.AUTO
    search_path: str = ""
    """Where the program `keyring` is looked for: directories, as in PATH."""


class IndexStrategy(StrEnum):
    """Which indexes are believed about a project."""

    FIRST_INDEX = "first-index"
    """The first that has it, alone."""
    UNSAFE_BEST_MATCH = "unsafe-best-match"
    """All that have it: so whoever may upload to any of them can take over a name on another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSettings:
    """Where distributions come from: indexes in order of trust (the first that has a project wins) and directories.

    An empty `index_url` is none. `pinned` gives the projects that come from one index and nowhere else, and its URL.
    """

    index_url: str = PYPI_SIMPLE_URL
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    pinned: Mapping[ProjectName, str] = field(default_factory=dict)
    authentication: Mapping[str, Authentication] = field(default_factory=dict)
    """What is said of some indexes, by their URL; of the others nothing is said, which is `auto`."""
    ignored_errors: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """The statuses by which an index, given by its URL, means that it has not got a project."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What indexes are called, by their URL."""
    logins: Mapping[str, Login] = field(default_factory=dict, repr=False)
    """Logins for indexes, by their URL, that do not stand in it."""
    mirrors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By the URL of an index, those of its copies, which are asked in this order when it fails."""
    strategy: IndexStrategy = IndexStrategy.FIRST_INDEX


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """The proxies for http and for https addresses, and the hosts that are reached without. None is no proxy.

    `http_origin` and `https_origin` tell people where they are set.
    """

    http: str | None = field(default=None, repr=False)
    https: str | None = field(default=None, repr=False)
    http_origin: str = ""
    https_origin: str = ""
    without: tuple[str, ...] = ()
    """Hosts, ends of hosts (`.example.org`), addresses, networks (`10.0.0.0/8`), with a port or none; `*` for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """Whose certificates hold, besides those that the system trusts. Paths are of files in PEM form."""

    authorities: str | None = None
    """A file of certificates that are trusted instead of the system's."""
    authority_directories: tuple[str, ...] = ()
    """The same as directories, with names as OpenSSL has them."""
    client_certificate: str | None = None
    """What dxpy shows to servers that ask who it is: a certificate and its key in one file."""
    insecure_hosts: tuple[str, ...] = ()
    """Hosts, each with a port or not, whose certificates need not hold; `*` for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """How patient the index client is (seconds, counts, bytes), and what it does not take from the cache unasked.

    With `refresh` the index is asked whether cached pages still hold before they are used, else for the pages of
    `refresh_projects` only.
    """

    offline: bool = False
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    retries: int = 3
    connections: int = 50
    bytes_in_flight: int = 64 * 1024**2
    refresh: bool = False
    refresh_projects: frozenset[ProjectName] = frozenset()
    proxies: ProxySettings = field(default_factory=ProxySettings)
    tls: TlsSettings = field(default_factory=TlsSettings)

    def refreshes(self, project: ProjectName) -> bool:
        """Whether the cached page of `project` must not be used unasked, however fresh."""
        return self.refresh or project in self.refresh_projects


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSettings:
    """What may be built, and how. Names are of the projects that are built, not of what builds them."""

    no_build: bool = False
    no_build_projects: frozenset[ProjectName] = frozenset()
    no_binary: bool = False
    no_binary_projects: frozenset[ProjectName] = frozenset()
    isolated: bool = True
    """Build in an environment that has what the build requires and nothing else; otherwise in the project's own."""
    not_isolated_projects: frozenset[ProjectName] = frozenset()
    config: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What is handed to all build backends as `config_settings`; a key that is given once has one value."""
    config_of: Mapping[ProjectName, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    constraints: tuple[Statement, ...] = ()
    """What holds for the versions of build requirements."""
    extra_requires: Mapping[ProjectName, tuple[Requirement, ...]] = field(default_factory=dict)
    """What projects need to be built and do not say."""
    timeout: float | None = None
    """Seconds that a build backend may take for one answer; None: as long as it likes."""
    concurrent: int | None = None
    """How many build backends run at once; None: as many as there are processors."""

    def allows_building(self, project: ProjectName | None) -> bool:
        """Whether `project` (None: not known yet which one) may be built."""
        return not self.no_build and project not in self.no_build_projects

    def allows_wheels(self, project: ProjectName) -> bool:
        """Whether the wheels that indexes have of `project` may be used."""
        return not self.no_binary and project not in self.no_binary_projects

    def isolates(self, project: ProjectName | None) -> bool:
        """Whether `project` is built in an environment of its own."""
        return self.isolated and project not in self.not_isolated_projects

    def config_for(self, project: ProjectName | None) -> dict[str, tuple[str, ...]]:
        """What is handed to the backend of `project`: its own settings after those of all."""
        merged = dict(self.config)
        for key, values in (self.config_of.get(project, {}) if project is not None else {}).items():
            merged[key] = (*merged.get(key, ()), *values)
        return merged

    def extra_requires_of(self, project: ProjectName | None) -> tuple[Requirement, ...]:
        """What `project` needs to be built and does not say."""
        return self.extra_requires.get(project, ()) if project is not None else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an engine is told once. `cache_dir` is the root of the store.

    `python` is the interpreter that was asked for, by version, name or path; None leaves the choice to the search.
    """

    cache_dir: Path
    python: str | None = None
    python_file: Path | None = None
    """The file in which `python` stands, when that is a `.python-version`."""
    python_is_default: bool = False
    """Whether `python` is only what the user wants where nothing is said: a project that needs another gets that."""
    python_preference: PythonPreference = PythonPreference.MANAGED
    python_downloads: PythonDownloads = PythonDownloads.AUTOMATIC
    python_mirror: str | None = None
    """Where archives of Pythons are: without one, none can be fetched."""
    indexes: IndexSettings = field(default_factory=IndexSettings)
    credentials: CredentialSettings = field(default_factory=CredentialSettings)
    bundle: Path | None = None
    """A directory that everything comes from, in place of indexes, whatever these are."""
    network: NetworkSettings = field(default_factory=NetworkSettings)
    link_mode: LinkMode = LinkMode.HARDLINK
    compile_bytecode: bool | None = None
    """Whether a sync compiles what it links. None: not while anybody waits, but afterwards for symbolic links."""
    """Compile what is installed, once for each interpreter; symbolic links to the store are always compiled."""
    allow_overwrites: bool = False
    """Let one distribution replace a file of another, instead of refusing both."""
    kernels: KernelChoice = KernelChoice.AUTO
    hints: bool = True
    """Whether resolutions are remembered, and answered from memory."""
    resolution: ResolutionSettings = field(default_factory=ResolutionSettings)
    builds: BuildSettings = field(default_factory=BuildSettings)
