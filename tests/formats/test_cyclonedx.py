"""A lock as a bill of materials, held against the schemas of the format."""

from __future__ import annotations

import json

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from dxpy_async.core.locks import Lock, LockedFile, LockedPackage, LockedRoots, Source, SourceKind
from dxpy_async.core.names import ExtraName, GroupName, ProjectName
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.formats.cyclonedx import write_cyclonedx

INDEX = Source(SourceKind.INDEX, "https://index.example/simple")


def package(name: str, version: str, *requirements: str, source: Source = INDEX, **more: object) -> LockedPackage:
    wheel = LockedFile(
        filename=f"{name}-{version}-py3-none-any.whl",
        url=f"https://files.example/{name}-{version}-py3-none-any.whl",
        hashes={"sha256": "ab" * 32, "odd": "x"},
    )
    return LockedPackage(
        name=ProjectName(name),
        version=version,
        source=source,
        requirements=tuple(map(parse_requirement, requirements)),
        wheels=() if source.kind.is_tree else (wheel,),
        **more,  # type: ignore[arg-type]
    )


LOCK = Lock(
    project="shop",
    roots=LockedRoots(
        requirements=(parse_requirement("web[fast]>=1"), parse_requirement("gone; sys_platform == 'win32'")),
        groups={GroupName("dev"): (parse_requirement("tool"),)},
    ),
    environment={"sys_platform": "linux"},
    packages=(
        package("lib", "3.0", source=Source(SourceKind.GIT, "git+https://example.org/lib.git@" + "a" * 40)),
        package("safe", "1.9"),
        package("tool", "0.1", source=Source(SourceKind.TREE, "file:libs/tool")),
        package("web", "1.0", "safe", "lib; extra == 'fast'", "tool; extra == 'slow'", extras=(ExtraName("fast"),)),
    ),
)


def test_components_have_addresses_hashes_and_licences_and_the_graph_is_the_locks() -> None:
    said = json.loads(
        write_cyclonedx(LOCK, "cyclonedx1.5", version="1.4", licences={ProjectName("web"): "MIT OR Apache-2.0"})
    )
    assert list(said)[:6] == ["$schema", "bomFormat", "specVersion", "serialNumber", "version", "metadata"]
    assert said["metadata"]["component"] == {
        "bom-ref": "shop@1.4",
        "name": "shop",
        "type": "application",
        "version": "1.4",
    }
    assert "timestamp" not in said["metadata"]
    components = {each["name"]: each for each in said["components"]}
    sha256 = [{"alg": "SHA-256", "content": "ab" * 32}]
    assert components["web"] == {
        "bom-ref": "web@1.0",
        "externalReferences": [
            {"hashes": sha256, "type": "distribution", "url": "https://files.example/web-1.0-py3-none-any.whl"}
        ],
        "hashes": sha256,
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
        "name": "web",
        "purl": "pkg:pypi/web@1.0?repository_url=https://index.example/simple",
        "type": "library",
        "version": "1.0",
    }
    assert components["lib"]["purl"].startswith("pkg:pypi/lib@3.0?vcs_url=git%2Bhttps://example.org/lib.git%40aaaa")
    assert components["lib"]["externalReferences"][0]["type"] == "vcs"
    assert "purl" not in components["tool"]
    assert {each["ref"]: each.get("dependsOn", []) for each in said["dependencies"]} == {
        "shop@1.4": ["tool@0.1", "web@1.0"],
        "web@1.0": ["lib@3.0", "safe@1.9"],
        "lib@3.0": [],
        "safe@1.9": [],
        "tool@0.1": [],
    }


@pytest.mark.parametrize(
    ("form", "schema"), [("cyclonedx1.5", SchemaVersion.V1_5), ("cyclonedx1.6", SchemaVersion.V1_6)]
)
def test_it_is_valid_by_the_schema_and_the_same_each_time(form: str, schema: SchemaVersion) -> None:
    licences = {ProjectName("web"): "MIT", ProjectName("safe"): "The licence of Safe"}
    text = write_cyclonedx(LOCK, form, licences=licences, timestamp=86_400)
    assert JsonStrictValidator(schema).validate_str(text) is None
    assert write_cyclonedx(LOCK, form, licences=licences, timestamp=86_400) == text
    assert json.loads(text)["metadata"]["timestamp"] == "1970-01-02T00:00:00+00:00"
    other = write_cyclonedx(LOCK, form, licences=licences)
    assert json.loads(other)["serialNumber"] != json.loads(text)["serialNumber"]


def test_a_lock_without_a_name_and_packages_is_valid_too() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(write_cyclonedx(Lock(), "cyclonedx1.5")) is None
