"""Local directories as indexes."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from packaging.version import Version
from wheels import build_wheel

from dxpy_async.core.names import ProjectName
from dxpy_async.errors import IndexUnavailable, InvalidIndexPage, UsageError
from dxpy_async.index.directories import directory_of

A, ONE = ProjectName("a"), Version("1.0")


def test_lists_wheels_and_sdists_with_their_digests(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "a", "1.0")
    (tmp_path / "a-1.0.tar.gz").write_bytes(b"sdist")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "a-x-py3-none-any.whl").write_text("")
    (tmp_path / "a-7.0-py3-none-any.whl").mkdir()
    page = directory_of(str(tmp_path), Path()).page(A)
    assert page is not None
    assert page.versions == (ONE,)
    built, source = page.files(Version("1"))
    assert (built.filename, built.url, built.size) == (wheel.name, wheel.as_uri(), wheel.stat().st_size)
    assert built.hashes == {"sha256": hashlib.sha256(wheel.read_bytes()).hexdigest()}
    assert source.filename == "a-1.0.tar.gz"
    assert page.files(Version("2")) == ()


def test_sees_what_is_added_later(tmp_path: Path) -> None:
    directory = directory_of(str(tmp_path), Path())
    assert directory.page(A) is None
    build_wheel(tmp_path, "a", "1.0")
    os.utime(tmp_path, ns=(1, 1))  # so that the change shows, however coarse the clock of the file system
    page = directory.page(A)
    assert page is not None
    assert page.versions == (ONE,)


def test_names_are_normalised(tmp_path: Path) -> None:
    build_wheel(tmp_path, "A.b_C", "1.0")
    assert directory_of(str(tmp_path), Path()).page(ProjectName("a-b-c")) is not None


@pytest.mark.parametrize("form", ["index.html", "index.json", "flat"])
def test_the_layout_of_the_simple_api(tmp_path: Path, form: str) -> None:
    wheel = build_wheel(tmp_path / "simple" / "a", "a", "1.0")
    said = {"filename": wheel.name, "url": wheel.name, "hashes": {}}
    page_file = {
        "index.html": f'<a href="{wheel.name}">{wheel.name}</a>',
        "index.json": json.dumps({"meta": {"api-version": "1.0"}, "name": "a", "files": [said]}),
    }
    if form in page_file:
        (wheel.parent / form).write_text(page_file[form])
    directory = directory_of((tmp_path / "simple").as_uri(), Path())
    page = directory.index_page(A)
    assert page is not None
    (file,) = page.files(ONE)
    assert file.url == wheel.as_uri()
    assert directory.index_page(ProjectName("b")) is None


def test_a_broken_page_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "index.json").write_text("{")
    with pytest.raises(InvalidIndexPage, match=r"index\.json does not parse"):
        directory_of(str(tmp_path), Path()).index_page(A)


def test_a_directory_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(IndexUnavailable, match=r"the directory `.*gone` cannot be read: No such file"):
        directory_of("gone", tmp_path).page(A)


@pytest.mark.parametrize("text", ["https://x.test/links", "file://elsewhere/x"])
def test_what_is_no_local_directory_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        directory_of(text, Path())
