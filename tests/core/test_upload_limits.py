"""Dates, moments and ages after which uploads do not count."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxpy_async.core.names import normalize
from dxpy_async.core.releases import DistributionFile
from dxpy_async.core.upload_limits import (
    Cutoff,
    InvalidUploadLimit,
    UploadLimit,
    UploadLimits,
    files_in_time,
    parse_upload_limit,
)

NOW = datetime(2024, 4, 1, 12, 34, 56, 500_000, tzinfo=UTC).timestamp()


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 10**6


@pytest.mark.parametrize(
    ("text", "normal", "cutoff"),
    [
        ("2024-01-31", "2024-01-31", "2024-02-01T00:00:00Z"),
        (" 2024-02-29 ", "2024-02-29", "2024-03-01T00:00:00Z"),
        ("2024-01-31T12:00:00Z", "2024-01-31T12:00:00Z", "2024-01-31T12:00:00Z"),
        ("2024-01-31t12:00:00z", "2024-01-31T12:00:00Z", "2024-01-31T12:00:00Z"),
        ("2024-01-31 12:00:00+02:00", "2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"),
        ("30 days", "P30D", "2024-03-02T00:00:00Z"),
        ("30 days ago", "P30D", "2024-03-02T00:00:00Z"),
        ("P30D", "P30D", "2024-03-02T00:00:00Z"),
        ("p1w", "P7D", "2024-03-25T00:00:00Z"),
        ("1 Week", "P7D", "2024-03-25T00:00:00Z"),
        ("24 hours", "P1D", "2024-03-31T00:00:00Z"),
        ("PT24H", "P1D", "2024-03-31T00:00:00Z"),
        ("1 day, 12 hours", "P1DT12H", "2024-03-31T00:00:00Z"),
        ("1d12h", "P1DT12H", "2024-03-31T00:00:00Z"),
        ("P1DT12H", "P1DT12H", "2024-03-31T00:00:00Z"),
        ("30 minutes", "PT30M", "2024-04-01T12:04:00Z"),
        ("PT90M", "PT1H30M", "2024-04-01T11:04:00Z"),
        ("10 s", "PT10S", "2024-04-01T12:34:46Z"),
        ("0 days", "PT0S", "2024-04-01T12:34:56Z"),
    ],
)
def test_a_limit_is_read_and_comes_to_a_moment(text: str, normal: str, cutoff: str) -> None:
    limit = parse_upload_limit(text)
    assert limit.text == normal
    assert limit.cutoff(NOW).moment == moment(cutoff)
    assert parse_upload_limit(normal) == limit


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "is none of: a date like"),
        ("yesterday", "is none of: a date like"),
        ("2024", "is none of: a date like"),
        ("ago", "is none of: a date like"),
        ("30", "is none of: a date like"),
        ("P", "is none of: a date like"),
        ("P1DT", "is none of: a date like"),
        ("-3 days", "is none of: a date like"),
        ("3 fortnights", "is none of: a date like"),
        ("٣ days", "is none of: a date like"),
        ("2024-02-30", "is no date that exists: day is out of range"),
        ("2024-01-31T25:00:00Z", "is no date that exists: hour must be"),
        ("0001-01-01T00:00:00+14:00", "is no date that exists"),
        ("2024-01-31T12:00:00", "has no time zone; in UTC it is `2024-01-31T12:00:00Z`"),
        ("2 months", "counts in years or months"),
        ("P1Y", "counts in years or months"),
        ("P2M3DT4H", "counts in years or months"),
        ("999999999 weeks", "is longer than a hundred years"),
    ],
)
def test_what_is_no_limit_is_refused_in_words(text: str, part: str) -> None:
    with pytest.raises(InvalidUploadLimit, match=part.replace("(", r"\(")):
        parse_upload_limit(text)


@given(st.text(max_size=20) | st.text(alphabet="P0123456789-T:Z dhwmsDHWMS,+.ago", max_size=24))
def test_any_text_is_a_limit_or_refused(text: str) -> None:
    try:
        limit = parse_upload_limit(text)
    except InvalidUploadLimit:
        return
    assert parse_upload_limit(limit.text) == limit
    assert limit.cutoff(NOW).words


@given(st.integers(0, 10**9), st.floats(0, 4e9))
def test_an_age_never_lets_in_what_is_younger(age: int, now: float) -> None:
    cutoff = UploadLimit("", age=age).cutoff(now)
    assert cutoff.moment <= (now - age) * 10**6
    assert cutoff.moment > (now - age - 86_400) * 10**6 - 10**6


def test_the_words_of_a_cutoff_say_what_was_given() -> None:
    assert parse_upload_limit("2024-01-31").cutoff(NOW).words == "2024-01-31"
    assert parse_upload_limit("1d12h").cutoff(NOW).words == "2024-03-31T00:00:00Z (1 day 12 hours ago)"


def test_a_project_may_have_a_limit_of_its_own_or_none() -> None:
    a, b, c = map(normalize, "abc")
    limits = UploadLimits(general=parse_upload_limit("2024-01-31"), projects={a: parse_upload_limit("P1D"), b: None})
    cutoffs = limits.cutoffs(NOW)
    assert cutoffs.of(a) == Cutoff(moment("2024-03-31T00:00:00Z"), "2024-03-31T00:00:00Z (1 day ago)")
    assert cutoffs.of(b) is None
    assert cutoffs.of(c) == Cutoff(moment("2024-02-01T00:00:00Z"), "2024-01-31")


def test_files_count_that_came_before_the_cutoff_or_lie_in_a_directory() -> None:
    def file(name: str, time: int | None, scheme: str = "https") -> DistributionFile:
        return DistributionFile(filename=name, url=f"{scheme}://somewhere/{name}", upload_time=time)

    files = [file("a", 9), file("b", 10), file("c", None), file("d", None, "file"), file("e", 11, "file")]
    assert [each.filename for each in files_in_time(files, Cutoff(10, ""))] == ["a", "d"]
    assert files_in_time(files, None) == tuple(files)
