"""Every error dxpy raises on purpose: one root, one level per subsystem, a leaf where a caller or a hint needs it.

    DxpyError
    ├── UsageError                   a flag, variable or argument that makes no sense
    ├── ProjectError                 pyproject.toml: missing, unreadable, invalid
    │   ├── ProjectNotFound
    │   ├── InvalidProject
    │   │   └── InvalidScript
    │   └── InvalidSettings
    ├── LockError                    the lock: missing, stale, damaged
    │   ├── LockNotFound
    │   ├── StaleLock
    │   ├── NotInLock
    │   └── WrongEnvironment
    ├── ResolutionError              no set of distributions satisfies what is asked
    │   ├── NoSolution
    │   └── BuildForbidden
    ├── IndexFailure                 an index that does not answer, or answers nonsense
    │   ├── UnknownProject
    │   ├── IndexUnavailable
    │   │   └── FileMissing
    │   ├── IndexRefused
    │   └── InvalidIndexPage
    ├── InvalidBundle                a directory for installing without a network that is not whole
    ├── NotLoggedIn                  nobody has logged in to a service
    ├── SourceUnavailable            a repository or directory of source that cannot be had
    ├── FormatError                  bytes that are not what they claim to be
    │   ├── InvalidWheel
    │   ├── InvalidMetadata
    │   ├── InvalidPackage
    │   ├── InvalidLock
    │   ├── InvalidDocument
    │   ├── InvalidRequirementsFile
    │   ├── InvalidSourceArchive
    │   ├── InvalidEnvFile
    │   ├── InvalidLoginFile
    │   ├── InvalidAttestation
    │   └── InvalidDistributions
    ├── IntegrityError               bytes that are not the ones that were promised
    │   ├── HashMismatch
    │   ├── HashesMissing
    │   └── SizeMismatch
    ├── StoreError                   the store on disk: unwritable, full, damaged
    │   └── DamagedEntry
    ├── BuildError                   a source tree of which no wheel, sdist or metadata can be made
    │   ├── InvalidSource
    │   ├── BuildRefused
    │   ├── BuildCycle
    │   └── BuildFailed
    ├── PublishError                 distributions that cannot be published
    │   ├── UploadRefused
    │   ├── AlreadyPublished
    │   ├── UploadFailed
    │   └── TrustedPublishingFailed
    ├── InstallError                 an environment that cannot be changed as planned
    │   ├── FileConflict
    │   └── CannotUninstall
    ├── ToolError                    a tool that cannot be run or installed as asked
    │   ├── CommandClash
    │   └── InvalidToolFile
    └── InterpreterError             no interpreter, or one that does not work
        ├── InterpreterNotFound
        ├── InstallationFailed
        └── InvalidEnvironment
            └── ExternallyManaged

`exit_code` is what the command line ends with: 1 when the user must change something (no solution, a stale lock),
2 when something failed. `hints()` gives the ways out, one sentence each. This module imports nothing of ours.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing either costs more than a whole command that has nothing to do
if TYPE_CHECKING:
    from collections.abc import Sequence


class DxpyError(Exception):
    """The root of all errors that dxpy raises on purpose. `str(error)` is one sentence for the user."""

    code = "error"
    exit_code = 2

    def __init__(self, message: str, *, hints: Sequence[str] = ()) -> None:
        super().__init__(message)
        self._hints = tuple(hints)

    def hints(self) -> Sequence[str]:
        """Ways out, one sentence each, most likely first."""
        return self._hints


class UsageError(DxpyError):
    """A flag, an environment variable or an argument that makes no sense."""

    code = "usage"


class ProjectError(DxpyError):
    """A project file that cannot be used."""

    code = "project"


class ProjectNotFound(ProjectError):
    """There is no pyproject.toml here or in any parent directory."""

    code = "project-not-found"

    def __init__(self, directory: str) -> None:
        super().__init__(
            f"no pyproject.toml in `{directory}` or any parent directory",
            hints=("run this inside a project, or name one with `--project DIR`",),
        )
        self.directory = directory


class InvalidProject(ProjectError):
    """A pyproject.toml that does not parse or breaks a standard. `file`, and `line` where one is known."""

    code = "invalid-project"
    wording = "`{}` is not a valid project file"

    def __init__(self, file: str, reason: str, *, line: int | None = None, hints: Sequence[str] = ()) -> None:
        where = f"{file}:{line}" if line is not None else file
        super().__init__(f"{self.wording.format(where)}: {reason}", hints=hints)
        self.file, self.line, self.reason = file, line, reason


class InvalidScript(InvalidProject):
    """A script whose block of metadata does not parse or breaks a standard."""

    code = "invalid-script"
    wording = "the metadata in `{}` is not valid"


class InvalidSettings(ProjectError):
    """A file of settings that does not parse or says what makes no sense."""

    code = "invalid-settings"

    def __init__(self, file: str, reason: str, *, line: int | None = None, hints: Sequence[str] = ()) -> None:
        where = f"{file}:{line}" if line is not None else file
        super().__init__(f"`{where}` is not a valid file of settings: {reason}", hints=hints)
        self.file, self.line, self.reason = file, line, reason


class LockError(DxpyError):
    """A lock that cannot be used."""

    code = "lock"


class LockNotFound(LockError):
    """The lock is needed and not there."""

    code = "lock-not-found"
    exit_code = 1

    def __init__(self, file: str, *, command: str = "dxpy lock") -> None:
        super().__init__(f"there is no lock at `{file}`", hints=(f"run `{command}` to make it",))
        self.file = file


class StaleLock(LockError):
    """The lock does not match the project any more, and may not be changed."""

    code = "stale-lock"
    exit_code = 1

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(
            f"the lock `{file}` does not match the project: {reason}",
            hints=("run `dxpy lock` to bring it up to date",),
        )
        self.file, self.reason = file, reason


class NotInLock(LockError):
    """The lock has no release of a project that was asked about."""

    code = "not-in-lock"
    exit_code = 1

    def __init__(self, project: str, file: str, *, hints: Sequence[str]) -> None:
        super().__init__(f"`{project}` is not in the lock `{file}`", hints=hints)
        self.project, self.file = project, file


class WrongEnvironment(LockError):
    """The lock, which is to be used as it is, was made for environments of another kind than this one."""

    code = "wrong-environment"
    exit_code = 1

    def __init__(self, file: str, reason: str, *, made_for: str) -> None:
        super().__init__(
            f"the lock `{file}`, made for {made_for}, does not serve this environment: {reason}",
            hints=("run `dxpy lock` to make it for this environment; what fits keeps its version",),
        )
        self.file, self.reason, self.made_for = file, reason, made_for


class ResolutionError(DxpyError):
    """What is asked cannot be resolved."""

    code = "resolution"
    exit_code = 1


class NoSolution(ResolutionError):
    """No set of versions satisfies all requirements. `derivation` is the proof, worded by `resolver.report`."""

    code = "no-solution"

    def __init__(self, message: str, *, derivation: object, hints: Sequence[str] = ()) -> None:
        super().__init__(message, hints=hints)
        self.derivation = derivation


class BuildForbidden(ResolutionError):
    """Only a source distribution fits, and it may not be built."""

    code = "build-forbidden"

    def __init__(self, project: str, version: str, filename: str) -> None:
        super().__init__(
            f"`{project}` {version} has no wheel for this environment, only the source distribution `{filename}`, "
            "which may not be built (no-build)",
            hints=(f"allow that `{project}` is built, or require a version of it that has a wheel",),
        )
        self.project, self.version, self.filename = project, version, filename


class IndexFailure(DxpyError):
    """An index that does not give what is needed. `url` never carries credentials."""

    code = "index"

    def __init__(self, message: str, *, url: str, hints: Sequence[str] = ()) -> None:
        super().__init__(message, hints=hints)
        self.url = url


class UnknownProject(IndexFailure):
    """No index has a project of that name."""

    code = "unknown-project"
    exit_code = 1


class IndexUnavailable(IndexFailure):
    """The index did not answer, or went on answering with errors, after all retries."""

    code = "index-unavailable"


class FileMissing(IndexUnavailable):
    """The index answers, and does not have the file."""

    code = "file-missing"


class IndexRefused(IndexFailure):
    """The index wants credentials, or refuses those given (401, 403)."""

    code = "index-refused"


class InvalidIndexPage(IndexFailure):
    """The index answered with something that is not a page of the simple API."""

    code = "invalid-index-page"


class InvalidBundle(DxpyError):
    """A directory that was made for installing without a network lacks a file, or has another than it should."""

    code = "invalid-bundle"
    exit_code = 1


class NotLoggedIn(DxpyError):
    """There is no login for a service, of that user if one was named."""

    code = "not-logged-in"
    exit_code = 1

    def __init__(self, service: str, *, username: str | None = None, hints: Sequence[str] = ()) -> None:
        super().__init__(
            f"there is no login for `{service}`{f' of `{username}`' if username is not None else ''}", hints=hints
        )
        self.service, self.username = service, username


class SourceUnavailable(DxpyError):
    """A git repository, commit or directory that a direct reference leads to, and that cannot be had."""

    code = "source-unavailable"


class FormatError(DxpyError):
    """Bytes that are not what they claim to be. Names the file, where in it (byte offset or member), and why."""

    code = "format"

    def __init__(self, file: str, reason: str, *, offset: int | None = None) -> None:
        where = f"{file} (at byte {offset})" if offset is not None else file
        super().__init__(f"`{where}` {reason}")
        self.file, self.reason, self.offset = file, reason, offset


class InvalidWheel(FormatError):
    """A wheel that breaks the wheel or ZIP format, or that two readers could read differently."""

    code = "invalid-wheel"


class InvalidMetadata(FormatError):
    """Core metadata that does not parse, or names another project or version."""

    code = "invalid-metadata"


class InvalidPackage(FormatError):
    """A DPP that is damaged, from a newer dxpy, or something else altogether. The file is left as it is."""

    code = "invalid-package"

    def __init__(self, file: str, reason: str, *, offset: int | None = None, hints: Sequence[str] = ()) -> None:
        super().__init__(file, reason, offset=offset)
        self._hints = tuple(hints)


class InvalidLock(FormatError):
    """A lock that is damaged, from a newer dxpy, or something else altogether. The file is left as it is."""

    code = "invalid-lock"

    def __init__(self, file: str, reason: str, *, offset: int | None = None, hints: Sequence[str] = ()) -> None:
        super().__init__(file, reason, offset=offset)
        self._hints = tuple(hints)


class InvalidDocument(FormatError):
    """A pyproject.dx that is damaged, from a newer dxpy, or something else altogether. The file is left as it is.

    Also a document that the format, or TOML, has no place for.
    """

    code = "invalid-document"

    def __init__(self, file: str, reason: str, *, offset: int | None = None, hints: Sequence[str] = ()) -> None:
        super().__init__(file, reason, offset=offset)
        self._hints = tuple(hints)


class InvalidRequirementsFile(FormatError):
    """A file of constraints or overrides with a line that is neither a requirement nor names a further file."""

    code = "invalid-requirements-file"

    def __init__(self, file: str, reason: str, *, line: int | None = None, hints: Sequence[str] = ()) -> None:
        super().__init__(f"{file}:{line}" if line is not None else file, reason)
        self.file, self.line, self._hints = file, line, tuple(hints)


class InvalidSourceArchive(FormatError):
    """An sdist that is no archive of one directory, or that holds what a source tree has no business to hold."""

    code = "invalid-source-archive"


class InvalidEnvFile(FormatError):
    """A file of environment variables with a line that sets none."""

    code = "invalid-env-file"

    def __init__(self, file: str, reason: str, *, line: int) -> None:
        super().__init__(f"{file}:{line}", reason)
        self.file, self.line = file, line


class InvalidLoginFile(FormatError):
    """The file of what `dxpy auth login` keeps, damaged or from a newer dxpy. It is left as it is."""

    code = "invalid-login-file"

    def hints(self) -> Sequence[str]:
        return (f"move `{self.file}` away, and log in again with `dxpy auth login`",)


class InvalidAttestation(FormatError):
    """An attestation that is damaged, or of another file than the one it lies beside."""

    code = "invalid-attestation"

    def hints(self) -> Sequence[str]:
        return ("attest the file again, or publish with `--no-attestations`",)


class InvalidDistributions(FormatError):
    """Several files that are not in order; `errors` are what is wrong with each, `file` and `reason` of the first."""

    code = "invalid-distributions"

    def __init__(self, errors: Sequence[FormatError]) -> None:
        first = errors[0]
        super().__init__(first.file, first.reason, offset=first.offset)
        self.errors = tuple(errors)

    def __str__(self) -> str:
        return "\n  ".join((f"{len(self.errors)} distributions are not in order:", *map(str, self.errors)))

    def hints(self) -> Sequence[str]:
        return tuple(dict.fromkeys(hint for error in self.errors for hint in error.hints()))


class IntegrityError(DxpyError):
    """Bytes that are not the ones that were promised."""

    code = "integrity"


class HashMismatch(IntegrityError):
    """A file's digest differs from the one the index or lock recorded."""

    code = "hash-mismatch"

    def __init__(self, filename: str, *, algorithm: str, expected: str, actual: str, origin: str) -> None:
        super().__init__(
            f"`{filename}` from {origin} has {algorithm} {actual}, expected {expected}",
            hints=(
                (
                    "the file was changed after the lock or index recorded it; "
                    "if that is expected, lock again with `dxpy lock`"
                ),
            ),
        )
        self.filename, self.algorithm, self.expected, self.actual = filename, algorithm, expected, actual


