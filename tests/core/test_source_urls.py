"""Direct references: what each leads to, that each is written as it is read, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxpy_async.core.source_urls import (
    ArchiveUrl,
    DirectoryUrl,
    GitUrl,
    SourceUrl,
    file_url,
    parse_source_url,
    path_of_file_url,
)

READ: list[tuple[str, SourceUrl]] = [
    ("git+https://host/x.git", GitUrl("https://host/x.git")),
    ("git+https://host/x.git@v1.0", GitUrl("https://host/x.git", "v1.0")),
    ("git+ssh://git@host/x.git@feature/one#subdirectory=a/b", GitUrl("ssh://git@host/x.git", "feature/one", "a/b")),
    ("git+file:///srv/x@0a1b2c", GitUrl("file:///srv/x", "0a1b2c")),
    ("https://host/x-1.0.tar.gz", ArchiveUrl("https://host/x-1.0.tar.gz")),
    ("https://host/x-1.0-py3-none-any.whl", ArchiveUrl("https://host/x-1.0-py3-none-any.whl")),
    ("https://host/x.zip?a=b#sha256=AB&subdirectory=s", ArchiveUrl("https://host/x.zip?a=b", (("sha256", "ab"),), "s")),
    ("file:dist/x-1.0.zip", ArchiveUrl("file:dist/x-1.0.zip")),
    ("file:libs/foo", DirectoryUrl("libs/foo")),
    ("file:../foo#editable=true", DirectoryUrl("../foo", is_editable=True)),
    ("file:///srv/foo#virtual=true", DirectoryUrl("/srv/foo", is_virtual=True)),
    ("file:///C:/src/foo", DirectoryUrl("C:/src/foo")),
    ("file://localhost/srv/foo%20bar", DirectoryUrl("/srv/foo bar")),
    ("file:.", DirectoryUrl(".")),
]


@pytest.mark.parametrize(("text", "expected"), READ)
def test_a_direct_reference_leads_to_what_it_names(text: str, expected: SourceUrl) -> None:
    assert parse_source_url(text) == expected
    assert parse_source_url(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("libs/foo", "scheme"),
        ("git+gopher://host/x", "gopher"),
        ("git+https://host", "no path"),
        ("git+https:host/x", "not like"),
        ("git+https://host/x@--upload-pack=evil", "begins with `-`"),
        ("ftp://host/x.zip", "`ftp:`"),
        ("https://host/x", "does not end like"),
        ("file://elsewhere/srv/foo", "`elsewhere`"),
        ("file:", "no path"),
        ("file:foo#editable=perhaps", "`perhaps`"),
        ("git+https://host/x#subdirectory=../y", "leads out"),
        ("https://host/x.zip#subdirectory=a%5Cb", "leads out"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("…", ".")):
        parse_source_url(text)


PATHS = st.text(st.characters(exclude_characters="\0\\", exclude_categories=("Cs",)), min_size=1)


@given(PATHS.filter(lambda path: not path.startswith("//")))
def test_a_path_comes_back_out_of_its_address(path: str) -> None:
    assert path_of_file_url(file_url(path)) == path


@given(
    st.builds(
        DirectoryUrl,
        PATHS.map(lambda path: f"libs/{path}/x"),
        is_editable=st.booleans(),
        is_virtual=st.booleans(),
        subdirectory=st.sampled_from(["", "a", "a/b c", "ü&=#"]),
    )
)
def test_a_directory_is_read_as_it_is_written(source: DirectoryUrl) -> None:
    assert parse_source_url(str(source)) == source
