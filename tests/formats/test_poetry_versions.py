"""Poetry's constraints as the standard's; the expectations are those of its documentation."""

from __future__ import annotations

import pytest

from dxpy_async.formats.poetry_versions import poetry_constraint, poetry_python_marker


@pytest.mark.parametrize(
    ("constraint", "specifier"),
    [
        ("^1.2.3", ">=1.2.3,<2.0.0"),
        ("^1.2", ">=1.2,<2.0.0"),
        ("^1", ">=1,<2.0.0"),
        ("^0.2.3", ">=0.2.3,<0.3.0"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0.0", ">=0.0,<0.1.0"),
        ("^0", ">=0,<1.0.0"),
        ("^1!2.3", ">=1!2.3,<1!3.0.0"),
        ("~1.2.3", ">=1.2.3,<1.3.0"),
        ("~1.2", ">=1.2,<1.3.0"),
        ("~1", ">=1,<2.0.0"),
        ("~=1.2.3", "~=1.2.3"),
        ("*", ""),
        ("1.*", "==1.*"),
        ("1.2.*", "==1.2.*"),
        ("!=1.2.*", "!=1.2.*"),
        ("1.2.3", "==1.2.3"),
        ("= 1.2.3", "==1.2.3"),
        (">= 1.2, < 1.5", ">=1.2,<1.5"),
        (">=1.2 <1.5", ">=1.2,<1.5"),
        ("^2.0,!=2.1", ">=2.0,<3.0.0,!=2.1"),
        ("^1.0 || ^2.0", ">=1.0,<3.0.0"),
        ("^2.0 | ^1.0", ">=1.0,<3.0.0"),
        ("<1 || *", ""),
    ],
)
def test_what_the_documentation_says_of_a_constraint(constraint: str, specifier: str) -> None:
    assert poetry_constraint(constraint) == (specifier, False)


def test_a_gap_that_no_specifier_can_say_is_told() -> None:
    assert poetry_constraint("^1.0 || ^3.0") == (">=1.0,<4.0.0", True)


@pytest.mark.parametrize(
    ("constraint", "marker"),
    [
        ("^3.9", 'python_version >= "3.9" and python_version < "4.0"'),
        ("<3.11", 'python_version < "3.11"'),
        (">=3.9.2", 'python_full_version >= "3.9.2"'),
        ("3.11.*", 'python_version == "3.11"'),
        ("<3.9 || >=3.11", 'python_version < "3.9" or python_version >= "3.11"'),
        ("*", ""),
    ],
)
def test_constraints_on_python_become_markers(constraint: str, marker: str) -> None:
    assert poetry_python_marker(constraint) == marker


@pytest.mark.parametrize("text", ["^", "one", ">=1,<", "^1.2.x.y", "!!1"])
def test_what_is_no_constraint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        poetry_constraint(text)
