"""What pip is told by variables and files of settings: for `dxpy pip`, and for who told pip of indexes, and not dxpy.

Of each setting a variable wins over the files, in these the section of the command (`install`) over `global`, and the
later file over the earlier, as in pip.

Source: https://pip.pypa.io/en/stable/topics/configuration/
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

from dxpy_async.core.dataclass import dataclass
from dxpy_async.errors import UsageError

_VARIABLE = "PIP_"
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
    values = read_pip_options(files, environ, "install")
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


def read_pip_options(files: Iterable[str], environ: Mapping[str, str], command: str) -> dict[str, str]:
    """What is said of the options of pip's `command`, by their long names (`index-url`). Raises UsageError."""
    return {option: value for option, value, _ in _statements(files, environ, command)}


def pip_option_origins(files: Iterable[str], environ: Mapping[str, str], command: str) -> dict[str, str]:
    """Where what `read_pip_options` gives is said: of each option the variable, or the path of the file."""
    return {option: origin for option, _, origin in _statements(files, environ, command)}


def _statements(files: Iterable[str], environ: Mapping[str, str], command: str) -> Iterator[tuple[str, str, str]]:
    """Each option that is said, its value, and where that stands; the later of several counts."""
    names = ("global", command)
    read = [(file, _read(file, names)) for file in files if os.path.isfile(file)]
    for section in names:
        for file, sections in read:
            for option, value in sections.get(section, {}).items():
                yield option, value, file
    for name, value in environ.items():
        if name.startswith(_VARIABLE) and value:
            yield name.removeprefix(_VARIABLE).lower().replace("_", "-"), value, name


def _read(file: str, sections: tuple[str, ...]) -> dict[str, dict[str, str]]:
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
        section: {key.lower().replace("_", "-").removeprefix("--"): value for key, value in parser.items(section)}
        for section in sections
        if parser.has_section(section)
    }
