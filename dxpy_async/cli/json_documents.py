"""The documents that commands write with `--output-format json`, as types: one for each command, with a version.

Within a version keys are added and never removed or given another meaning, so programs must let unknown keys be; all
that are here are always there. A change of another kind is a new version, and both are told in the changelog. Each
document has `warnings` and `seconds` besides (see `Document`). `tests/json_schemas.py` makes `docs/schemas` of this.

Paths are absolute, sizes in bytes, times in seconds, moments in UTC as ISO 8601. Only types: importing this at run time
serves the making of schemas alone.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict


class Document(TypedDict):
    """What every document has, added when it is written."""

    warnings: Annotated[list[str], "what people were warned of on stderr"]
    seconds: Annotated[float, "from the start of the command to this document"]


class ErrorDocument(TypedDict):
    """What a command that fails writes in place of its own document. The same is on stderr for people."""

    schema: Literal["dxpy/error/1"]
    code: Annotated[str, "what went wrong, as a word that stays the same: `no-solution`, `hash-mismatch`, `usage`, …"]
    message: Annotated[str, "one sentence, or several lines where a resolution is explained"]
    hints: Annotated[list[str], "ways out, the most likely first"]
    exit_code: Annotated[int, "what the command ends with: 1 for what has to be changed, 2 for a failure"]


EventName = Literal[
    "resolving",
    "resolved",
    "preparing",
    "download-started",
    "download-progress",
    "download-finished",
    "upload-started",
    "upload-progress",
    "upload-finished",
    "stored",
    "building",
    "built",
    "prepared",
    "installing",
    "linked",
    "python-installed",
    "waiting",
    "warning",
]


class EventLine(TypedDict):
    """One step of an operation, with `--output-format jsonl`. Which keys there are goes by `event`; docs/json.md."""

    schema: Literal["dxpy/event/1"]
    event: EventName
    elapsed: Annotated[float, "seconds since the command began"]
    package: NotRequired[str]
    version: NotRequired[str]
    packages: NotRequired[Annotated[int, "how many"]]
    file: NotRequired[Annotated[str, "its name"]]
    files: NotRequired[Annotated[int, "how many"]]
    bytes: NotRequired[Annotated[int | None, "the size of the file, or of all files; null or 0 when no index tells it"]]
    received: NotRequired[Annotated[int, "bytes of the file so far; less than before when it is fetched anew"]]
    sent: NotRequired[Annotated[int, "bytes of the file so far; less than before when it is sent anew"]]
    seconds: NotRequired[Annotated[float, "how long this step took"]]
    facts: NotRequired[Annotated[int, "read so far: project pages, and metadata of releases"]]
    pinned: NotRequired[Annotated[int, "projects whose version is decided, for now"]]
    remembered: NotRequired[Annotated[bool, "whether the answer came from memory"]]
    label: NotRequired[Annotated[str, "what is built, as messages call it"]]
    key: NotRequired[Annotated[str, "the name of a Python, as in `dxpy python list`"]]
    what: NotRequired[Annotated[str, "what another process holds"]]
    message: NotRequired[str]


class Release(TypedDict):
    """A version of a project."""

    name: str
    version: Annotated[str, "empty where nobody knows it before the project is built"]


class Sync(TypedDict):
    """What a sync came to, or would come to."""

    environment: Annotated[str | None, "null when a dry run found none"]
    dry_run: Annotated[bool, "whether nothing was changed: of `--dry-run` and `--check`"]
    changed: Annotated[bool, "whether anything was installed or removed, or would be"]
    installed: list[Release]
    removed: list[Release]
    kept: Annotated[int, "how many packages were there already, as the lock says"]


class SyncDocument(Sync):
    """`dxpy sync`, which with `--check` ends with 1 if anything would change."""

    schema: Literal["dxpy/sync/1"]


class BundledArchive(TypedDict):
    """A wheel or source distribution in a bundle."""

    name: str
    version: str
    filename: str
    sha256: str
    bytes: int
    purpose: Annotated[Literal["install", "build"], "`build` for what builds alone need"]
    is_new: Annotated[bool, "whether it was not there before"]


class BundleDocument(TypedDict):
    """`dxpy bundle`."""

    schema: Literal["dxpy/bundle/1"]
    directory: str
    files: list[BundledArchive]
    removed: Annotated[list[str], "names of files that the bundle needed no more"]
    left_out: Annotated[list[str], "names of projects whose source is a directory, which is not in the bundle"]


class PinChange(TypedDict):
    """A project of which the lock has another version than before."""

    name: str
    before: Annotated[str | None, "null for one that came"]
    after: Annotated[str | None, "null for one that went"]


class Lock(TypedDict):
    """What locking came to."""

    lock: Annotated[str, "the lock's path"]
    changed: Annotated[bool, "whether the file was written"]
    packages: Annotated[int, "how many are in it"]
    changes: Annotated[list[PinChange], "since the lock that was there before; none when there was none"]


class LockDocument(Lock):
    """`dxpy lock`."""

    schema: Literal["dxpy/lock/1"]


class Edit(TypedDict):
    """A change of what a project or a script requires."""

    file: Annotated[str, "the pyproject.toml or the script"]
    list: Annotated[str, "the list in it, like `project.dependencies` or `dependency-groups.dev`"]
    added: Annotated[list[str], "requirements that were not there before, as they are written"]
    changed: Annotated[list[str], "requirements that were there in another form, as they are written"]
    removed: Annotated[list[str], "names of projects"]
    lock: Annotated[Lock | None, "null when nothing was locked"]
    sync: Annotated[Sync | None, "null when nothing was synced"]


class AddDocument(Edit):
    """`dxpy add`."""

    schema: Literal["dxpy/add/1"]


class RemoveDocument(Edit):
    """`dxpy remove`."""

    schema: Literal["dxpy/remove/1"]


class ImportDocument(TypedDict):
    """`dxpy import`."""

    schema: Literal["dxpy/import/1"]
    file: Annotated[str, "the pyproject.toml"]
    dry_run: Annotated[bool, "whether nothing was written"]
    changed: Annotated[bool, "whether the pyproject.toml was written, or would be"]
    difference: Annotated[str, "what is new in it, as a unified diff; empty when nothing is"]
    files: Annotated[list[str], "the files that told of the project"]
    left_out: Annotated[list[str], "what of them is not carried over, in words"]
    pins: Annotated[
        str | None, "the file whose versions are kept, where they fit, when it is locked; null when there is none"
    ]
    lock: Annotated[Lock | None, "null when nothing was locked"]


class VersionDocument(TypedDict):
    """`dxpy version`, and `dxpy self version` of dxpy itself."""

    schema: Literal["dxpy/version/1"]
    package_name: str
    version: Annotated[str, "as it is now, or would be"]
    previous_version: Annotated[str | None, "null when it was only asked for"]


class Requirer(TypedDict):
    """Who has a requirement: a package, or the project, an extra or a dependency group of it."""

    kind: Literal["package", "project", "extra", "group"]
    name: Annotated[str | None, "of the package, extra or group; null for the project"]
    version: Annotated[str | None, "of a package"]
    extra: Annotated[str | None, "of a package, that asks for it"]
    member: Annotated[str | None, "of a workspace, that is meant by the project"]


class Link(TypedDict):
    """One step of a chain of requirements."""

    requirer: Requirer
    requirement: str


class LockSource(TypedDict):
    """Where a release comes from."""

    kind: Literal["index", "directory", "direct", "git", "tree"]
    url: str


class LockedFile(TypedDict):
    """A wheel or a source distribution."""

    filename: str
    url: str
    size: int | None
    upload_time: Annotated[str | None, "ISO 8601, UTC"]
    hashes: Annotated[dict[str, str], "hexadecimal digests by algorithm"]


class LockedPackage(TypedDict):
    """A release in the lock."""

    name: str
    version: str
    source: LockSource
    requires_python: str
    extras: Annotated[list[str], "those that something in the lock asks for"]
    requirements: Annotated[list[str], "with their markers"]
    wheels: list[LockedFile]
    sdist: LockedFile | None


class LockShowDocument(TypedDict):
    """`dxpy lock --show`."""

    schema: Literal["dxpy/lock-show/1"]
    lock: Annotated[str, "the lock's path"]
    packages: Annotated[list[LockedPackage], "all, or those of the project that was named"]


class LockGitSetupDocument(TypedDict):
    """`dxpy lock --git-setup`."""

    schema: Literal["dxpy/lock-git-setup/1"]
    directory: Annotated[str, "that of the project"]
    done: Annotated[list[str], "what was set up, in words; nothing when all of it was before"]


class TreeEdge(TypedDict):
    """A requirement that is in force."""

    id: Annotated[str, "of what is required"]
    requirement: str
    extras: NotRequired[Annotated[list[str], "that it is required with"]]
    extra: NotRequired[Annotated[str, "of the requirer, which asks for it"]]
    group: NotRequired[Annotated[str, "dependency group of the requirer, which asks for it"]]


class TreeProject(TypedDict):
    """A project of ours, the root of a tree."""

    id: str
    name: str
    version: str | None
    dependencies: list[TreeEdge]


class TreePackage(TypedDict):
    """A release in a tree."""

    id: Annotated[str, "`name==version`"]
    name: str
    version: str
    source: LockSource
    size: NotRequired[Annotated[int | None, "of its wheel, with `--show-sizes`; null when it is not known"]]
    latest: NotRequired[Annotated[str, "the newest version, with `--outdated`"]]
    dependencies: list[TreeEdge]


class TreeDocument(TypedDict):
    """`dxpy tree`: each package once, with what it needs."""

    schema: Literal["dxpy/tree/1"]
    projects: list[TreeProject]
    packages: list[TreePackage]


class Python(TypedDict):
    """A Python that dxpy has installed."""

    key: Annotated[str, "`cpython-3.12.7-linux-x86_64-gnu`"]
    version: str
    path: Annotated[str, "its executable"]


class PythonChange(Python):
    """What became of one that was asked for."""

    installed: Annotated[bool, "false for one that was there before"]


class PythonInstallDocument(TypedDict):
    """`dxpy python install` and `upgrade`."""

    schema: Literal["dxpy/python-install/1"]
    pythons: list[PythonChange]


class PythonUninstallDocument(TypedDict):
    """`dxpy python uninstall`."""

    schema: Literal["dxpy/python-uninstall/1"]
    removed: list[Python]


class PythonFindDocument(TypedDict):
    """`dxpy python find`."""

    schema: Literal["dxpy/python-find/1"]
    path: str
    version: str
    implementation: str


class PythonPinDocument(TypedDict):
    """`dxpy python pin`."""

    schema: Literal["dxpy/python-pin/1"]
    file: Annotated[str, "in which the pin is"]
    pins: Annotated[list[str], "what it says now"]
    before: Annotated[list[str], "what it said before"]


class VersionParts(TypedDict):
    """A version of Python as numbers."""

    major: int
    minor: int
    patch: int


class ListedPython(TypedDict):
    """A Python that is there, or can be installed."""

    key: str
    version: str
    version_parts: VersionParts
    path: Annotated[str | None, "null for one that can be installed"]
    symlink: Annotated[str | None, "where the path leads, if to another place"]
    os: str
    arch: str
    libc: str
    implementation: str
    variant: Literal["default", "freethreaded"]


class PythonListDocument(TypedDict):
    """`dxpy python list`, newest first."""

    schema: Literal["dxpy/python-list/1"]
    pythons: list[ListedPython]


class WhyDocument(TypedDict):
    """`dxpy why`."""

    schema: Literal["dxpy/why/1"]
    releases: Annotated[list[Release], "the package, as it is in the lock"]
    chains: Annotated[list[list[Link]], "from the project to the package, the shortest first"]
    complete: Annotated[bool, "whether there are no other chains"]
    needed_by: Annotated[list[Link], "all that require it directly"]


class VenvDocument(TypedDict):
    """`dxpy venv`."""

    schema: Literal["dxpy/venv/1"]
    path: str
    created: Annotated[bool, "false for one that was there and is as it is asked for"]
    python: Annotated[str, "its interpreter"]
    base: Annotated[str, "the interpreter it was made with"]
    version: Annotated[str, "of Python"]
    implementation: str
    seeded: Annotated[list[Release], "what `--seed` installed"]


class InitDocument(TypedDict):
    """`dxpy init`."""

    schema: Literal["dxpy/init/1"]
    path: Annotated[str, "the project's directory, or the script"]
    name: Annotated[str | None, "the project's; null for a script"]
    workspace: Annotated[str | None, "the root of the workspace that it is a member of"]


class PathDocument(TypedDict):
    """The commands that tell a place, like `dxpy cache dir` and `dxpy config path`."""

    schema: Literal["dxpy/path/1"]
    path: str


class Member(TypedDict):
    """One member of a workspace."""

    name: str
    version: Annotated[str | None, "null for one that its build backend tells"]
    path: str
    requires: Annotated[list[str], "names of the other members that it requires"]


class WorkspaceListDocument(TypedDict):
    """`dxpy workspace list`."""

    schema: Literal["dxpy/workspace-list/1"]
    root: str
    members: list[Member]


class KeptLogin(TypedDict):
    """A login that dxpy keeps. Passwords are in no document."""

    service: Annotated[str, "it is for all addresses that begin so"]
    username: str
    place: Annotated[Literal["keyring", "file"], "where the password is"]


class AuthLoginsDocument(TypedDict):
    """`dxpy auth list`, and of `login` and `logout` the one that is kept now, or was."""

    schema: Literal["dxpy/auth-logins/1"]
    logins: list[KeptLogin]


class Files(TypedDict):
    """How much there is of something."""

    files: int
    bytes: int


class CacheSizeDocument(TypedDict):
    """`dxpy cache size`."""

    schema: Literal["dxpy/cache-size/1"]
    directory: str
    files: int
    bytes: int
    buckets: Annotated[dict[str, Files], "the parts of the cache by name"]


class CacheEntry(TypedDict):
    """A wheel in the store."""

    name: str
    version: str
    filename: str
    key: str
    files: int
    bytes: int
    used_at: Annotated[str, "the day, like `2024-01-31`"]


class CacheListDocument(TypedDict):
    """`dxpy cache list`."""

    schema: Literal["dxpy/cache-list/1"]
    packages: list[CacheEntry]


class Damage(TypedDict):
    """A package in the store that was not what was unpacked, and was removed."""

    filename: str
    file: Annotated[str, "the first of its files that was wrong"]
    reason: str
    environments: Annotated[list[str], "those that linked to it, which a sync repairs"]


class CacheVerifyDocument(TypedDict):
    """`dxpy cache verify`, which ends with 1 if anything was damaged."""

    schema: Literal["dxpy/cache-verify/1"]
    checked: Annotated[int, "packages"]
    damaged: list[Damage]


class CacheRemovalDocument(TypedDict):
    """`dxpy cache clean`, `prune` and `gc`: what was removed, or would be."""

    schema: Literal["dxpy/cache-removal/1"]
    directory: str
    dry_run: bool
    packages: list[CacheEntry]
    files: int
    bytes: int


class ToolCommandEntry(TypedDict):
    """A command of an installed tool."""

    name: str
    path: Annotated[str, "the link in the directory of commands"]
    lost: Annotated[
        str | None, "what became of that, as people are told, like ``the tool `other` has it``; null if it is there"
    ]


class ToolEntry(TypedDict):
    """An installed tool."""

    name: str
    version: Annotated[str | None, "null when its receipt cannot be read"]
    path: Annotated[str, "the link to its environment"]
    python: Annotated[str | None, "what its interpreter is, like `CPython 3.12.7`; null when that is gone"]
    requirement: Annotated[str | None, "what was asked for; null when its receipt cannot be read"]
    besides: Annotated[list[str], "what was to be with it"]
    commands: list[ToolCommandEntry]
    latest: Annotated[str | None, "the newest version there is; null unless `--outdated` asks, or nobody knows"]
    problem: Annotated[str | None, "why it cannot be used, null when it can"]


class ToolListDocument(TypedDict):
    """`dxpy tool list`."""

    schema: Literal["dxpy/tool-list/1"]
    directory: str
    tools: list[ToolEntry]


class ToolChange(TypedDict):
    """What became of a tool."""

    name: str
    change: Literal["installed", "changed", "unchanged", "removed"]
    version: Annotated[str | None, "the version that is installed now, null for one that was removed"]
    earlier_version: Annotated[str | None, "the one that was installed before"]
    commands: Annotated[list[str], "the names of its commands; for one that was removed, of those that are gone"]


class ToolChangesDocument(TypedDict):
    """`dxpy tool install`, `upgrade`, `uninstall` and `sync`."""

    schema: Literal["dxpy/tool-changes/1"]
    tools: list[ToolChange]


class BuiltFile(TypedDict):
    """A wheel or source distribution that was built."""

    path: str
    name: str
    version: str
    kind: Annotated[str, "`wheel` or `sdist`"]
    size: int
    sha256: str
    files: Annotated[list[str], "the paths in it"]


class BuildDocument(TypedDict):
    """`dxpy build`."""

    schema: Literal["dxpy/build/1"]
    dry_run: Annotated[bool, "whether nothing was kept (`--list`)"]
    files: list[BuiltFile]


class PublishedFile(TypedDict):
    """A distribution, and what became of it."""

    path: str
    name: str
    version: str
    size: int
    sha256: str
    attestations: Annotated[int, "how many go with it"]
    publication: Annotated[str, "`uploaded`, `already-there`, `passed-over` (`--skip-existing`) or `planned`"]


class PublishDocument(TypedDict):
    """`dxpy publish`."""

    schema: Literal["dxpy/publish/1"]
    url: str
    files: list[PublishedFile]


class SettingOrigin(TypedDict):
    """A place that a setting comes from."""

    kind: Literal["flag", "variable", "file", "pip", "default"]
    name: Annotated[str, "the flag, the variable or the path of the file; of pip, its variable or file; else empty"]
    line: int | None


SettingValue = str | bool | float | list[str] | dict[str, str | bool | list[str] | dict[str, list[str]]] | None


class StatedSetting(TypedDict):
    """A setting as it counts. URLs in it are without user names and passwords."""

    key: str
    value: Annotated[
        str | bool | float | list[str] | dict[str, str | bool | list[str] | dict[str, list[str]]] | None,
        "null for what is not set",
    ]
    origins: Annotated[list[SettingOrigin], "several for what is put together from several places, the nearest first"]


class ConfigListDocument(TypedDict):
    """`dxpy config list`, and any command with `--show-settings`."""

    schema: Literal["dxpy/config-list/1"]
    settings: list[StatedSetting]


class ConfigGetDocument(TypedDict):
    """`dxpy config get`."""

    schema: Literal["dxpy/config-get/1"]
    key: str
    value: Annotated[
        str | bool | float | list[str] | dict[str, str | bool | list[str] | dict[str, list[str]]] | None,
        "null for what is not set",
    ]
    origins: list[SettingOrigin]
