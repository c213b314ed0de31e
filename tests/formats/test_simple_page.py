"""Project pages: both forms of the simple API, strict names, safe links, the compact form."""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import DistributionFile, ProjectPage
from dxpy_async.errors import FormatError, InvalidIndexPage
from dxpy_async.formats.compact_page import decode_page, encode_page, map_page
from dxpy_async.formats.simple_page import HTML_TYPE, JSON_TYPE, name_and_version, parse

FLASK = ProjectName("flask")
BASE = "https://index.test/simple/flask/"
SHA = "ab" * 32
WHEEL = "flask-3.0-py3-none-any.whl"


def page_of(body: bytes, content_type: str = JSON_TYPE, project: ProjectName = FLASK, base: str = BASE) -> ProjectPage:
    record = parse(body, content_type, base_url=base, project=project, index_url="https://index.test/simple")
    return decode_page(encode_page(record), origin="test")


def json_page(*files: dict[str, object], name: str = "Flask", version: str = "1.1") -> bytes:
    return json.dumps({"meta": {"api-version": version}, "name": name, "files": files}).encode()


def listed(filename: str = WHEEL, **said: object) -> dict[str, object]:
    return {"filename": filename, "url": f"https://files.test/x/{filename}", "hashes": {"sha256": SHA}} | said


def html_page(*anchors: str, head: str = "") -> bytes:
    return f"<!DOCTYPE html><html><head>{head}</head><body>{''.join(anchors)}</body></html>".encode()


def only_file(page: ProjectPage) -> DistributionFile:
    (version,) = page.versions
    (file,) = page.files(version)
    return file


class TestJson:
    def test_says_all_there_is_to_a_file(self) -> None:
        said = listed(
            size=7,
            **{
                "upload-time": "2024-01-02T03:04:05.678901Z",
                "requires-python": ">=3.8",
                "core-metadata": {"sha256": "cd" * 32},
                "yanked": "broken",
            },
        )
        page = page_of(json_page(said))
        assert page.project == "flask"
        assert page.index_url == "https://index.test/simple"
        assert only_file(page) == DistributionFile(
            filename=WHEEL,
            url=f"https://files.test/x/{WHEEL}",
            hashes={"sha256": SHA},
            size=7,
            upload_time=1_704_164_645_678_901,
            requires_python=">=3.8",
            yanked="broken",
            metadata_hashes={"sha256": "cd" * 32},
        )

    def test_a_file_of_which_nothing_is_said(self) -> None:
        page = page_of(
            json_page({"filename": WHEEL, "url": WHEEL, "hashes": {}, "requires-python": None, "size": None})
        )
        assert only_file(page) == DistributionFile(filename=WHEEL, url=f"{BASE}{WHEEL}")

    @pytest.mark.parametrize(
        ("said", "expected"), [(True, ""), (False, None), (None, None), ("", None), ("why", "why")]
    )
    def test_yanked(self, said: object, expected: str | None) -> None:
        assert only_file(page_of(json_page(listed(yanked=said)))).yanked == expected

    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            ({"core-metadata": True}, {}),
            ({"core-metadata": False}, None),
            ({"dist-info-metadata": {"sha256": SHA}}, {"sha256": SHA}),
            ({"core-metadata": {"sha512": "ef"}, "dist-info-metadata": True}, {"sha512": "ef"}),
            ({"core-metadata": False, "dist-info-metadata": True}, None),
            ({}, None),
        ],
    )
    def test_announced_metadata(self, said: dict[str, object], expected: object) -> None:
        assert only_file(page_of(json_page(listed(**said)))).metadata_hashes == expected

    def test_all_digests_are_kept(self) -> None:
        hashes = {"sha256": SHA, "sha512": "ef" * 64, "md5": "00"}
        assert only_file(page_of(json_page(listed(hashes=hashes)))).hashes == hashes

    def test_a_digest_that_is_none_is_kept_as_it_is(self) -> None:
        assert only_file(page_of(json_page(listed(hashes={"sha256": "zz"})))).hashes == {"sha256": "zz"}

    def test_an_upload_time_that_is_none_is_unknown(self) -> None:
        assert only_file(page_of(json_page(listed(**{"upload-time": "yesterday"})))).upload_time is None

    @pytest.mark.parametrize("version", ["2.0", "99", "", "x"])
    def test_another_major_version_of_the_api_fails(self, version: str) -> None:
        with pytest.raises(InvalidIndexPage, match="simple API"):
            page_of(json_page(version=version))

    def test_a_page_of_another_project_fails(self) -> None:
        with pytest.raises(InvalidIndexPage, match=r"`flask` at .* is that of `django`"):
            page_of(json_page(name="django"))

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"\xff\xfe",
            b'{"meta": {}, "files": []}',
            b'{"meta": {"api-version": "1.0"}, "files": [{"filename": 3}]}',
            b"[" * 100_000,
            b'{"x": ' * 100_000,
        ],
        ids=lambda body: repr(body[:20]),
    )
    def test_what_does_not_parse_fails_clearly(self, body: bytes) -> None:
        with pytest.raises(InvalidIndexPage, match=r"`flask` at https://index\.test"):
            page_of(body)

    @pytest.mark.parametrize("content_type", ["text/plain", "", "application/vnd.pypi.simple.v2+json"])
    def test_another_content_type_fails(self, content_type: str) -> None:
        with pytest.raises(InvalidIndexPage):
            page_of(json_page(), content_type)


