"""Settings come from defaults, the project, variables and flags; the later wins."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import platformdirs.macos
import platformdirs.unix
import platformdirs.windows
import pytest

from dxpy_async.core.logins import Login
from dxpy_async.core.names import normalize
from dxpy_async.core.resolution_settings import Prereleases, ResolutionMode
from dxpy_async.core.settings import (
    PYPI_SIMPLE_URL,
    CredentialSettings,
    IndexSettings,
    KeyringProvider,
    LinkMode,
    NetworkSettings,
    Settings,
    TlsSettings,
)
from dxpy_async.errors import UsageError
from dxpy_async.project.cache_place import default_cache_dir
from dxpy_async.project.pyproject import Project, parse_project
from dxpy_async.project.settings import file_amendments, load_settings, switched_on

HOME = {"HOME": "/home/someone"}
HEAD = '[project]\nname = "a"\nversion = "1"\n'


def project(text: str) -> Project:
    return parse_project(f"{HEAD}[tool.dxpy]\n{text}".encode(), Path("/project"))


def test_nothing_given_gives_the_defaults() -> None:
    logins = CredentialSettings(
        netrc="/home/someone/.netrc", kept="/home/someone/.config/dxpy/logins.json", search_path=os.defpath
    )
    expected = Settings(cache_dir=Path("/home/someone/.cache/dxpy"), credentials=logins)
    assert load_settings({}, {**HOME, "DXPY_INDEX": "", "DXPY_OFFLINE": ""}, None).__class__ is Settings
    if Path(default_cache_dir(HOME)) == expected.cache_dir:
        assert load_settings({}, HOME, None) == expected
    assert load_settings({}, HOME, None).indexes == IndexSettings(index_url=PYPI_SIMPLE_URL)


@pytest.mark.parametrize(
    ("file", "variable", "flag", "get", "values"),
    [
        (
            'index-strategy = "unsafe-best-match"',
            {"UV_INDEX_STRATEGY": "first-index"},
            {"index_strategy": "unsafe-best-match"},
            lambda settings: settings.indexes.strategy,
            ["first-index", "unsafe-best-match", "first-index", "unsafe-best-match"],
        ),
        (
            'index-url = "https://file.example"',
            {"DXPY_DEFAULT_INDEX": "https://variable.example"},
            {"index_url": "https://flag.example"},
            lambda settings: settings.indexes.index_url,
            [PYPI_SIMPLE_URL, "https://file.example", "https://variable.example", "https://flag.example"],
        ),
        (
            'extra-index-url = ["https://file.example"]',
            {"DXPY_INDEX": "https://one.example  https://two.example"},
            {"extra_index_url": ["https://flag.example"]},
            lambda settings: settings.indexes.extra_index_urls,
            [(), ("https://file.example",), ("https://one.example", "https://two.example"), ("https://flag.example",)],
        ),
        (
            'find-links = ["wheels"]',
            {"DXPY_FIND_LINKS": "my wheels, /other"},
            {"find_links": ["flagged"]},
            lambda settings: settings.indexes.find_links,
            [(), ("/project/wheels",), ("/work/my wheels", "/other"), ("/work/flagged",)],
        ),
        (
            'resolution = "lowest"',
            {"DXPY_RESOLUTION": "lowest-direct"},
            {"resolution": "highest"},
            lambda settings: settings.resolution.mode,
            [ResolutionMode.HIGHEST, ResolutionMode.LOWEST, ResolutionMode.LOWEST_DIRECT, ResolutionMode.HIGHEST],
        ),
        (
            'prerelease = "explicit"',
            {"DXPY_PRERELEASE": "disallow"},
            {"prerelease": "allow"},
            lambda settings: settings.resolution.prereleases,
            [
                Prereleases.IF_NECESSARY_OR_EXPLICIT,
                Prereleases.EXPLICIT,
                Prereleases.DISALLOW,
                Prereleases.ALLOW,
            ],
        ),
        (
            'exclude-newer = "2024-01-31"',
            {"DXPY_EXCLUDE_NEWER": "2 weeks"},
            {"exclude_newer": "P1D"},
            lambda settings: (
                settings.resolution.upload_limits.general and settings.resolution.upload_limits.general.text
            ),
            [None, "2024-01-31", "P14D", "P1D"],
        ),
        (
            'prerelease-package = { a = "allow", b = "allow" }',
            {},
            {"prerelease_package": ["B = disallow", "c=explicit"]},
            lambda settings: {name: str(rule) for name, rule in settings.resolution.prereleases_of.items()},
            [
                {},
                {"a": "allow", "b": "allow"},
                {"a": "allow", "b": "allow"},
                {"a": "allow", "b": "disallow", "c": "explicit"},
            ],
        ),
        (
            'exclude-newer-package = { a = "2024-01-31", b = "2024-01-31" }',
            {},
            {"exclude_newer_package": ["b=false"]},
            lambda settings: {
                name: limit and limit.text for name, limit in settings.resolution.upload_limits.projects.items()
            },
            [
                {},
                {"a": "2024-01-31", "b": "2024-01-31"},
                {"a": "2024-01-31", "b": "2024-01-31"},
                {"a": "2024-01-31", "b": None},
            ],
        ),
        (
            'link-mode = "copy"',
            {"DXPY_LINK_MODE": "hardlink"},
            {"link_mode": "copy"},
            lambda settings: settings.link_mode,
            [LinkMode.HARDLINK, LinkMode.COPY, LinkMode.HARDLINK, LinkMode.COPY],
        ),
        (
            "compile-bytecode = true",
            {"DXPY_COMPILE_BYTECODE": "0"},
            {"compile_bytecode": True},
            lambda settings: settings.compile_bytecode,
            [None, True, False, True],
        ),
        (
            'python = "3.11"',
            {"DXPY_PYTHON": "3.12"},
            {"python": "3.13"},
            lambda settings: settings.python,
            [None, "3.11", "3.12", "3.13"],
        ),
    ],
    ids=[
        "index strategy",
        "index",
        "more indexes",
        "directories",
        "resolution",
        "pre-releases",
        "newest upload",
        "pre-releases of one",
        "newest upload of one",
        "link mode",
        "bytecode",
        "interpreter",
    ],
)
def test_later_places_win(
    file: str, variable: dict[str, str], flag: dict[str, object], get: Any, values: list[object]
) -> None:
    directory = Path("/work")
    given = project(file)
    environ = {**HOME, **variable}
    assert get(load_settings({}, HOME, None, directory=directory)) == values[0]
    assert get(load_settings({}, HOME, given, directory=directory)) == values[1]
    assert get(load_settings({}, environ, given, directory=directory)) == values[2]
    assert get(load_settings(flag, environ, given, directory=directory)) == values[3]
    assert get(load_settings({"no_config": True}, HOME, given, directory=directory)) == values[0]
    assert get(load_settings({}, {**HOME, "DXPY_NO_CONFIG": "1"}, given, directory=directory)) == values[0]


def test_cache_directory_comes_from_flag_then_variable_then_system() -> None:
    environ = {**HOME, "DXPY_CACHE_DIR": "from-variable"}
    directory = Path("/work")
    assert load_settings({"cache_dir": "/flag"}, environ, None, directory=directory).cache_dir == Path("/flag")
    assert load_settings({}, environ, None, directory=directory).cache_dir == Path("/work/from-variable")
    assert load_settings({}, HOME, None).cache_dir == Path(default_cache_dir(HOME))


def test_network_variables() -> None:
    environ = {
        **HOME,
        "DXPY_OFFLINE": "yes",
        "DXPY_HTTP_TIMEOUT": "7.5",
        "DXPY_HTTP_CONNECT_TIMEOUT": "2",
        "DXPY_HTTP_RETRIES": "0",
    }
    assert load_settings({}, environ, None).network == NetworkSettings(
        offline=True, read_timeout=7.5, connect_timeout=2.0, retries=0
    )
    assert load_settings({"offline": True}, HOME, None).network.offline


def test_refreshing_is_for_all_projects_or_for_some() -> None:
    network = load_settings({"refresh_package": ["A_b", "c"]}, HOME, None).network
    assert (network.refreshes(normalize("a-b")), network.refreshes(normalize("d"))) == (True, False)
    assert load_settings({"refresh": True}, HOME, None).network.refreshes(normalize("d"))


def test_hints_are_switched_off_by_the_table_or_either_way_by_the_variable() -> None:
    without = project("hints = false")
    assert load_settings({}, HOME, None).hints
    assert not load_settings({}, HOME, without).hints
    assert not load_settings({}, {**HOME, "DXPY_NO_HINTS": "1"}, None).hints
    assert load_settings({}, {**HOME, "DXPY_NO_HINTS": "0"}, without).hints


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DXPY_NO_HINTS", "perhaps"),
        ("DXPY_HTTP_TIMEOUT", "soon"),
        ("DXPY_HTTP_TIMEOUT", "0"),
        ("DXPY_HTTP_TIMEOUT", "-1"),
        ("DXPY_HTTP_TIMEOUT", "inf"),
        ("DXPY_HTTP_CONNECT_TIMEOUT", "nan"),
        ("DXPY_HTTP_RETRIES", "1.5"),
        ("DXPY_HTTP_RETRIES", "-1"),
        ("DXPY_HTTP_RETRIES", "٣"),
        ("DXPY_HTTP_RETRIES", "99999999999999"),
        ("DXPY_OFFLINE", "perhaps"),
        ("DXPY_NO_CONFIG", "2"),
        ("DXPY_LINK_MODE", "teleport"),
        ("DXPY_KERNELS", "fast"),
        ("DXPY_RESOLUTION", "newest"),
        ("DXPY_PRERELEASE", "never"),
        ("DXPY_EXCLUDE_NEWER", "yesterday"),
        ("DXPY_CONSTRAINT", "https://example.test/c.txt"),
        ("DXPY_DEFAULT_INDEX", "index.example"),
        ("DXPY_DEFAULT_INDEX", "ftp://index.example"),
        ("DXPY_INDEX", "https://good.example bad"),
    ],
)
def test_bad_value_is_named_with_its_variable(variable: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_settings({}, {**HOME, variable: value}, project(""))
    assert variable in str(caught.value) or variable == "DXPY_CONSTRAINT"
    assert value.rsplit(maxsplit=1)[-1] in str(caught.value)


def test_bad_value_is_named_with_its_flag_or_file() -> None:
    with pytest.raises(UsageError, match="--index-url is `nonsense`"):
        load_settings({"index_url": "nonsense"}, {**HOME, "DXPY_DEFAULT_INDEX": "https://good.example"}, None)
    with pytest.raises(UsageError, match=r"`index-url` is `nonsense`"):
        load_settings({}, HOME, project('index-url = "nonsense"'))
    with pytest.raises(UsageError, match="--link-mode is `x`"):
        load_settings({"link_mode": "x"}, HOME, None)


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        (
            "prerelease_package",
            "app",
            "--prerelease-package is `app`; it must be the name of a project, `=` and a value",
        ),
        ("prerelease_package", "a b=allow", "--prerelease-package is `a b=allow`; it must be the name"),
        ("prerelease_package", "app=yes", "`app` of --prerelease-package is `yes`; it can be disallow or allow or"),
        (
            "exclude_newer_package",
            "Lib=P1Y",
            "`lib` of --exclude-newer-package is `P1Y`, which counts in years or months",
        ),
        ("exclude_newer_package", "lib=", "`lib` of --exclude-newer-package is ``, which is none of: a date like"),
    ],
)
def test_bad_value_for_one_project_is_named_with_its_flag(flag: str, value: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_settings({flag: [value]}, HOME, None)
    assert message in str(caught.value)


def test_constraints_and_overrides_of_files_are_added_to_those_of_the_project(tmp_path: Path) -> None:
    for name in "abcd":
        (tmp_path / f"{name}.txt").write_text(f"{name}<1\n")
    given = project('constraint-dependencies = ["x<1"]\noverride-dependencies = ["y<1"]\nexclude-dependencies = ["z"]')

    def stated(flags: dict[str, object], environ: dict[str, str]) -> list[list[str]]:
        found = load_settings(flags, {**HOME, **environ}, given, directory=tmp_path).resolution.amendments
        assert found.exclusions == {"z"}
        return [[each.origin for each in kind] for kind in (found.constraints, found.overrides)]

    assert stated({}, {}) == [["pyproject.toml:5"], ["pyproject.toml:6"]]
    variables = {"DXPY_CONSTRAINT": "a.txt  b.txt", "DXPY_OVERRIDE": "c.txt"}
    assert stated({}, variables) == [
        ["pyproject.toml:5", "a.txt:1", "b.txt:1"],
        ["pyproject.toml:6", "c.txt:1"],
    ]
    assert stated({"constraint": ["d.txt"]}, variables) == [
        ["pyproject.toml:5", "d.txt:1"],
        ["pyproject.toml:6", "c.txt:1"],
    ]
    named = file_amendments({"override": ["a.txt"]}, variables, tmp_path)
    assert [each.origin for each in (*named.constraints, *named.overrides)] == ["a.txt:1", "b.txt:1", "a.txt:1"]


@pytest.mark.parametrize(
    ("value", "on"), [("1", True), ("true", True), (" Yes ", True), ("0", False), ("", False), ("off", False)]
)
def test_switch(value: str, on: bool) -> None:
    assert switched_on({"DXPY_NO_PROGRESS": value}, "DXPY_NO_PROGRESS") is on
    assert not switched_on({}, "DXPY_NO_PROGRESS")


def test_default_cache_directory_is_where_platformdirs_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    for chosen in ("", "/fast/disk", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", chosen)
        environ = {**HOME, "XDG_CACHE_HOME": chosen}
        if chosen != "relative":  # which platformdirs takes for a path, against the specification
            assert Path(default_cache_dir(environ, "linux")) == Path(platformdirs.unix.Unix("dxpy").user_cache_dir)
            assert Path(default_cache_dir(environ, "darwin")) == Path(platformdirs.macos.MacOS("dxpy").user_cache_dir)
        else:
            assert Path(default_cache_dir(environ, "linux")) == Path("/home/someone/.cache/dxpy")


def test_default_cache_directory_on_windows_is_the_local_one() -> None:
    local = str(Path("/users/someone/local"))
    assert Path(default_cache_dir({"LOCALAPPDATA": local}, "win32")) == Path(local, "dxpy", "Cache")
    assert Path(default_cache_dir({"USERPROFILE": "/users/x"}, "win32")) == Path("/users/x/AppData/Local/dxpy/Cache")


def test_the_variables_of_an_index_have_its_login() -> None:
    environ = {**HOME, "DXPY_INDEX": "our-index=https://a.test", "DXPY_INDEX_OUR_INDEX_PASSWORD": "secret"}
    settings = load_settings({}, environ, None)
    assert dict(settings.indexes.logins) == {
        "https://a.test": Login("", "secret", "the variables DXPY_INDEX_OUR_INDEX_…")
    }
    assert "secret" not in repr(settings)
    environ = {**environ, "UV_INDEX_OUR_INDEX_USERNAME": "me"}
    assert load_settings({}, environ, None).indexes.logins["https://a.test"].username == "me"


def test_files_of_logins_are_where_variables_say() -> None:
    environ = {**HOME, "NETRC": "/etc/netrc", "DXPY_CREDENTIALS_DIR": "/etc/dxpy", "DXPY_KEYRING_PROVIDER": "disabled"}
    assert load_settings({}, environ, None).credentials == CredentialSettings(
        netrc="/etc/netrc", kept="/etc/dxpy/logins.json", keyring=KeyringProvider.DISABLED, search_path=os.defpath
    )


def test_what_pip_calls_a_proxy_and_certificates_counts_before_variables() -> None:
    flags = {"proxy": "p:1", "cert": "a.pem", "client_cert": "me.pem", "allow_insecure_host": ["h.test:8443"]}
    environ = {"SSL_CERT_FILE": "b.pem", "SSL_CLIENT_CERT": "c.pem", "DXPY_INSECURE_HOST": "x y"}
    network = load_settings(flags, {**HOME, **environ}, None).network
    assert (network.proxies.https, network.proxies.https_origin) == ("http://p:1", "--proxy")
    assert network.tls == TlsSettings(authorities="a.pem", client_certificate="me.pem", insecure_hosts=("h.test:8443",))
    network = load_settings({}, {**HOME, **environ}, None).network
    assert network.tls == TlsSettings(authorities="b.pem", client_certificate="c.pem", insecure_hosts=("x", "y"))
    with pytest.raises(UsageError, match="the variable DXPY_INSECURE_HOST is `a/b`, which is no host"):
        load_settings({}, {**HOME, "DXPY_INSECURE_HOST": "a/b"}, None)
