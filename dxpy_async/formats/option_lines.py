"""Settings as options in files of requirements. Passwords in URLs stay out."""

from __future__ import annotations

from collections.abc import Iterator

from dxpy_async.core.settings import BuildSettings, IndexSettings
from dxpy_async.core.source_urls import public_url


def index_lines(indexes: IndexSettings) -> Iterator[str]:
    """Which indexes are asked."""
    yield f"--index-url {public_url(indexes.index_url)}" if indexes.index_url else "--no-index"
    yield from (f"--extra-index-url {public_url(url)}" for url in indexes.extra_index_urls)


def find_links_lines(indexes: IndexSettings) -> Iterator[str]:
    """Which directories are looked into."""
    yield from (f"--find-links {place}" for place in indexes.find_links)


def build_lines(builds: BuildSettings) -> Iterator[str]:
    """What has to be built, and what must not."""
    for option, everything, names in (
        ("--no-binary", builds.no_binary, builds.no_binary_projects),
        ("--only-binary", builds.no_build, builds.no_build_projects),
    ):
        yield from [f"{option} :all:"] if everything else []
        yield from (f"{option} {name}" for name in sorted(names))
