"""A wheel whose parts agree is understood; one whose parts disagree is refused before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version
from wheels import (
    DIRECTORY,
    Contents,
    Member,
    build_wheel,
    record_of,
    record_row,
    wheel_filename,
    wheel_members,
    write_wheel,
    zip_bytes,
)

from dxpy_async.errors import FormatError, InvalidWheel
from dxpy_async.formats.wheel import WheelContents, parse_entry_points, read_wheel, same_version
from dxpy_async.formats.zip_archive import ZipArchive

INFO = "demo-1.0.dist-info"
NAME = "demo-1.0-py3-none-any.whl"


def read(path: Path, filename: str | None = None) -> WheelContents:
    with ZipArchive.open(path, filename or path.name) as archive:
        return read_wheel(archive, filename or path.name)


def members(**changes: Contents | None) -> dict[str, Contents]:
    """The members of demo 1.0; keywords change members of its dist-info (`_` for `.`), None removes one."""
    found: dict[str, Contents] = dict(wheel_members("demo", "1.0"))
    for name, contents in changes.items():
        path = f"{INFO}/{name.replace('__', '.')}"
        found.pop(path, None)
        if contents is not None:
            found[path] = contents
    return found


def refusal(tmp_path: Path, changed: dict[str, Contents], *, record: bool = True, filename: str = NAME) -> str:
    path = write_wheel(tmp_path / filename, changed, record=record)
    with pytest.raises(FormatError) as caught:
        read(path)
    assert filename in caught.value.file
    assert str(caught.value).isprintable()
    return caught.value.reason


class TestUnderstands:
    def test_a_whole_wheel(self, tmp_path: Path) -> None:
        wheel = build_wheel(
            tmp_path,
            "My.Demo",
            "1.0",
            files={"my_demo/__init__.py": "", "single.py": "", "my_demo/data.bin": b"\0"},
            data={"scripts/tool": "#!python\n", "headers/h.h": "", "data/share/x": ""},
            entry_points={"console_scripts": {"tool": "my_demo:main"}, "plugins": {"a": "anything goes"}},
            tags="py2.py3-none-any",
            root_is_purelib=False,
        )
        found = read(wheel)
        assert (found.name, found.version) == ("my-demo", "1.0")
        assert found.tags == ("py2-none-any", "py3-none-any")
        assert not found.root_is_purelib
        assert (found.dist_info, found.data) == ("my_demo-1.0.dist-info", "my_demo-1.0.data")
        assert found.top_level == ("my_demo", "single.py")
        assert found.entry_points == {"console_scripts": {"tool": "my_demo:main"}, "plugins": {"a": "anything goes"}}
        names = {file.member.name for file in found.files}
        assert "my_demo/data.bin" in names
        assert "my_demo-1.0.dist-info/METADATA" in names

    def test_record_and_its_signatures_are_not_among_the_files(self, tmp_path: Path) -> None:
        changed = members()
        changed[f"{INFO}/RECORD"] = record_of(changed, INFO)
        changed[f"{INFO}/RECORD.jws"] = "{}"
        changed[f"{INFO}/RECORD.p7s"] = b"\1"
        found = read(write_wheel(tmp_path / NAME, changed, record=False))
        assert not [file for file in found.files if "RECORD" in file.member.name]

    def test_files_that_only_an_installer_may_write_are_dropped(self, tmp_path: Path) -> None:
        changed = members(INSTALLER="conda\n", REQUESTED="", direct_url__json="{}")
        found = read(write_wheel(tmp_path / NAME, changed))
        assert {file.member.name.rpartition("/")[2] for file in found.files} == {"__init__.py", "METADATA", "WHEEL"}

    def test_files_of_those_names_elsewhere_are_kept(self, tmp_path: Path) -> None:
        wheel = build_wheel(tmp_path, "demo", "1.0", files={"demo/INSTALLER": "x", "demo/x.dist-info/RECORD": "y"})
        assert {"demo/INSTALLER", "demo/x.dist-info/RECORD"} <= {file.member.name for file in read(wheel).files}

    def test_directories_may_be_listed_in_record(self, tmp_path: Path) -> None:
        changed = members()
        rows = record_of(changed, INFO).decode() + record_row("demo/", b"") + record_row(INFO, b"")
        changed[f"{INFO}/RECORD"] = rows
        entries = [
            Member(name, value if isinstance(value, bytes) else value.encode()) for name, value in changed.items()
        ]
        path = tmp_path / NAME
        path.write_bytes(zip_bytes([Member("demo/", mode=DIRECTORY), *entries]))
        assert "demo/" not in {file.member.name for file in read(path).files}

    @pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
    def test_digests_of_every_strong_algorithm(self, tmp_path: Path, algorithm: str) -> None:
        changed = members()
        rows = "".join(record_row(name, bytes(value), algorithm) for name, value in changed.items())  # type: ignore[arg-type]
        changed[f"{INFO}/RECORD"] = rows + f"{INFO}/RECORD,,\n"
        found = read(write_wheel(tmp_path / NAME, changed, record=False))
        assert {file.algorithm for file in found.files} == {algorithm}

    @pytest.mark.parametrize(
        ("filename", "dist_info", "metadata"),
        [("1.0", "1.0", "1.0.0"), ("1.0.post1", "1.0.post1", "1.0-1"), ("1.0+local_1", "1.0+local_1", "1.0+local.1")],
    )
    def test_versions_are_compared_as_versions(
        self, tmp_path: Path, filename: str, dist_info: str, metadata: str
    ) -> None:
        changed = {
            name.replace("demo-1.0.", f"demo-{dist_info}."): value
            for name, value in wheel_members("demo", "1.0").items()
        }
        changed[f"demo-{dist_info}.dist-info/METADATA"] = (
            f"Metadata-Version: 2.1\nName: demo\nVersion: {metadata}\n".encode()
        )
        assert read(write_wheel(tmp_path / wheel_filename("demo", filename), changed)).version == metadata

    def test_metadata_in_another_encoding(self, tmp_path: Path) -> None:
        changed = members(METADATA=b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nAuthor: Andr\xe9\n")
        assert read(write_wheel(tmp_path / NAME, changed)).version == "1.0"

    def test_the_archive_may_have_another_name_on_disk(self, tmp_path: Path) -> None:
        path = write_wheel(tmp_path / "download.tmp", members())
        assert read(path, NAME).name == "demo"


class TestRefuses:
    def test_a_file_name_that_is_no_wheels(self, tmp_path: Path) -> None:
        assert "invalid name" in refusal(tmp_path, members(), filename="demo-1.0.whl")

    def test_no_dist_info(self, tmp_path: Path) -> None:
        assert "no dist-info" in refusal(tmp_path, {"demo.py": ""}, record=False)

    def test_two_dist_infos(self, tmp_path: Path) -> None:
        changed = members() | {"other-1.0.dist-info/METADATA": "x"}
        assert "2 dist-info" in refusal(tmp_path, changed)

    @pytest.mark.parametrize("other", ["demo-2.0", "other-1.0", "demo", "demo-1.0.1", "demo-"])
    def test_a_dist_info_of_another_name_or_version(self, tmp_path: Path, other: str) -> None:
        changed = {name.replace("demo-1.0.dist-info", f"{other}.dist-info"): value for name, value in members().items()}
        assert "not the name and version" in refusal(tmp_path, changed)

    @pytest.mark.parametrize("name", ["METADATA", "WHEEL"])
    def test_a_required_file_that_is_missing(self, tmp_path: Path, name: str) -> None:
        assert f"no `{INFO}/{name}`" in refusal(tmp_path, members(**{name: None}))

    def test_no_record(self, tmp_path: Path) -> None:
        assert "RECORD" in refusal(tmp_path, members(), record=False)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n", "another project"),
            ("Metadata-Version: 2.1\nName: de\x1bmo\nVersion: 1.0\n", "another project"),
            ("Metadata-Version: 2.1\nName: demo\nVersion: 1.1\n", "another version"),
            ("Metadata-Version: 2.1\nName: demo\nVersion: 1.0+local\n", "another version"),
            ("Metadata-Version: 2.1\nName: demo\nVersion: one\n", "another version"),
            ("Metadata-Version: 2.1\nName: demo\n", "0 `Version`"),
            ("Metadata-Version: 2.1\nName: demo\nName: demo\nVersion: 1.0\n", "2 `Name`"),
            ("Name: demo\nVersion: 1.0\n", "Metadata-Version"),
            ("Metadata-Version: 3.0\nName: demo\nVersion: 1.0\n", "newer than dxpy knows"),
            ("Metadata-Version: 99999999999999999999.0\nName: demo\nVersion: 1.0\n", "newer than dxpy knows"),
            ("Metadata-Version: two\nName: demo\nVersion: 1.0\n", "not a version"),
            ("this is not a header\n", "does not parse"),
            ("", "0 `Name`"),
        ],
    )
    def test_metadata_that_disagrees(self, tmp_path: Path, text: str, reason: str) -> None:
        assert reason in refusal(tmp_path, members(METADATA=text))

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("Wheel-Version: 2.0\nRoot-Is-Purelib: true\n", "newer than dxpy knows"),
            ("Wheel-Version: 99\nRoot-Is-Purelib: true\n", "not a version"),
            ("Root-Is-Purelib: true\n", "0 `Wheel-Version`"),
            ("Wheel-Version: 1.0\n", "Root-Is-Purelib"),
            ("Wheel-Version: 1.0\nRoot-Is-Purelib: maybe\n", "not true or false"),
        ],
    )
    def test_a_wheel_file_that_is_not_understood(self, tmp_path: Path, text: str, reason: str) -> None:
        assert reason in refusal(tmp_path, members(WHEEL=text))

    @pytest.mark.parametrize("path", ["demo-1.0.data/unknown/x", "demo-1.0.data/x", "demo-1.0.data/scripts"])
    def test_unknown_data_keys(self, tmp_path: Path, path: str) -> None:
        assert ".data directory" in refusal(tmp_path, members() | {path: "x"})

    @pytest.mark.parametrize("path", ["other-1.0.data/scripts/x", "plain.data/scripts/x", "demo-2.0.data/scripts/x"])
    def test_data_of_another_wheel(self, tmp_path: Path, path: str) -> None:
        assert "not its own .data" in refusal(tmp_path, members() | {path: "x"})

    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            (None, "does not list"),
            ("demo/__init__.py,,20\n", "no hash"),
            ("demo/__init__.py,md5=abc,20\n", "'md5'"),
            ("demo/__init__.py,sha1=abc,20\n", "'sha1'"),
            ("demo/__init__.py,sha224=abc,20\n", "'sha224'"),
            ("demo/__init__.py,sha256=abc,20\n", "invalid hash"),
            ("demo/__init__.py,sha256=é,20\n", "invalid hash"),
            (record_row("demo/__init__.py", b"longer than it is, by far"), "RECORD says 25"),
            (record_row("demo/__init__.py", b"x" * 20) * 2, "twice"),
            (record_row("demo/__init__.py", b"x" * 20) + record_row("demo/ghost.py", b""), "no such member"),
            (record_row("demo/__init__.py", b"x" * 20) + record_row("../../bin/python", b""), "no such member"),
            (record_row("demo/__init__.py", b"x" * 20) + record_row("/etc/passwd", b""), "no such member"),
            ("demo/__init__.py\n", "row"),
        ],
    )
    def test_a_record_that_disagrees(self, tmp_path: Path, row: str | None, reason: str) -> None:
        changed = members()
        rest = {name: value for name, value in changed.items() if not name.startswith("demo/")}
        changed[f"{INFO}/RECORD"] = record_of(rest, INFO).decode() + (row or "")
        assert reason in refusal(tmp_path, changed, record=False).replace("fields in row", "row")

    @pytest.mark.parametrize(
        "script",
        [
            "../../evil = demo:main",
            "/abs = demo:main",
            "a\\b = demo:main",
            ".. = demo:main",
            "a = demo",
            "a = demo:",
            "a = :main",
            "a = demo:main()",
            "a = demo:main; import os",
            "a = os:system('x') #",
            "a = demo.1:main",
            "a\x1b[0m = demo:main",
            "a = demo:main\na = demo:other",
        ],
    )
    @pytest.mark.parametrize("group", ["console_scripts", "gui_scripts"])
    def test_scripts_that_are_not_plain_names_of_plain_objects(self, tmp_path: Path, script: str, group: str) -> None:
        assert "entry_points" in refusal(tmp_path, members(entry_points__txt=f"[{group}]\n{script}\n"))

    @pytest.mark.parametrize("text", ["a = b\n", "[group]\nno equals sign\n", b"[group]\na = \xff\n"])
    def test_entry_points_that_do_not_parse(self, tmp_path: Path, text: Contents) -> None:
        assert "entry_points" in refusal(tmp_path, members(entry_points__txt=text))

    def test_metadata_over_the_limit(self, tmp_path: Path) -> None:
        changed = members()
        path = write_wheel(tmp_path / NAME, changed)
        huge = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n" + b"X: y\n" * (7 * 1024**2)
        changed[f"{INFO}/METADATA"] = huge
        write_wheel(path, changed)
        with pytest.raises(InvalidWheel, match="it may have"):
            read(path)


class TestEntryPoints:
    def test_comments_blanks_and_spaces(self) -> None:
        text = "# one\n\n[console_scripts]\r\n; two\na=m:f\r\nb  =  m.n:g\n\n[x.y]\nc = d = e\n  goes on\n"
        assert parse_entry_points(text) == {
            "console_scripts": {"a": "m:f", "b": "m.n:g"},
            "x.y": {"c": "d = e goes on"},
        }

    def test_extras_of_scripts_are_left_out(self) -> None:
        assert parse_entry_points("[console_scripts]\na = m : f.g [x,y]\n") == {"console_scripts": {"a": "m:f.g"}}

    def test_the_same_script_twice_is_one(self) -> None:
        assert parse_entry_points("[console_scripts]\na = m:f\na = m:f\n") == {"console_scripts": {"a": "m:f"}}

    def test_names_may_be_anything_a_file_may_be_called(self) -> None:
        assert parse_entry_points("[console_scripts]\nf2py-3.1 x = m:f\n") == {"console_scripts": {"f2py-3.1 x": "m:f"}}

    @pytest.mark.parametrize("head", ["", "        "])
    def test_lines_that_are_all_indented_are_lines_of_their_own(self, head: str) -> None:
        """As a literal in a setup.py gives them; Flask 0.12 is one of many."""
        text = f"\n{head}[console_scripts]\n        flask=flask.cli:main\n        other = flask.cli:other\n    "
        assert parse_entry_points(text) == {"console_scripts": {"flask": "flask.cli:main", "other": "flask.cli:other"}}

    def test_a_line_that_is_indented_further_goes_on_with_the_one_before(self) -> None:
        text = "  [plugins]\n  a = one\n    [two]\n  b = three\n  [more]\n  c = four\n"
        assert parse_entry_points(text) == {"plugins": {"a": "one [two]", "b": "three"}, "more": {"c": "four"}}

    def test_groups_without_entries_are_left_out(self) -> None:
        assert parse_entry_points("[console_scripts]\n\n[gui_scripts]\n") == {}

    @settings(max_examples=100)
    @given(st.text(max_size=200))
    def test_any_text_parses_or_is_a_value_error(self, text: str) -> None:
        try:
            parse_entry_points("[console_scripts]\n" + text)
        except ValueError:
            return


@settings(max_examples=100)
@given(
    st.sampled_from(["1.0", "1", "1.0.0", "1.0-1", "1.0.post1", "1.0RC1", "v1.0c1", "1!1", "x", "1.0+A_1", "1.0+a.1"]),
    st.data(),
)
def test_versions_are_the_same_when_pep_440_says_so(one: str, data: st.DataObject) -> None:
    other = data.draw(st.sampled_from(["1.0", "1", "1.0.0", "1.0-1", "1.0.post1", "1.0rc1", "1!1.0", "x", "1.0+a.1"]))
    expected = one != "x" and other != "x" and Version(one) == Version(other)
    assert same_version(one, other) == expected