class HashesMissing(IntegrityError):
    """In hash-checking mode: requirements of which nothing says, or nothing can say, what their files have to be."""

    code = "hashes-missing"
    exit_code = 1


class SizeMismatch(IntegrityError):
    """A file is longer or shorter than the index or lock says."""

    code = "size-mismatch"

    def __init__(self, filename: str, *, expected: int, actual: int, origin: str) -> None:
        super().__init__(f"`{filename}` from {origin} has {actual} bytes, expected {expected}")
        self.filename, self.expected, self.actual = filename, expected, actual


class StoreError(DxpyError):
    """The store cannot be read or written."""

    code = "store"


class DamagedEntry(StoreError):
    """A file of an unpacked wheel in the store is gone or not what was unpacked. The wheel has to be fetched again.

    `key` is the wheel's key in the store (BLAKE3 of the archive, hex), `file` the path of the file.
    """

    code = "damaged-entry"

    def __init__(self, filename: str, *, key: str, file: str, reason: str) -> None:
        super().__init__(
            f"the store's copy of `{filename}` is damaged: `{file}` {reason}",
            hints=("run the command again; if it goes on, `dxpy cache clean` empties the store",),
        )
        self.filename, self.key, self.file = filename, key, file


class BuildError(DxpyError):
    """Something that is not a wheel cannot be made one. `label` is what messages call the source tree."""

    code = "build"

    def __init__(self, message: str, *, label: str, hints: Sequence[str] = ()) -> None:
        super().__init__(message, hints=hints)
        self.label = label