class TestHtml:
    def test_says_all_there_is_to_a_file(self) -> None:
        anchor = (
            f'<a href="../../files/{WHEEL}#sha256={SHA}" data-requires-python="&gt;=3.8" data-yanked="so"'
            f' data-core-metadata="sha256={"cd" * 32}">{WHEEL}</a>'
        )
        assert only_file(page_of(html_page(anchor), "text/html; charset=utf-8")) == DistributionFile(
            filename=WHEEL,
            url=f"https://index.test/files/{WHEEL}",
            hashes={"sha256": SHA},
            requires_python=">=3.8",
            yanked="so",
            metadata_hashes={"sha256": "cd" * 32},
        )

    def test_the_base_address_counts(self) -> None:
        page = page_of(html_page(f'<a href="{WHEEL}">', head='<base href="https://cdn.test/a/">'), HTML_TYPE)
        assert only_file(page).url == f"https://cdn.test/a/{WHEEL}"

    @pytest.mark.parametrize(
        ("attribute", "expected"), [("", None), ("data-yanked", ""), ('data-yanked=""', ""), ('data-yanked="x"', "x")]
    )
    def test_yanked_by_presence(self, attribute: str, expected: str | None) -> None:
        assert only_file(page_of(html_page(f'<a href="{WHEEL}" {attribute}>'), HTML_TYPE)).yanked == expected

    @pytest.mark.parametrize(
        ("attribute", "expected"),
        [
            ('data-dist-info-metadata="true"', {}),
            (f'data-dist-info-metadata="sha256={SHA}"', {"sha256": SHA}),
            (f'data-core-metadata="true" data-dist-info-metadata="sha256={SHA}"', {}),
            ('data-core-metadata="false"', None),
        ],
    )
    def test_announced_metadata(self, attribute: str, expected: object) -> None:
        assert only_file(page_of(html_page(f'<a href="{WHEEL}" {attribute}>'), HTML_TYPE)).metadata_hashes == expected

    def test_names_are_decoded_once(self) -> None:
        local = "flask-3.0%2Blocal.1-py3-none-any.whl"
        page = page_of(html_page(f'<a href="{local}">'), HTML_TYPE)
        assert only_file(page).filename == "flask-3.0+local.1-py3-none-any.whl"
        assert only_file(page).url == f"{BASE}{local}"
        twice = "flask-3.0-py3-none-any%252F..%252Fx.whl"
        assert page_of(html_page(f'<a href="{twice}">'), HTML_TYPE).files(Version("3.0")) == ()

    def test_another_major_version_of_the_api_fails(self) -> None:
        head = '<meta name="pypi:repository-version" content="2.0">'
        with pytest.raises(InvalidIndexPage, match="simple API"):
            page_of(html_page(head=head), HTML_TYPE)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<<<<",
            b"<a href=",
            b"<![bogus[",
            b"<a href='http://[::1'>",
            b"\xff\xfe\x00",
            b"<a " * 100_000,
            b"<!--" * 100_000,
            b'<a x="' * 100_000,
            b"<a x" * 100_000,
        ],
    )
    def test_broken_markup_is_an_empty_page_or_a_clear_error(self, body: bytes) -> None:
        with suppress(InvalidIndexPage):
            assert page_of(body, HTML_TYPE).versions == ()


