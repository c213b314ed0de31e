"""Files of requirements, as pip's documentation describes them.

https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import pytest

from dxpy_async.errors import InvalidRequirementsFile
from dxpy_async.formats.requirements_file import (
    FileOption,
    Line,
    NamedFile,
    RequirementEntry,
    is_location,
    parse_requirements_file,
)

A, B = "a" * 64, "b" * 64


def lines(text: str | bytes, **environ: str) -> list[Line]:
    content = text.encode() if isinstance(text, str) else text
    return list(parse_requirements_file(content, file="r.txt", environ=environ))


def entry(text: str, **environ: str) -> RequirementEntry:
    (found,) = lines(text, **environ)
    assert isinstance(found, RequirementEntry)
    return found


def refusal(text: str | bytes, **environ: str) -> tuple[str, tuple[str, ...]]:
    with pytest.raises(InvalidRequirementsFile) as raised:
        lines(text, **environ)
    return str(raised.value), tuple(raised.value.hints())


def test_comments_blank_lines_and_joined_lines() -> None:
    found = lines("# one\n\nflask>=3 # two\nsix \\\n  >=1\nurl @ https://h/x.zip#sha256=0  # three\n")
    assert [(str(each.requirement), each.origin) for each in found if isinstance(each, RequirementEntry)] == [
        ("flask>=3", "r.txt:3"),
        ("six>=1", "r.txt:4"),
        ("url @ https://h/x.zip#sha256=0", "r.txt:6"),
    ]


def test_hashes_of_one_requirement() -> None:
    found = entry(f'flask==3.0 ; os_name == "posix" --hash=sha256:{A} \\\n    --hash sha256:{B.upper()}')
    assert str(found.requirement) == 'flask==3.0; os_name == "posix"'
    assert found.hashes == {"sha256": {A, B}}
    assert entry("x --config-settings=k=v -C a=b").config_settings == ("k=v", "a=b")


@pytest.mark.parametrize(
    ("text", "place", "extras", "marker"),
    [
        ("./tool", "./tool", (), ""),
        ("./tool[B,a] ; python_version > '3'", "./tool", ("a", "b"), 'python_version > "3"'),
        ("x-1.0-py3-none-any.whl", "x-1.0-py3-none-any.whl", (), ""),
        (
            "https://h/x-1.0.tar.gz#sha256=00 ; os_name == 'nt'",
            "https://h/x-1.0.tar.gz#sha256=00",
            (),
            'os_name == "nt"',
        ),
        ("git+ssh://git@h/x@v1#egg=x[a]", "git+ssh://git@h/x@v1#egg=x[a]", (), ""),
        ("../[x]", "../", ("x",), ""),
    ],
)
def test_places_know_their_names_themselves(text: str, place: str, extras: tuple[str, ...], marker: str) -> None:
    found = entry(text)
    assert (found.location, found.requirement.name) == (place, "")
    assert (found.requirement.extras, found.requirement.marker) == (extras, marker)
    assert entry(f"-e {text.partition(' ;')[0]}").is_editable


def test_what_is_editable_is_a_place_also_where_it_looks_like_a_name() -> None:
    found = entry("-e tool[dev]")
    assert (found.location, found.requirement.name, found.requirement.extras) == ("tool", "", ("dev",))
    assert (found.text, found.is_editable) == ("-e tool[dev]", True)
    assert entry("-e 'x @ git+https://h/x'").requirement.name == "x"


@pytest.mark.parametrize("text", ["flask", "a.b-c>=1", "x @ https://h/x.zip", "x[a] ; os_name == 'n/t'"])
def test_names_are_no_places(text: str) -> None:
    assert not is_location(text)


def test_options_in_all_their_spellings() -> None:
    text = "-rmore.txt\n-c limits.txt\n--requirement=x.txt\n-i https://h\n--no-binary=:all: --pre\n--prefer-binary\n"
    assert lines(text) == [
        NamedFile(1, "more.txt", is_constraints=False),
        NamedFile(2, "limits.txt", is_constraints=True),
        NamedFile(3, "x.txt", is_constraints=False),
        FileOption(4, "index-url", "https://h"),
        FileOption(5, "no-binary", ":all:"),
        FileOption(5, "pre"),
    ]


def test_variables_are_those_in_capitals_that_are_set() -> None:
    found = lines("-i https://${USER}:${TOKEN}@h/${user}/$USER/${NONE}", USER="me", TOKEN="t")
    assert found == [FileOption(1, "index-url", "https://me:t@h/${user}/$USER/${NONE}")]


def test_encodings_by_mark_and_by_comment() -> None:
    assert [str(each.requirement) for each in lines("six\n".encode("utf-16")) if isinstance(each, RequirementEntry)]
    assert lines("# -*- coding: latin-1 -*-\n# é\nsix\n".encode("latin-1"))
    assert refusal(b"six\n# \xe9\n")[0] == "`r.txt:2` is not UTF-8 text"
    assert "is encoded as `klingon`, which is unknown" in refusal(b"# coding: klingon\n")[0]


def test_a_mistake_is_pointed_at() -> None:
    said, hints = refusal("six\nflask=>2\n")
    assert said == (
        "`r.txt:2` has a line that is no requirement: "
        "Expected semicolon (after name with no version specifier) or end\n    flask=>2\n         ^"
    )
    assert hints == ("versions are compared with `==`: one `=` is none",)
    said, hints = refusal("six --foo=1")
    assert said == (
        "`r.txt:1` has an option that no file of requirements can have, `--foo`:\n    six --foo=1\n        ^^^^^"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x --hash=md5:ab", "has a hash that is none, `md5:ab`"),
        ("x --hash=sha256:ab", "has a hash that is none, `sha256:ab`"),
        ("-e", "has `-e` without a value"),
        ("--index-url", "has `--index-url` without a value"),
        ("--index-url 'x", "has a quote that does not end: --index-url 'x"),
        ("./x ; nonsense", "has a line that is no requirement"),
    ],
)
def test_other_mistakes(text: str, said: str) -> None:
    assert refusal(text)[0].startswith(f"`r.txt:1` {said}")


def test_a_mistake_does_not_show_what_is_in_variables() -> None:
    assert "hush" not in refusal("x @@ https://me:${TOKEN}@h", TOKEN="hush")[0]