class InvalidSource(BuildError):
    """A source tree that does not say how it is built, or says it wrongly."""

    code = "invalid-source"
    exit_code = 1

    def __init__(self, label: str, reason: str, *, hints: Sequence[str] = ()) -> None:
        super().__init__(f"`{label}` cannot be built: {reason}", label=label, hints=hints)
        self.reason = reason


class BuildRefused(BuildError):
    """Building is needed, and the settings do not allow it."""

    code = "build-refused"
    exit_code = 1

    def __init__(self, label: str, setting: str) -> None:
        super().__init__(
            f"`{label}` would have to be built, which `{setting}` does not allow",
            label=label,
            hints=("allow it, or require a release that has a wheel for this environment",),
        )
        self.setting = setting


class BuildCycle(BuildError):
    """Projects that each have to be built before the other can be. `chain` begins and ends with the same."""

    code = "build-cycle"
    exit_code = 1

    def __init__(self, chain: Sequence[str]) -> None:
        super().__init__(
            f"building `{chain[0]}` needs it to be built first: {' → '.join(chain)}",
            label=chain[0],
            hints=("allow a wheel of one of them, or pin a version that has one with `build-constraint-dependencies`",),
        )
        self.chain = tuple(chain)


class BuildFailed(BuildError):
    """A build backend that failed, or gave something else than it was asked for.

    `output` is the end of what it wrote, as it wrote it; `str(error)` shows it line by line.
    """

    code = "build-failed"

    def __init__(self, label: str, reason: str, *, output: str = "", hints: Sequence[str] = ()) -> None:
        shown = "".join(f"\n    {line}".rstrip(" ") for line in output.splitlines())
        super().__init__(
            f"building `{label}` failed: {reason}" + (f"\n{shown}" if shown else ""), label=label, hints=hints
        )
        self.reason, self.output = reason, output