class TestNames:
    def test_versions_are_newest_first_and_equal_ones_are_one(self) -> None:
        names = ["flask-1.0.tar.gz", "Flask-1.10-py3-none-any.whl", "flask-1.9.zip", "flask-1.0.0-py2.py3-none-any.whl"]
        page = page_of(json_page(*map(listed, names)))
        assert [str(version) for version in page.versions] == ["1.10", "1.9", "1.0"]
        assert [file.filename for file in page.files(Version("1.0.0"))] == [names[0], names[3]]
        assert page.files(Version("1.0")) == page.files(Version("1.0.0.0"))
        assert page.files(Version("7")) == ()

    def test_files_keep_the_order_of_the_page(self) -> None:
        names = [f"flask-1.0-cp3{n}-abi3-any.whl" for n in (9, 8, 11)] + ["flask-1.0.tar.gz"]
        assert [file.filename for file in page_of(json_page(*map(listed, names))).files(Version("1.0"))] == names

    @pytest.mark.parametrize(
        "filename",
        [
            "django-1.0-py3-none-any.whl",
            "flask-1.0-py3-none.whl",
            "flask-1.0-1-2-py3-none-any.whl",
            "flask-1.0-x1-py3-none-any.whl",
            "flask-one-py3-none-any.whl",
            "flask-1.0.egg",
            "flask-1.0.tar.bz2",
            "flask-1.0.win32.exe",
            "flask.tar.gz",
            "flask-1.0-.tar.gz",
            "flask-1.0/../../x-py3-none-any.whl",
            "flask-1.0-py3-none-any/../x.whl",
            "../flask-1.0-py3-none-any.whl",
            "flask-1.0-py3-none-any\\x.whl",
            "flask-1.0-py3-none-any\n.whl",
            "flask-1.0-py3-none-\x1b[31m.whl",
            "",
        ],
    )
    def test_files_that_are_not_of_the_project_are_passed_over(self, filename: str) -> None:
        page = page_of(json_page(listed(), listed(filename)))
        assert [file.filename for version in page.versions for file in page.files(version)] == [WHEEL]

    def test_build_tags_and_dashes_in_sdists(self) -> None:
        assert name_and_version("a-1.0-2b-py3-none-any.whl") == ("a", "1.0", True)
        assert name_and_version("a-b-c-1.0.tar.gz") == ("a-b-c", "1.0", False)


class TestLinks:
    @pytest.mark.parametrize(
        "url",
        [
            f"file:///etc/{WHEEL}",
            f"ftp://x.test/{WHEEL}",
            f"git+ext::sh -c touch{WHEEL}",
            f"http://[::1/{WHEEL}",
            f"http://x.test:99999999/{WHEEL}",
            f"http:///{WHEEL}",
            f"javascript:alert(1)//{WHEEL}",
        ],
    )
    def test_only_http_is_followed_from_an_http_index(self, url: str) -> None:
        assert page_of(json_page(listed(url=url))).files(Version("3.0")) == ()

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            (f"//cdn.test/{WHEEL}", f"https://cdn.test/{WHEEL}"),
            (f"/f/{WHEEL}?a=b&c=%2F#sha256=x", f"https://index.test/f/{WHEEL}?a=b&c=%2F"),
            (f"https://me:secret@cdn.test/{WHEEL}", f"https://cdn.test/{WHEEL}"),
            (f"https://cdn.test/a b\r\nX: y/{WHEEL}", f"https://cdn.test/a%20bX:%20y/{WHEEL}"),
            (f"https://cdn.test/ü/{WHEEL}", f"https://cdn.test/%C3%BC/{WHEEL}"),
            (f"~x/{WHEEL}", f"{BASE}~x/{WHEEL}"),
        ],
    )
    def test_links_are_absolute_safe_and_without_credentials(self, url: str, expected: str) -> None:
        assert only_file(page_of(json_page(listed(url=url)))).url == expected

    def test_a_local_page_may_name_local_files(self) -> None:
        page = page_of(html_page(f'<a href="{WHEEL}">'), HTML_TYPE, base="file:///srv/simple/flask/index.html")
        assert only_file(page).url == f"file:///srv/simple/flask/{WHEEL}"

    def test_links_with_and_without_a_common_beginning(self) -> None:
        names = [f"flask-1.{n}.tar.gz" for n in range(4)]
        urls = ["https://a.test/p/q/" + names[0], "https://b.test/" + names[1], "x/" + names[2], "https://a.test/p/r/z"]
        files = [listed(name, url=url) for name, url in zip(names, urls, strict=True)]
        page = page_of(json_page(*files))
        found = [file.url for version in reversed(page.versions) for file in page.files(version)]
        assert found == [urls[0], urls[1], BASE + urls[2], urls[3]]


