"""Leaving out what was uploaded too late: by a date, a moment or an age, for all projects or for one.

    2024-01-31              what was uploaded up to the end of that day, UTC
    2024-01-31T12:00:00Z    what was uploaded before that moment (RFC 3339; any offset)
    30 days, 1 week, P30D   what is at least that old (words, or ISO 8601 without months and years)

An age is counted back from now and then to the beginning of the day, hour or minute that it is written in: what is
resolved today with `30 days` is resolved the same all day long. Times are microseconds since 1970 UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

from dxpy_async.core.dataclass import dataclass, field
from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import DistributionFile

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 10**6
_DAY = 86_400
_UNITS = {"days": _DAY, "hours": 3600, "minutes": 60, "seconds": 1}
_LONGEST = 100 * 366 * _DAY

# Patterns, and not compiled ones: that would cost every start what few of them need.
_DATE = r"(?a)\d{4}-\d{2}-\d{2}"
_MOMENT = r"(?a)\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})?"
_ISO = r"(?ai)P(?=.)(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?=.)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?"
_ISO_CALENDAR = r"(?ai)P(\d+[WD])*\d+[YM].*"
_ISO_SECONDS = (7 * _DAY, _DAY, 3600, 60, 1)
_PART = r"(?a)(\d{1,9}) ?([a-z]+)(?:,? |,|(?<=[a-z])(?=\d)|$)"
_WORDS = {
    **dict.fromkeys(("weeks", "week", "wks", "wk", "w"), 7 * _DAY),
    **dict.fromkeys(("days", "day", "d"), _DAY),
    **dict.fromkeys(("hours", "hour", "hrs", "hr", "h"), 3600),
    **dict.fromkeys(("minutes", "minute", "mins", "min", "m"), 60),
    **dict.fromkeys(("seconds", "second", "secs", "sec", "s"), 1),
}
_CALENDAR = frozenset(("years", "year", "yrs", "yr", "y", "months", "month", "mos", "mo"))


class InvalidUploadLimit(ValueError):
    """A text that is no limit; the message completes "…, which ", and is translated where the text came in."""


@dataclass(frozen=True, slots=True)
class Cutoff:
    """Only what was uploaded before `moment` counts; `words` completes "it was uploaded after …"."""

    moment: int
    words: str


@dataclass(frozen=True, slots=True)
class UploadLimit:
    """A limit as people give it: a `moment`, or else an `age` in seconds. `text` is the same for the same limit."""

    text: str
    moment: int | None = None
    age: int = 0

    def cutoff(self, now: float) -> Cutoff:
        """What the limit comes to at `now`, seconds since 1970."""
        if self.moment is not None:
            return Cutoff(self.moment, self.text)
        moment = (int(now) - self.age) // _finest_unit(self.age) * _finest_unit(self.age) * _SECOND
        return Cutoff(moment, f"{_moment_text(moment)} ({_age_words(self.age)} ago)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoffs:
    """The cutoff for all projects, and those of some; None is none."""

    general: Cutoff | None = None
    projects: Mapping[ProjectName, Cutoff | None] = field(default_factory=dict)

    def of(self, project: ProjectName) -> Cutoff | None:
        return self.projects.get(project, self.general)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLimits:
    """The limit for all projects, and those of some; None is none."""

    general: UploadLimit | None = None
    projects: Mapping[ProjectName, UploadLimit | None] = field(default_factory=dict)

    def cutoffs(self, now: float) -> Cutoffs:
        """What the limits come to at `now`, seconds since 1970."""
        return Cutoffs(
            general=self.general.cutoff(now) if self.general is not None else None,
            projects={name: limit.cutoff(now) if limit is not None else None for name, limit in self.projects.items()},
        )


def files_in_time(files: Iterable[DistributionFile], cutoff: Cutoff | None) -> tuple[DistributionFile, ...]:
    """Those of `files` that count. Of an index's files whose upload time it does not say, none does.

    Files of a local directory have no upload time, and were put there by the user: they always count.
    """
    if cutoff is None:
        return tuple(files)
    return tuple(file for file in files if _is_in_time(file, cutoff))


def _is_in_time(file: DistributionFile, cutoff: Cutoff) -> bool:
    if file.upload_time is None:
        return file.url.startswith("file:")
    return file.upload_time < cutoff.moment


def parse_upload_limit(text: str) -> UploadLimit:
    """Read a date, a moment or an age. Raises InvalidUploadLimit."""
    given = " ".join(text.split())
    try:
        if re.fullmatch(_DATE, given):
            days = date.fromisoformat(given).toordinal() + 1 - _EPOCH.toordinal()
            return UploadLimit(given, days * _DAY * _SECOND)
        if found := re.fullmatch(_MOMENT, given):
            if not found[1]:
                raise InvalidUploadLimit(f"has no time zone; in UTC it is `{given}Z`")
            moment = (datetime.fromisoformat(given.upper()) - _EPOCH) // timedelta(microseconds=1)
            return UploadLimit(_moment_text(moment), moment)
    except InvalidUploadLimit:
        raise
    except (ValueError, OverflowError) as error:
        raise InvalidUploadLimit(f"is no date that exists: {error}") from error
    age = _iso_age(given) if given[:1] in ("P", "p") else _worded_age(given.lower())
    if age is None:
        raise InvalidUploadLimit("is none of: a date like `2024-01-31`, a time like `2024-01-31T12:00:00Z`, `30 days`")
    if age > _LONGEST:
        raise InvalidUploadLimit("is longer than a hundred years")
    return UploadLimit(_age_text(age), age=age)


def _iso_age(text: str) -> int | None:
    found = re.fullmatch(_ISO, text)
    if found is None:
        if re.fullmatch(_ISO_CALENDAR, text):
            raise InvalidUploadLimit("counts in years or months, which differ in length; give days or weeks")
        return None
    return sum(int(number) * unit for number, unit in zip(found.groups(default="0"), _ISO_SECONDS, strict=True))


def _worded_age(text: str) -> int | None:
    rest = text.removesuffix(" ago")
    age = 0
    while rest:
        found = re.match(_PART, rest)
        if found is None:
            return None
        if found[2] in _CALENDAR:
            raise InvalidUploadLimit("counts in years or months, which differ in length; give days or weeks")
        if found[2] not in _WORDS:
            return None
        age += int(found[1]) * _WORDS[found[2]]
        rest = rest[found.end() :]
    return age if text else None


def _finest_unit(age: int) -> int:
    """The longest of day, hour, minute and second that `age` is a multiple of; of no age at all, a second."""
    return next((unit for unit in _UNITS.values() if not age % unit), 1) if age else 1


def _parts(age: int) -> dict[str, int]:
    parts = {}
    for name, unit in _UNITS.items():
        parts[name], age = divmod(age, unit)
    return parts


def _age_text(age: int) -> str:
    parts = _parts(age)
    date_part = f"{parts['days']}D" if parts["days"] else ""
    letters = {"hours": "H", "minutes": "M", "seconds": "S"}
    time_part = "".join(f"{parts[name]}{letter}" for name, letter in letters.items() if parts[name])
    return f"P{date_part}{'T' if time_part else ''}{time_part}" if age else "PT0S"


def _age_words(age: int) -> str:
    words = [f"{number} {name if number > 1 else name[:-1]}" for name, number in _parts(age).items() if number]
    return " ".join(words) or "0 seconds"


def _moment_text(moment: int) -> str:
    return (_EPOCH + timedelta(microseconds=moment)).replace(tzinfo=None).isoformat() + "Z"
