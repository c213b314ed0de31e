"""A resolution's question as a value: all that its answer depends on, besides what indexes say, and a key for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from dxpy_async._version import __version__
from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.hashing import blake3_of
from dxpy_async.core.locks import LockedRoots
from dxpy_async.core.names import ProjectName
from dxpy_async.core.upload_limits import Cutoff
from dxpy_async.resolver.hints import without_credentials
from dxpy_async.resolver.options import ResolutionOptions

ANSWERS = 2
"""To be counted up whenever the same question would be answered differently, or be asked in another form."""

CONTEXT_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. `kind` tells apart what is made of the answer; `settings` are a lock's, as text without secrets.

    `directories` is the state of the local directories of distributions, empty when there is none.
    """

    kind: str
    roots: LockedRoots
    target: TargetEnvironment
    options: ResolutionOptions
    settings: Mapping[str, str]
    project: str = ""
    requires_python: str = ""
    directories: bytes = b""

    @property
    def root_names(self) -> frozenset[ProjectName]:
        """The projects that are asked for."""
        roots = self.roots
        kinds = (roots.requirements, *roots.optional.values(), *roots.groups.values())
        return frozenset(requirement.name for requirements in kinds for requirement in requirements)

    @property
    def has_secrets(self) -> bool:
        """Whether a requirement refers to an address with credentials: such a question is never written down."""
        return any(without_credentials(text) != text for text in (*self._roots(), *self._amendments()))

    def context(self) -> str:
        """The same for all questions about the same environment and settings, as hexadecimal digits."""
        return blake3_of(_joined(self._context()))[:CONTEXT_BYTES].hex()

    def key(self) -> bytes:
        """BLAKE3, 32 bytes; two questions that may have different answers have different ones."""
        parts = (
            self._context(),
            [self.kind, self.project, self.requires_python, self.directories.hex()],
            self._roots(),
            self._amendments(),
            self._options(),
        )
        counted = [(str(len(texts)), *texts) for texts in map(tuple, parts)]
        return blake3_of(_joined(text for texts in counted for text in texts))

    def _context(self) -> Iterator[str]:
        yield f"dxpy {__version__} {ANSWERS}"
        yield from _pairs(self.target.markers)
        yield from self.target.tags
        yield from _pairs(self.settings)

    def _roots(self) -> Iterator[str]:
        roots = self.roots
        yield from map(str, roots.requirements)
        for kind, named in (("extra", roots.optional), ("group", roots.groups)):
            for name, requirements in sorted(named.items()):
                yield f"{kind} {name} {len(requirements)}"
                yield from map(str, requirements)

    def _amendments(self) -> Iterator[str]:
        amendments = self.options.amendments
        for kind in (amendments.constraints, amendments.overrides):
            yield str(len(kind))
            yield from (str(each.requirement) for each in kind)
        yield from sorted(amendments.exclusions)

    def _options(self) -> Iterator[str]:
        options = self.options
        yield from (options.mode, options.prereleases, _cutoff(options.cutoffs.general))
        yield from _pairs(options.prereleases_of)
        builds = options.builds
        yield from (str(builds.no_build), str(builds.no_binary))
        for named in (builds.no_build_projects, builds.no_binary_projects):
            yield from (str(len(named)), *sorted(named))
        yield from (
            repr(sorted(builds.config.items())),
            repr([(name, sorted(each.items())) for name, each in sorted(builds.config_of.items())]),
        )
        yield from _pairs({name: _cutoff(cutoff) for name, cutoff in options.cutoffs.projects.items()})
        for name in sorted(options.preferences):
            if (version := options.preferred(name)) is not None:
                yield f"{name}=={version}"


def _pairs(mapping: Mapping[ProjectName, str] | Mapping[str, str]) -> list[str]:
    return [str(len(mapping)), *(f"{name}={value}" for name, value in sorted(mapping.items()))]


def _cutoff(cutoff: Cutoff | None) -> str:
    return "" if cutoff is None else f"{cutoff.moment} {cutoff.words}"


def _joined(texts: Iterable[str]) -> bytes:
    """Texts as bytes that no other texts give."""
    encoded = [text.encode("utf-8", "surrogateescape") for text in texts]
    return b"".join(part for each in encoded for part in (len(each).to_bytes(8, "little"), each))
