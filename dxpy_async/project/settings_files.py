"""Files of settings, `dxpy.toml`: the keys of [tool.dxpy] that do not say what a project is, without a table."""

from __future__ import annotations

from pathlib import Path

from dxpy_async.core.amendments import Amendments
from dxpy_async.core.upload_limits import UploadLimits
from dxpy_async.errors import InvalidProject, InvalidSettings, UsageError
from dxpy_async.project.document import read_content
from dxpy_async.project.tool_reader import OF_PROJECTS, SETTINGS, ToolReader
from dxpy_async.project.tool_table import ToolTable


def read_settings_file(path: str, *, of_uv: bool = False) -> ToolTable:
    """What a file of settings says, one of uv's where its words are dxpy's too; directories in it are relative to it.

    Raises InvalidSettings and UsageError.
    """
    file = Path(path)
    try:
        content = read_content(file)
    except FileNotFoundError as error:
        raise UsageError(f"there is no file of settings `{path}`") from error
    return settings_in(content, file, of_uv=of_uv)


def settings_in(content: bytes, file: Path, *, of_uv: bool = False) -> ToolTable:
    """What such a file would say that has this content. Raises InvalidSettings."""
    try:
        reader = _SettingsFile(content, file)
        return reader.table_of_uv() if of_uv else reader.table()
    except InvalidProject as error:
        raise InvalidSettings(error.file, error.reason, line=error.line, hints=error.hints()) from error


class _SettingsFile(ToolReader):
    """A file of settings that is being read."""

    @property
    def _origin(self) -> str:
        return self._file

    def table(self) -> ToolTable:
        if "tool" in self._document:
            self._refuse(
                "it has a table [tool]",
                line=self._line_of_key("tool.dxpy"),
                hints=("settings stand here by themselves, without [tool.dxpy]",),
            )
        for key in OF_PROJECTS:
            if key in self._document:
                self._refuse(
                    f"`{key}` is for a project to say",
                    line=self._line_of_key(key),
                    hints=("write it into [tool.dxpy] of the project's pyproject.toml",),
                )
        self._check_keys(self._document, "", SETTINGS)
        return ToolTable(**self._settings(self._document, "", self._root))

    def table_of_uv(self) -> ToolTable:
        """What it says as a uv.toml; all else in it is uv's own."""
        return ToolTable(**self._of_uv(self._document, "", self._root))


def merged(near: ToolTable, far: ToolTable) -> ToolTable:
    """What two places say together: of a single value the nearer, of a list both, what is nearer first."""
    indexes = {index.name: index for index in (*far.named_indexes, *near.named_indexes)}
    return ToolTable(
        index_url=near.index_url if near.index_url is not None else far.index_url,
        extra_index_urls=tuple(dict.fromkeys((*near.extra_index_urls, *far.extra_index_urls))),
        find_links=tuple(dict.fromkeys((*near.find_links, *far.find_links))),
        no_index=near.no_index if near.no_index is not None else far.no_index,
        strategy=near.strategy or far.strategy,
        authentication={**far.authentication, **near.authentication},
        ignored_errors={**far.ignored_errors, **near.ignored_errors},
        mirrors={**far.mirrors, **near.mirrors},
        named_indexes=tuple(indexes.values()),
        sources={**far.sources, **near.sources},
        link_mode=near.link_mode or far.link_mode,
        compile_bytecode=near.compile_bytecode if near.compile_bytecode is not None else far.compile_bytecode,
        python=near.python or far.python,
        python_preference=near.python_preference or far.python_preference,
        python_downloads=near.python_downloads or far.python_downloads,
        python_mirror=near.python_mirror or far.python_mirror,
        publish_url=near.publish_url or far.publish_url,
        check_url=near.check_url or far.check_url,
        trusted_publishing=near.trusted_publishing or far.trusted_publishing,
        hints=near.hints if near.hints is not None else far.hints,
        insecure_hosts=tuple(dict.fromkeys((*near.insecure_hosts, *far.insecure_hosts))),
        keyring=near.keyring or far.keyring,
        mode=near.mode or far.mode,
        prereleases=near.prereleases or far.prereleases,
        prereleases_of={**far.prereleases_of, **near.prereleases_of},
        amendments=Amendments(
            constraints=near.amendments.constraints + far.amendments.constraints,
            overrides=near.amendments.overrides + far.amendments.overrides,
            exclusions=near.amendments.exclusions | far.amendments.exclusions,
        ),
        upload_limits=UploadLimits(
            general=near.upload_limits.general or far.upload_limits.general,
            projects={**far.upload_limits.projects, **near.upload_limits.projects},
        ),
        builds=near.builds.over(far.builds),
        default_groups=near.default_groups if near.default_groups is not None else far.default_groups,
        all_groups=near.all_groups or far.all_groups,
    )


def only_of_projects(table: ToolTable, settings: ToolTable) -> ToolTable:
    """`settings`, with what only a project can say from `table`."""
    return merged(settings, ToolTable(sources=table.sources))
