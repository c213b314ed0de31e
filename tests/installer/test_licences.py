"""What core metadata say of licences."""

from __future__ import annotations

from pathlib import Path

import pytest

from dxpy_async.core.names import ProjectName
from dxpy_async.installer.licences import licences_in, parse_licence


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("Name: a\nLicense-Expression: MIT OR Apache-2.0\nLicense: other\n", "MIT OR Apache-2.0"),
        ("Name: a\r\nLicense: BSD-3-Clause\r\n\r\nbody: x", "BSD-3-Clause"),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License\n", "MIT License"),
        ("License: Copyright\n        all lines\nClassifier: License :: OSI Approved :: MIT License\n", "MIT License"),
        ("Classifier: License :: OSI Approved\n", ""),
        ("Classifier: License :: A :: B\nClassifier: License :: A :: C\n", ""),
        (f"License: {'x' * 200}\n", ""),
        ("no field\n", ""),
    ],
)
def test_a_licence_is_named_by_its_field_or_else_by_the_only_classifier(metadata: str, licence: str) -> None:
    assert parse_licence(metadata) == licence


def test_only_what_is_installed_in_the_version_that_is_meant_tells(tmp_path: Path) -> None:
    for name in ("web-1.0", "safe-1.9", "odd-1.0"):
        place = tmp_path / "lib/python3.12/site-packages" / f"{name}.dist-info"
        place.mkdir(parents=True)
        (place / "METADATA").write_text(f"Name: {name}\nLicense: MIT\n")
    (place / "METADATA").unlink()
    versions = {ProjectName("web"): "1.0", ProjectName("safe"): "2.0", ProjectName("odd"): "1.0"}
    assert licences_in(tmp_path, versions) == {"web": "MIT"}
    assert licences_in(tmp_path / "none", versions) == {}
