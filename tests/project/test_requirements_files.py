"""Files of requirements that name each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dxpy_async.errors import InvalidRequirementsFile, UsageError
from dxpy_async.project.requirements_files import FoundRequirements, WantedFile, read_requirements


def read(
    directory: Path, *files: str, constraints: tuple[str, ...] = (), fetched: Mapping[str, bytes] | None = None
) -> FoundRequirements | WantedFile:
    return read_requirements(files, constraints, directory=directory, environ={}, fetched=fetched or {})


def found(directory: Path, *files: str, constraints: tuple[str, ...] = ()) -> FoundRequirements:
    answer = read(directory, *files, constraints=constraints)
    assert isinstance(answer, FoundRequirements)
    return answer


def test_files_name_files_beside_them_in_order_and_each_counts_once(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.txt").write_text("-r sub/b.txt\n-c sub/c.txt\n-r sub/e.txt\none\n--pre\n")
    (tmp_path / "sub/b.txt").write_text("two\n-r e.txt\n--find-links wheels\n--find-links elsewhere\n")
    (tmp_path / "sub/c.txt").write_text("-r d.txt\nthree<3\n")
    (tmp_path / "sub/d.txt").write_text("four<4\n")
    (tmp_path / "sub/e.txt").write_text("five\n")
    (tmp_path / "sub/wheels").mkdir()
    answer = found(tmp_path, "a.txt")
    assert [each.text for each in answer.entries] == ["one", "two", "five"]
    assert [each.origin for each in answer.constraints] == ["sub/c.txt:2", "sub/d.txt:1"]
    assert answer.values("find-links") == [str(tmp_path / "sub/wheels"), "elsewhere"]
    assert (answer.has("pre"), answer.has("require-hashes")) == (True, False)


def test_files_at_addresses_are_asked_for_and_name_others_there(tmp_path: Path) -> None:
    url = "https://h/x/c.txt"
    assert read(tmp_path, constraints=(url,)) == WantedFile(url)
    fetched = {url: b"-c more/d.txt\na<1\n"}
    assert read(tmp_path, constraints=(url,), fetched=fetched) == WantedFile("https://h/x/more/d.txt")
    fetched["https://h/x/more/d.txt"] = b"b<1\n"
    answer = read(tmp_path, constraints=(url,), fetched=fetched)
    assert isinstance(answer, FoundRequirements)
    assert [str(each.requirement) for each in answer.constraints] == ["a<1", "b<1"]


def test_a_file_that_is_not_there_is_named_with_who_names_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x\n-c none.txt\n")
    with pytest.raises(UsageError, match=r"no file of constraints `none.txt`, which `a.txt:2` names"):
        found(tmp_path, "a.txt")


def test_constraints_have_names(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("x<1\n./lib\n")
    with pytest.raises(InvalidRequirementsFile, match=r"`c.txt:2` has a constraint without a name, `./lib`"):
        found(tmp_path, constraints=("c.txt",))


@pytest.mark.parametrize(
    ("inner", "reason"),
    [
        ("-r ./b.txt", "`b.txt:1` includes itself"),
        ("x\n-c a.txt", "`b.txt:2` includes `a.txt`, which leads to it"),
    ],
)
def test_a_file_that_includes_itself_is_refused(tmp_path: Path, inner: str, reason: str) -> None:
    (tmp_path / "a.txt").write_text("-r b.txt\n")
    (tmp_path / "b.txt").write_text(f"{inner}\n")
    with pytest.raises(InvalidRequirementsFile, match=reason):
        read(tmp_path, "a.txt")
