"""Where distributions are published and as whom: flags, variables, tables, and what makes no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from dxpy_async.core.settings import PYPI_SIMPLE_URL, PYPI_UPLOAD_URL, TrustedPublishingUse
from dxpy_async.errors import DxpyError, UsageError
from dxpy_async.project.publish_settings import PublishSettings, publish_settings
from dxpy_async.project.pyproject import parse_project

TABLES = """\
[project]
name = "demo"
version = "1.0"

[[tool.dxpy.index]]
name = "ours"
url = "https://pypi.example.org/simple"
publish-url = "https://pypi.example.org/upload"

[[tool.dxpy.index]]
name = "theirs"
url = "https://other.example.org/simple"
"""


def settings(
    flags: dict[str, object] | None = None, environ: dict[str, str] | None = None, toml: str = TABLES
) -> PublishSettings:
    project = parse_project(toml.encode(), Path("/project"))
    return publish_settings(flags or {}, {"HOME": "/nonexistent", **(environ or {})}, project)


def test_without_a_word_it_is_the_public_index() -> None:
    found = settings()
    assert (found.upload_url, found.check_url, found.login) == (PYPI_UPLOAD_URL, None, None)
    assert found.page_url == PYPI_SIMPLE_URL
    assert (found.trusted_publishing, found.attestations) == (TrustedPublishingUse.AUTOMATIC, True)


def test_an_index_by_name_says_where_to_upload_and_to_look() -> None:
    for found in (settings({"publish_index": "ours"}), settings(environ={"DXPY_PUBLISH_INDEX": "ours"})):
        assert found.upload_url == "https://pypi.example.org/upload"
        assert found.check_url == found.page_url == "https://pypi.example.org/simple"
    flags: dict[str, object] = {"publish_index": "ours", "check_url": "https://mirror.example.org/simple"}
    assert settings(flags).check_url == "https://mirror.example.org/simple"


def test_the_later_place_wins() -> None:
    toml = TABLES.replace(
        "[[tool",
        '[tool.dxpy]\npublish-url = "https://a/"\ncheck-url = "https://a/simple"\n'
        'trusted-publishing = "never"\n\n[[tool',
        1,
    )
    found = settings(toml=toml)
    assert (found.upload_url, found.check_url) == ("https://a/", "https://a/simple")
    assert found.trusted_publishing is TrustedPublishingUse.NEVER
    variable = {"DXPY_PUBLISH_URL": "https://b/", "DXPY_TRUSTED_PUBLISHING": "always"}
    found = settings(environ=variable, toml=toml)
    assert (found.upload_url, found.check_url, found.page_url) == ("https://b/", None, None)
    assert found.trusted_publishing is TrustedPublishingUse.ALWAYS
    assert settings({"publish_url": "https://c/"}, variable, toml).upload_url == "https://c/"
    assert settings(environ={"UV_PUBLISH_URL": "https://d/"}).upload_url == "https://d/"
    assert not settings(environ={"DXPY_PUBLISH_NO_ATTESTATIONS": "1"}).attestations


@pytest.mark.parametrize(
    ("flags", "environ", "login"),
    [
        ({"token": "t"}, {}, ("__token__", "t", "`--token`")),
        ({}, {"DXPY_PUBLISH_TOKEN": "t"}, ("__token__", "t", "DXPY_PUBLISH_TOKEN")),
        ({"username": "me", "password": "p"}, {"DXPY_PUBLISH_TOKEN": "t"}, ("me", "p", "`--password`")),
        ({}, {"DXPY_PUBLISH_USERNAME": "me", "DXPY_PUBLISH_PASSWORD": "p"}, ("me", "p", "DXPY_PUBLISH_PASSWORD")),
        ({"username": "me"}, {}, ("me", None, "`--username`")),
        ({}, {"DXPY_PUBLISH_PASSWORD": "p"}, ("__token__", "p", "DXPY_PUBLISH_PASSWORD")),
    ],
)
def test_who_publishes(flags: dict[str, object], environ: dict[str, str], login: tuple[str, str | None, str]) -> None:
    found = settings(flags, environ)
    assert found.login is not None
    assert (found.login.username, found.login.password, found.login.source) == login
    assert "'p'" not in repr(found)
    assert "'t'" not in repr(found)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"publish_index": "absent"}, "there is no index called `absent`"),
        ({"publish_index": "theirs"}, "the index `theirs` does not say where to upload to"),
        ({"publish_index": "ours", "publish_url": "https://a/"}, "both say where to publish"),
        ({"publish_url": "ftp://me:secret@a/"}, "must begin with http:// or https://"),
        ({"check_url": "ftp://me:secret@a/"}, "must begin with http:// or https:// or file://"),
        ({"token": "secret", "password": "secret"}, "takes the place of"),
        ({"trusted_publishing": "sometimes"}, "trusted publishing is `sometimes`"),
    ],
)
def test_what_makes_no_sense_is_told_without_secrets(flags: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings(flags)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_upload_address_is_a_text() -> None:
    with pytest.raises(DxpyError, match="publish-url"):
        settings(toml=TABLES.replace('"https://pypi.example.org/upload"', "1"))
