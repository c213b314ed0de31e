"""`pylock.toml`: valid for everybody else, complete, and read back."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from locks import package, wheel
from packaging.pylock import Pylock

from dxpy_async.core.locks import Lock, LockedFile, LockedRoots, Source, SourceKind
from dxpy_async.core.names import ExtraName, GroupName, ProjectName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.errors import InvalidLock, LockError
from dxpy_async.formats.pylock import read_pylock, write_pylock

HEAD = 'lock-version = "1.0"\ncreated-by = "x"\n'


def need(name: str, marker: str = "", extras: tuple[str, ...] = ()) -> Requirement:
    return Requirement(ProjectName(name), tuple(map(ExtraName, extras)), marker=marker)


def sample() -> Lock:
    return Lock(
        project="webapp",
        requires_python=">=3.11",
        roots=LockedRoots(
            requirements=(need("flask"), need("direct")),
            optional={ExtraName("fast"): (need("numpy"),), ExtraName("all"): (need("webapp", extras=("fast",)),)},
            groups={GroupName("dev"): (need("pytest"), need("numpy"))},
        ),
        environment={"python_version": "3.11", "sys_platform": "linux", "platform_machine": "x86_64"},
        packages=(
            replace(
                package("direct", "1.0"),
                source=Source(SourceKind.DIRECT, "https://example.org/direct-1.0-py3-none-any.whl"),
            ),
            replace(
                package("flask", "3.0.0", need("jinja2", 'sys_platform == "linux"'), need("never", "extra == 'x'")),
                sdist=replace(wheel("flask", "3.0.0", number=9), filename="flask-3.0.0.tar.gz"),
            ),
            package("jinja2", "3.1"),
            package("numpy", "2.1.0", wheels=(wheel("numpy", "2.1.0", "cp311-cp311-linux_x86_64", number=5),)),
            package("pytest", "8.0"),
        ),
    )


def parsed(lock: Lock, default_groups: tuple[str, ...] = ()) -> Pylock:
    pylock = Pylock.from_dict(tomllib.loads(write_pylock(lock, default_groups=default_groups)))
    pylock.validate()
    return pylock


def test_what_is_written_is_valid_and_complete() -> None:
    pylock = parsed(sample(), default_groups=("dev",))
    assert (str(pylock.lock_version), pylock.created_by, str(pylock.requires_python)) == ("1.0", "dxpy", ">=3.11")
    assert (pylock.extras, pylock.dependency_groups, pylock.default_groups) == (["all", "fast"], ["dev"], ["dev"])
    assert [(each.name, str(each.version)) for each in pylock.packages] == [
        (each.name, each.version) for each in sample().packages
    ]
    flask = pylock.packages[1]
    assert flask.sdist is not None
    assert flask.wheels is not None
    assert (flask.sdist.filename, flask.sdist.name) == ("flask-3.0.0.tar.gz", "flask-3.0.0.tar.gz")
    assert (flask.wheels[0].size, flask.wheels[0].hashes) == (1000, {"sha256": f"{2:064x}"})
    assert flask.wheels[0].upload_time is not None
    assert flask.wheels[0].upload_time.isoformat() == "2023-11-14T22:13:20.000001+00:00"
    assert (flask.index, flask.dependencies) == ("https://i.example.org/simple", [{"name": "jinja2"}])


def test_it_is_for_the_environments_that_its_markers_tell_apart() -> None:
    assert list(map(str, parsed(sample()).environments or ())) == ['sys_platform == "linux"']
    assert parsed(Lock(packages=(package("a", "1"),), environment={"sys_platform": "linux"})).environments is None


def test_what_only_extras_and_groups_need_is_marked() -> None:
    markers = {each.name: str(each.marker or "") for each in parsed(sample()).packages}
    assert markers == {
        "direct": "",
        "flask": "",
        "jinja2": "",
        "numpy": '"all" in extras or "fast" in extras or "dev" in dependency_groups',
        "pytest": '"dev" in dependency_groups',
    }


def test_an_archive_named_by_url_is_an_archive() -> None:
    direct = parsed(sample()).packages[0]
    assert direct.archive is not None
    assert (direct.wheels, direct.sdist, direct.index) == (None, None, None)
    assert direct.archive.hashes == sample().packages[0].wheels[0].hashes


def test_the_same_lock_gives_the_same_text() -> None:
    lock = sample()
    turned = replace(lock, environment=dict(reversed(lock.environment.items())))
    assert write_pylock(turned) == write_pylock(lock)


def test_a_lock_of_nothing_is_valid() -> None:
    assert list(parsed(Lock()).packages) == []


def test_files_that_have_no_place_in_the_format_are_left_out() -> None:
    odd = LockedFile(filename="a-1-py3-none-any.whl", url="https://x/a-1-py3-none-any.whl")
    egg = replace(wheel("a", "1"), filename="a-1.egg")
    lock = Lock(packages=(package("a", "1", wheels=(odd, egg, wheel("a", "1"))),))
    assert [each.filename for each in parsed(lock).packages[0].wheels or ()] == ["a-1-py3-none-any.whl"]
    with pytest.raises(LockError, match="`a` 1 has no file with a hash"):
        write_pylock(Lock(packages=(package("a", "1", wheels=(odd,)),)))


def test_a_requires_python_that_is_none_is_left_out() -> None:
    lock = Lock(packages=(replace(package("a", "1"), requires_python=">=3.5.*, please"),))
    assert parsed(lock).packages[0].requires_python is None


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
@settings(max_examples=100, deadline=None)
def test_any_text_survives_toml(text: str) -> None:
    """TOML: control characters, quotes and backslashes are escaped in basic strings and quoted keys."""
    wheels = (replace(wheel("a", "1"), url=f"https://x/{text}", hashes={text or "sha256": text}),)
    lock = Lock(packages=(replace(package("a", "1", wheels=wheels), source=Source(SourceKind.INDEX, text)),))
    table = tomllib.loads(write_pylock(lock))["packages"][0]
    assert table["index"] == text
    assert (table["wheels"][0]["url"], table["wheels"][0]["hashes"]) == (f"https://x/{text}", dict(wheels[0].hashes))


def test_pins_are_read_back() -> None:
    pins = read_pylock(write_pylock(sample()))
    assert [(pin.name, pin.version, pin.source.kind) for pin in pins] == [
        (each.name, each.version, each.source.kind) for each in sample().packages
    ]
    assert [(pin.wheels, pin.sdist) for pin in pins[1:]] == [
        (each.wheels, each.sdist) for each in sample().packages[1:]
    ]
    assert pins[0].wheels[0].hashes == sample().packages[0].wheels[0].hashes


def test_what_has_no_version_pins_nothing() -> None:
    text = """