class PublishError(DxpyError):
    """Distributions that cannot be published as they are, or as they were asked to be."""

    code = "publish"
    exit_code = 1


class UploadRefused(PublishError):
    """An index that does not take a file: `status` is that of HTTP. `url` never carries credentials."""

    code = "upload-refused"

    def __init__(self, message: str, *, url: str, status: int, hints: Sequence[str] = ()) -> None:
        super().__init__(message, hints=hints)
        self.url, self.status = url, status


class AlreadyPublished(PublishError):
    """The index has a file of that name already, which is not this one, or of which that cannot be told."""

    code = "already-published"

    def __init__(self, filename: str, reason: str, *, hints: Sequence[str] = ()) -> None:
        super().__init__(f"`{filename}` {reason}", hints=hints)
        self.filename = filename


class UploadFailed(PublishError):
    """An upload that came to no answer. With `is_unclear` the index may have the file all the same."""

    code = "upload-failed"
    exit_code = 2

    def __init__(self, filename: str, reason: str, *, is_unclear: bool, hints: Sequence[str] = ()) -> None:
        super().__init__(f"`{filename}` {reason}", hints=hints)
        self.filename, self.is_unclear = filename, is_unclear


class TrustedPublishingFailed(PublishError):
    """A token for this upload that the index, or the service this runs in, did not give."""

    code = "trusted-publishing"


