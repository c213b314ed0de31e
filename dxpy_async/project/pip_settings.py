"""Where pip is told that distributions are, for who has told pip and not dxpy.

Of each setting a variable wins over the files, in these the section [install] over [global], and the later file over
the earlier, as in pip.

Source: https://pip.pypa.io/en/stable/topics/configuration/
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from dxpy_async.core.dataclass import dataclass
from dxpy_async.errors import UsageError

_SECTIONS = ("global", "install")
_NAMES = ("index-url", "extra-index-url", "find-links", "no-index")
_ON, _OFF = ("1", "true", "yes", "on", "y", "t"), ("0", "false", "no", "off", "n", "f", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class PipIndexes:
    """What pip would use; `index_url` is None when it says none, and empty when it is told to use no index."""

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.index_url is not None or bool(self.extra_index_urls or self.find_links)


def read_pip_indexes(files: Iterable[str], environ: Mapping[str, str]) -> PipIndexes:
    """What `files`, of which the later wins, and the variables of pip say. Raises UsageError."""
    values: dict[str, str] = {}
    sections: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for file in files:
        if os.path.isfile(file):
            for section, found in _read(file).items():
                sections[section].update(found)
    for section in _SECTIONS:
        values.update(sections[section])
    for name in _NAMES:
        if value := environ.get(f"PIP_{name.replace('-', '_').upper()}"):
            values[name] = value
    said = values.get("no-index", "").strip().lower()
    if said not in _ON + _OFF:
        raise UsageError(f"pip's setting `no-index` is `{values['no-index']}`; it can be true or false")
    links = tuple(values.get("find-links", "").split())
    if said in _ON:
        return PipIndexes(index_url="", find_links=links)
    return PipIndexes(
        index_url=values.get("index-url", "").strip() or None,
        extra_index_urls=tuple(values.get("extra-index-url", "").split()),
        find_links=links,
    )


def _read(file: str) -> dict[str, dict[str, str]]:
    import configparser  # noqa: PLC0415 (10 ms, for nothing where pip has no file)

    parser = configparser.RawConfigParser()
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(
            f"pip's settings in `{file}` cannot be read: {reason}",
            hints=("with `--no-config` neither these nor other settings files count",),
        ) from error
    return {
        section: {
            name: value
            for key, value in parser.items(section)
            if (name := key.lower().replace("_", "-").removeprefix("--")) in _NAMES
        }
        for section in _SECTIONS
        if parser.has_section(section)
    }