def correct_checksums(encoded: bytearray, table: int) -> None:
    """Make all checksums of a page of five releases right, whatever is in it."""
    blobs = table + 4 * 11
    for place in range(5):
        start, stop = struct.unpack_from("<2I", encoded, table + 4 * place)
        struct.pack_into("<I", encoded, table + 4 * (6 + place), crc32(encoded[blobs + start : blobs + stop]))
    struct.pack_into("<I", encoded, 4, crc32(encoded[8:blobs]))


class TestCompactForm:
    def encoded(self) -> bytes:
        files = [listed(f"flask-{n}.0-py3-none-any.whl", size=n) for n in range(5)]
        record = parse(json_page(*files), JSON_TYPE, base_url=BASE, project=FLASK, index_url="https://index.test")
        return encode_page(record)

    def test_an_empty_page(self) -> None:
        assert page_of(json_page()).versions == ()

    @given(st.data())
    @settings(max_examples=200, deadline=None)
    def test_every_damage_is_noticed(self, data: st.DataObject) -> None:
        encoded = bytearray(self.encoded())
        position = data.draw(st.integers(0, len(encoded) - 1))
        encoded[position] ^= data.draw(st.integers(1, 255))
        with pytest.raises(FormatError):
            decode_page(bytes(encoded), origin="test")

    @given(st.integers(0, 400))
    @settings(max_examples=50, deadline=None)
    def test_every_cut_is_noticed(self, keep: int) -> None:
        with pytest.raises(FormatError):
            decode_page(self.encoded()[:keep], origin="test")

    @given(st.data())
    @settings(max_examples=200, deadline=None)
    def test_nonsense_with_a_right_checksum_is_a_format_error(self, data: st.DataObject) -> None:
        encoded = bytearray(self.encoded())
        head_size, _ = struct.unpack_from("<2I", encoded, 12)
        table = 20 + head_size + 16 * 5
        for _ in range(data.draw(st.integers(1, 4))):
            encoded[data.draw(st.integers(12, len(encoded) - 1))] = data.draw(st.integers(0, 255))
        correct_checksums(encoded, table)
        with suppress(FormatError):
            page = decode_page(bytes(encoded), origin="test")
            for version in page.versions:
                page.files(version)

    def test_damage_of_a_release_is_noticed_where_it_is_looked_at(self) -> None:
        encoded = bytearray(self.encoded())
        encoded[-1] ^= 1
        page = map_page(memoryview(encoded), origin="test")
        assert page.files(Version("4.0"))
        with pytest.raises(FormatError, match=r"is damaged where it lists 0\.0"):
            page.files(Version("0.0"))

    @pytest.mark.parametrize("said", [{"size": "many"}, {"yanked": 3}, {"hashes": []}, {"url": None}], ids=str)
    def test_a_file_that_is_not_one_is_a_clear_error_when_it_is_looked_at(self, said: dict[str, object]) -> None:
        page = page_of(json_page(listed("flask-1.0.tar.gz", **said), listed()))
        assert page.files(Version("3.0"))
        with pytest.raises(FormatError, match=r"`test` has an invalid file of 1\.0: Expected"):
            page.files(Version("1.0"))

    @pytest.mark.parametrize("many", [1, 50])
    def test_is_not_larger_than_the_page(self, many: int) -> None:
        files = [listed(f"flask-{n}.0-{m}-py3-none-any.whl") for n in range(100) for m in range(many)]
        body = json_page(*files)
        record = parse(body, JSON_TYPE, base_url=BASE, project=FLASK, index_url="")
        assert len(encode_page(record)) < (1.2 if many == 1 else 0.4) * len(body)