class InstallError(DxpyError):
    """An environment cannot be changed as planned. It is left as it was."""

    code = "install"


class FileConflict(InstallError):
    """Two distributions provide the same file, or a file is in the way that no distribution owns."""

    code = "file-conflict"


class ToolError(DxpyError):
    """A tool that cannot be run, installed or removed as asked. Those that are installed are as they were."""

    code = "tool"
    exit_code = 1


class CommandClash(ToolError):
    """Commands of a tool whose names are taken in the directory of commands. Nothing was written."""

    code = "command-clash"


class InvalidToolFile(ToolError):
    """A receipt or a list of tools that does not parse or says what makes no sense."""

    code = "invalid-tool-file"

    def __init__(self, file: str, reason: str, *, line: int | None = None, hints: Sequence[str] = ()) -> None:
        where = f"{file}:{line}" if line is not None else file
        super().__init__(f"`{where}` cannot be used: {reason}", hints=hints)
        self.file, self.line, self.reason = file, line, reason


class CannotUninstall(InstallError):
    """A distribution of which nobody knows which files are its own, or that lies outside of the environment."""

    code = "cannot-uninstall"
    exit_code = 1


class InterpreterError(DxpyError):
    """A Python interpreter or an environment that cannot be used."""

    code = "interpreter"


class InterpreterNotFound(InterpreterError):
    """No interpreter on this machine fits what was asked.

    `wanted`, request and `requires-python`, is what one would have to be that is installed for it, None when what was
    asked for is not a matter of versions.
    """

    code = "interpreter-not-found"

    def __init__(
        self, message: str, *, hints: Sequence[str] = (), wanted: tuple[str | None, str] | None = None
    ) -> None:
        super().__init__(message, hints=hints)
        self.wanted = wanted


class InstallationFailed(InterpreterError):
    """A Python that cannot be installed or removed. Those that are there are as they were."""

    code = "python-installation"


class InvalidEnvironment(InterpreterError):
    """A directory that should be a virtual environment and is not, or one whose interpreter is gone."""

    code = "invalid-environment"


class ExternallyManaged(InvalidEnvironment):
    """An interpreter whose packages another package manager looks after. `said` is what its marker says of it.

    Source: https://packaging.python.org/en/latest/specifications/externally-managed-environments/
    """

    code = "externally-managed-environment"
    exit_code = 1

    def __init__(self, executable: str, said: str) -> None:
        super().__init__(
            f"externally-managed-environment: the packages of `{executable}` are another package manager's",
            hints=(
                *([said] if said else []),
                "make an environment with `dxpy venv` and install there",
                "`--break-system-packages` installs all the same, at the risk of breaking what the system needs",
            ),
        )


class Terminated(BaseException):
    """SIGTERM arrived. Like KeyboardInterrupt it is no error: it unwinds everything that cleans up after itself."""
