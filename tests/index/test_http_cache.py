"""Answers on disk: what comes back is what was kept, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dxpy_async.index.http_cache import HttpCache, Validators, renewed, validators_of

KEPT = Validators(validated_at=100.0, lifetime=10.0, etag='"x"', last_modified="then")


@pytest.fixture
def cache(tmp_path: Path) -> HttpCache:
    return HttpCache(tmp_path)


def test_keeps_answers_whole(cache: HttpCache) -> None:
    cache.write("a/b", KEPT, b"body")
    entry = cache.read("a/b")
    assert entry is not None
    assert (entry.validators, bytes(entry.body)) == (KEPT, b"body")
    assert cache.read("a/c") is None
    assert cache.trouble is None
    assert [path.name for path in (cache.directory / "a").iterdir()] == ["b"]


def test_is_renewed_in_place(cache: HttpCache) -> None:
    cache.write("a", KEPT, b"body")
    before = (cache.directory / "a").stat().st_ino
    later = Validators(validated_at=200.0, lifetime=10.0, etag='"x"', last_modified="then")
    cache.renew("a", KEPT, later, b"body")
    entry = cache.read("a")
    assert entry is not None
    assert entry.validators == later
    assert (cache.directory / "a").stat().st_ino == before
    cache.renew("a", later, KEPT.__class__(validated_at=300.0, lifetime=99.0), b"body")
    entry = cache.read("a")
    assert entry is not None
    assert (entry.validators.lifetime, entry.validators.etag, bytes(entry.body)) == (99.0, None, b"body")


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_before_the_body_is_a_miss(cache: HttpCache, data: st.DataObject) -> None:
    cache.write("a", KEPT, b"body")
    path = cache.directory / "a"
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        places = [*range(8), *range(16, len(content) - 4)]  # between them is the moment, which may be any
        content[data.draw(st.sampled_from(places))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    assert cache.read("a") is None


def test_a_place_that_cannot_be_written_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = HttpCache(tmp_path / "file")
    cache.write("a", KEPT, b"body")
    assert isinstance(cache.trouble, OSError)
    assert cache.read("a") is None
    cache.renew("a", KEPT, Validators(validated_at=1.0, lifetime=10.0, etag='"x"', last_modified="then"), b"body")


def test_nothing_is_left_beside_when_the_name_is_taken(cache: HttpCache) -> None:
    (cache.directory / "a").mkdir()
    cache.write("a", KEPT, b"body")
    assert isinstance(cache.trouble, OSError)
    assert [str(path.relative_to(cache.directory)) for path in sorted(cache.directory.rglob("*"))] == ["a", "tmp-v1"]


@pytest.mark.parametrize(("now", "fresh"), [(99.0, False), (100.0, True), (109.9, True), (110.0, False)])
def test_freshness(now: float, fresh: bool) -> None:
    assert KEPT.are_fresh(now) is fresh


@pytest.mark.parametrize(
    ("headers", "lifetime"),
    [
        ({}, 0.0),
        ({"Cache-Control": "max-age=600, public"}, 600.0),
        ({"Cache-Control": 'Public , MAX-AGE="5"'}, 5.0),
        ({"Cache-Control": "max-age=365000000, immutable"}, 315_360_000.0),
        ({"Cache-Control": "no-cache, max-age=600"}, 0.0),
        ({"Cache-Control": "max-age=-1"}, 0.0),
        ({"Cache-Control": "max-age=" + "9" * 5000}, 315_360_000.0),
        ({"Cache-Control": "max-age=٣"}, 0.0),
    ],
)
def test_lifetimes(headers: dict[str, str], lifetime: float) -> None:
    validators = validators_of(headers, 0.0)
    assert validators is not None
    assert validators.lifetime == lifetime


def test_no_store() -> None:
    assert validators_of({"Cache-Control": "no-store, max-age=9"}, 0.0) is None
    assert renewed(KEPT, {"Cache-Control": "no-store"}, 0.0) is None


def test_what_is_not_said_again_stays() -> None:
    assert renewed(KEPT, {}, 500.0) == Validators(validated_at=500.0, lifetime=10.0, etag='"x"', last_modified="then")