lock-version = "1.0"
created-by = "another tool"
[[packages]]
name = "here"
directory = { path = "." }
[[packages]]
name = "there"
version = "1.0"
archive = { path = "dist/there-1.0.tar.gz", hashes = { sha256 = "00" } }
"""
    (there,) = read_pylock(text)
    assert there.sdist is not None
    assert (there.sdist.filename, there.sdist.url, there.wheels) == ("there-1.0.tar.gz", "dist/there-1.0.tar.gz", ())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("lock-version = ", "is not TOML"),
        ("a = " + "[" * 100_000, "is nested too deeply"),
        ("", "Missing required value in 'lock-version'"),
        ('lock-version = "2.0"\ncreated-by = "x"\npackages = []', "2.0 is not supported"),
        (f"{HEAD}[[packages]]\nname = 'a'\nversion = 'x'", "packages"),
        (
            f"{HEAD}[[packages]]\nname = 'a'\nwheels = [{{ url = 'https://[/a.whl', hashes = {{ sha256 = '0' }} }}]",
            "IPv6",
        ),
    ],
)
def test_what_is_no_pylock_is_refused_in_words(text: str, problem: str) -> None:
    with pytest.raises(InvalidLock, match=problem) as caught:
        read_pylock(text, file="there/pylock.toml")
    assert caught.value.file == "there/pylock.toml"
