"""uv's variables count where dxpy's own are not set."""

from __future__ import annotations

from pathlib import Path

import pytest

from dxpy_async.core.settings import LinkMode
from dxpy_async.errors import UsageError
from dxpy_async.project.settings import load_settings
from dxpy_async.project.uv_variables import name_of, said_by_uv

HOME = {"HOME": "/none"}


def test_what_both_name_alike_is_taken_over_and_what_only_uv_knows_is_not() -> None:
    environ = {"UV_LINK_MODE": "copy", "UV_STACK_SIZE": "1", "UV_RUN_RECURSION_DEPTH": "1", "UV_OFFLINE": ""}
    assert said_by_uv(environ) == {"DXPY_LINK_MODE": "copy"}


def test_dxpys_own_variable_wins() -> None:
    environ = {**HOME, "UV_LINK_MODE": "copy", "DXPY_LINK_MODE": "symlink"}
    assert load_settings({}, environ, None).link_mode is LinkMode.SYMLINK
    assert name_of("DXPY_LINK_MODE", environ) == "DXPY_LINK_MODE"


def test_newer_names_of_uvs_count_before_older_ones() -> None:
    environ = {"UV_INDEX_URL": "https://old/simple", "UV_DEFAULT_INDEX": "https://new/simple"}
    assert said_by_uv(environ) == {"DXPY_DEFAULT_INDEX": "https://new/simple"}
    del environ["UV_DEFAULT_INDEX"]
    assert said_by_uv(environ) == {"DXPY_DEFAULT_INDEX": "https://old/simple"}


def test_extra_indexes_of_both_names_are_asked_one_after_the_other() -> None:
    environ = {**HOME, "UV_EXTRA_INDEX_URL": "https://c/simple", "UV_INDEX": "https://a/simple b=https://b/simple"}
    settings = load_settings({}, environ, None)
    assert settings.indexes.extra_index_urls == ("https://a/simple", "https://b/simple", "https://c/simple")


def test_the_cache_lies_beside_uvs_own_things() -> None:
    assert load_settings({}, {**HOME, "UV_CACHE_DIR": "/ci/cache"}, None).cache_dir == Path("/ci/cache/dxpy")
    assert said_by_uv({"UV_TOOL_DIR": "/ci/tools"}) == {"DXPY_TOOL_DIR": "/ci/tools/dxpy"}


def test_credentials_of_an_index_are_found_by_its_name() -> None:
    environ = {"UV_INDEX_OURS_USERNAME": "me", "UV_INDEX_OURS_PASSWORD": "secret", "UV_INDEX_STRATEGY": "first-index"}
    assert said_by_uv(environ) == {
        "DXPY_INDEX_OURS_USERNAME": "me",
        "DXPY_INDEX_OURS_PASSWORD": "secret",
        "DXPY_INDEX_STRATEGY": "first-index",
    }


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("UV_LINK_MODE", "teleport", "; it can be hardlink or copy or clone or symlink"),
        ("UV_OFFLINE", "perhaps", "; it can be 1 or 0, true or false"),
        ("UV_HTTP_TIMEOUT", "soon", "; it must be a number of seconds above 0"),
        ("UV_HTTP_RETRIES", "-1", "; it must be a whole number, 0 or more"),
        ("UV_NO_BUILD_PACKAGE", "a/b", ", which is not the name of a project"),
    ],
)
def test_a_mistake_is_named_after_the_variable_that_was_set(name: str, value: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_settings({}, {**HOME, name: value}, None)
    assert str(caught.value) == f"the variable {name} is `{value}`{reason}"
