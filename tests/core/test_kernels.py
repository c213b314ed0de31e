"""Masks of specifiers by every kernel against `packaging`, which is the authority on PEP 440."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from dxpy_async.core.kernels import Kernels, VersionTable
from dxpy_async.core.packed_versions import key_table, packed_key, version_key
from dxpy_async.core.settings import KernelChoice
from dxpy_async.core.specifiers import matching_mask
from dxpy_async.core.version_ranges import key_ranges

NEEDS = {KernelChoice.NUMPY: "numpy", KernelChoice.NUMBA: "numba"}
INSTALLED = [choice for choice in KernelChoice if choice not in NEEDS or find_spec(NEEDS[choice]) is not None]

# Few distinct numbers, so that bounds and versions meet often; and those at the edges of what fits a key.
numbers = st.one_of(st.integers(0, 2), st.integers(0, 2), st.sampled_from([20240131, 2**25 - 1, 2**25]))
releases = st.lists(numbers, min_size=1, max_size=5).map(lambda parts: ".".join(map(str, parts)))
epochs = st.sampled_from(["", "", "", "", "1!", "2!"])
pres = st.sampled_from(["", "", "", "a0", "a1", "b1", "rc1", f"rc{2**24 - 1}"])
posts = st.sampled_from(["", "", "", ".post0", ".post1", f".post{2**24 - 1}"])
devs = st.sampled_from(["", "", "", ".dev0", ".dev1", f".dev{2**24}"])
locals_ = st.sampled_from(["", "", "", "", "+1", "+a", "+a.1"])
suffixes = st.one_of(st.just(""), pres, posts, devs, st.builds("".join, st.tuples(pres, posts, devs)))
publics = st.builds("".join, st.tuples(epochs, releases, suffixes))
version_texts = st.builds("".join, st.tuples(publics, locals_))

ordered_clauses = st.builds("".join, st.tuples(st.sampled_from([">=", "<=", ">", "<"]), publics))
equal_clauses = st.builds("".join, st.tuples(st.sampled_from(["==", "!=", "==="]), version_texts))
wildcard_clauses = st.builds("".join, st.tuples(st.sampled_from(["==", "!="]), epochs, releases, st.just(".*")))
compatible_clauses = st.builds("".join, st.tuples(st.just("~="), epochs, st.just("1."), releases, suffixes))
clauses = st.one_of(ordered_clauses, ordered_clauses, equal_clauses, wildcard_clauses, compatible_clauses)
specifiers = st.lists(clauses, max_size=3).map(",".join)
fitting_texts = st.builds(
    "{}{}".format,
    st.lists(st.integers(0, 3), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts))),
    st.sampled_from(["", "", "", "a0", "a1", "rc1", ".post0", ".post1", ".dev0", ".dev1"]),
)


def sorted_versions(texts: Sequence[str]) -> tuple[Version, ...]:
    return tuple(sorted(set(map(Version, texts))))


# Mostly versions that fit a key, as on an index; also many that do not.
version_lists = st.one_of(
    st.lists(fitting_texts, max_size=25),
    st.builds(list.__add__, st.lists(fitting_texts, max_size=25), st.lists(version_texts, max_size=4)),
    st.lists(version_texts, max_size=25),
).map(sorted_versions)


@pytest.fixture(scope="session")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> dict[KernelChoice, Kernels]:
    """One object for each way of looking that is installed; numba compiles once for all tests."""
    cache = tmp_path_factory.mktemp("kernels")
    return {choice: Kernels(choice, cache_dir=cache) for choice in INSTALLED}


def judged_by_packaging(specifier: str, versions: Sequence[Version]) -> int:
    oracle = SpecifierSet(specifier)
    return sum(oracle.contains(version, prereleases=True) << place for place, version in enumerate(versions))


@settings(max_examples=400, deadline=None)
@given(many=st.lists(specifiers, max_size=6), versions=version_lists)
def test_every_kernel_says_of_each_version_what_packaging_says(
    chosen: dict[KernelChoice, Kernels], many: list[str], versions: tuple[Version, ...]
) -> None:
    """PEP 440, all operators: bit i is `SpecifierSet.contains(versions[i], prereleases=True)`."""
    expected = [judged_by_packaging(specifier, versions) for specifier in many]
    for choice, kernels in chosen.items():
        for table in (VersionTable(versions), VersionTable(versions, key_table(versions))):
            assert kernels.masks(many, table) == expected, choice
            assert [kernels.mask(specifier, table) for specifier in many] == expected, choice


@settings(max_examples=400, deadline=None)
@given(specifier=specifiers, version=st.one_of(fitting_texts, version_texts))
def test_ranges_of_keys_allow_what_packaging_allows(specifier: str, version: str) -> None:
    """Of any version that has a key, wherever the specifier can be said in keys."""
    key, ranges = packed_key(version), key_ranges(specifier)
    if key is not None and ranges is not None:
        expected = SpecifierSet(specifier).contains(version, prereleases=True)
        assert any(start <= key < stop for start, stop in ranges) == expected
        assert [bound for stretch in ranges for bound in stretch] == sorted(
            {bound for stretch in ranges for bound in stretch}
        )


@pytest.mark.parametrize(
    "specifier", ["=>1", "~=1", ">=1.*", "~=1.0.*", "<", ">=1 2", "1", ">=1;", ">=v", ">=1.", "=== 1 2", ">=\u0661.0"]
)
def test_ranges_are_refused_where_packaging_refuses(specifier: str) -> None:
    for text in (specifier, f">=1,{specifier}", f"{specifier},,<2"):
        with pytest.raises(InvalidSpecifier):
            SpecifierSet(text)
        with pytest.raises(InvalidSpecifier):
            key_ranges(text)


@pytest.mark.parametrize("specifier", ["", ",", " >= 1.0 , <2", ">=1,,<2,", "\t!=1.5\n", ">=v1.0,<2"])
def test_ranges_read_spaces_and_commas_as_packaging_does(specifier: str) -> None:
    oracle, ranges = SpecifierSet(specifier), key_ranges(specifier)
    assert ranges is not None
    for text in ("0.9", "1.0.dev1", "1.0", "1.5", "1.5.post1", "2.0a1", "2.0"):
        key = packed_key(text)
        assert key is not None
        assert any(start <= key < stop for start, stop in ranges) == oracle.contains(text, prereleases=True), text


@settings(max_examples=400, deadline=None)
@given(text=version_texts)
def test_a_parsed_version_has_the_key_of_its_text(text: str) -> None:
    assert version_key(Version(text)) == packed_key(text)


@pytest.mark.parametrize(
    "specifier",
    [
        *("", ">=1.0", ">1.0", ">1.0a1", ">1.0.post1", ">1.0.dev1", "<1.0", "<1.0rc1", "<1.0.post1", "<0", "<=1.0"),
        *("==1.0", "!=1.0", "==1.*", "!=1.0.*", "~=1.0", "~=1.0.0", "~=1.0rc1", "~=1.2.3.4.0.0", "==1.0+cpu"),
        *("===1.0", "===1.0.0", "===whatever", ">=1,<2,!=1.1", ">=2,<1", "==1!33554431.*", ">1!33554431.33554431"),
        *(">=1.2.3.4.5", "<33554432", "==2!1.*", "!=1.0,!=1.1,!=1.2,!=2.*,>0.9"),
    ],
)
def test_the_corners_of_pep_440(chosen: dict[KernelChoice, Kernels], specifier: str) -> None:
    texts = (
        *("0.dev0", "0", "0.9", "1.0.dev1", "1.0.dev2", "1.0a1.dev1", "1.0a1", "1.0a1.post1", "1.0a2", "1.0rc1", "1.0"),
        *("1.0+cpu", "1.0.post1.dev1", "1.0.post1", "1.0.post2", "1.0.0.1", "1.1", "1.2.3.4", "1.2.3.4.5", "2.0.dev0"),
        *("2.0", "33554431", "33554432", "1!0", "1!33554431.5", "1!33554431.33554431.33554431.33554431.post16777215"),
        *("2!1", "2!1.5"),
    )
    every = sorted_versions(texts)
    fitting = tuple(version for version in every if version_key(version) is not None)
    for versions in (every, fitting, (*fitting[:5], *(every[12:14]), *fitting[10:]), ()):
        distinct = tuple(sorted(set(versions)))
        expected = judged_by_packaging(specifier, distinct)
        for choice, kernels in chosen.items():
            assert kernels.mask(specifier, VersionTable(distinct)) == expected, choice


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 18, 33, 100, 1000])
def test_every_kernel_counts_right_in_tables_of_any_size(chosen: dict[KernelChoice, Kernels], count: int) -> None:
    versions = [Version(f"{number // 100}.{number // 10 % 10}.{number % 10}") for number in range(count)]
    many = [
        f"{operator}{version}" for operator in (">=", "<", "==", "!=", "~=") for version in versions[:: count // 20 + 1]
    ]
    expected = [matching_mask(specifier, versions) for specifier in many]
    for choice, kernels in chosen.items():
        assert kernels.masks(many, VersionTable(versions)) == expected, choice


@pytest.mark.parametrize("choice", INSTALLED)
def test_a_specifier_that_does_not_parse_is_refused(chosen: dict[KernelChoice, Kernels], choice: KernelChoice) -> None:
    for versions in ([], [Version("1")]):
        with pytest.raises(InvalidSpecifier):
            chosen[choice].masks([">=1", "=>1"], VersionTable(versions, key_table(versions)))


def test_thousands_of_exclusions_take_no_time_to_compile() -> None:
    """A requirement may be as long as METADATA may be; ranges are made in time that grows as their number does."""
    excluded = [f"!={number}" for number in range(5_000)]
    ranges = key_ranges(",".join(excluded))
    assert ranges is not None
    assert len(ranges) == 5_001


# What the automatic choice imports


def imported_after(code: str) -> set[str]:
    """Which of numpy and numba a Python has imported that has run `code`."""
    setup = (
        "import sys\n"
        "from packaging.version import Version\n"
        "from dxpy_async.core import kernels as module\n"
        "from dxpy_async.core.kernels import Kernels, VersionTable\n"
        "from dxpy_async.core.settings import KernelChoice\n"
        "versions = [Version(f'{n}.{m}') for n in range(40) for m in range(25)]\n"
        "many = [f'>={n}.{m}' for n in range(40) for m in range(25)]\n"
    )
    tell = "\nprint(*{'numpy', 'numba'} & set(sys.modules))\n"
    ran = subprocess.run([sys.executable, "-c", setup + code + tell], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_a_thousand_specifiers_for_a_thousand_versions_import_nothing_by_themselves() -> None:
    assert imported_after("Kernels().masks(many, VersionTable(versions))") == set()


@pytest.mark.skipif(KernelChoice.NUMBA not in INSTALLED, reason="numba is not installed")
def test_numba_is_imported_once_it_would_have_paid() -> None:
    code = (
        "kernels = Kernels(cache_dir=None)\n"
        "module.WORTH_LOADING = 1_500\n"
        "first = kernels.masks(many, VersionTable(versions))\n"
        "assert 'numba' not in sys.modules\n"
        "assert kernels.masks(many, VersionTable(versions)) == first\n"
    )
    assert imported_after(code) == {"numpy", "numba"}


@pytest.mark.skipif(KernelChoice.NUMPY not in INSTALLED, reason="numpy is not installed")
def test_numpy_alone_is_imported_when_it_is_chosen() -> None:
    assert imported_after("Kernels(KernelChoice.NUMPY).mask('>=1', VersionTable(versions))") == {"numpy"}


def test_kernels_that_are_not_installed_are_named() -> None:
    code = (
        "sys.modules['numba'] = None\n"  # what makes `import numba` fail as if there were none
        "from dxpy_async.errors import UsageError\n"
        "module.WORTH_LOADING = 500\n"
        "table = VersionTable(versions)\n"
        "assert Kernels().masks(many, table) == Kernels(KernelChoice.SCALAR).masks(many, table)\n"
        "try:\n"
        "    Kernels(KernelChoice.NUMBA).mask('>=1', VersionTable(versions))\n"
        "except UsageError as error:\n"
        "    assert 'DXPY_KERNELS is `numba`' in str(error), error\n"
        "else:\n"
        "    raise AssertionError\n"
        "del sys.modules['numba']\n"
    )
    assert "numba" not in imported_after(code)


# numba's machine code


@pytest.mark.skipif(KernelChoice.NUMBA not in INSTALLED, reason="numba is not installed")
class TestNumba:
    def test_llvm_turns_the_count_into_comparisons_of_several_keys_at_once(self) -> None:
        import numba

        from dxpy_async.core import kernels_numba

        search = numba.njit(kernels_numba._SIGNATURE)(kernels_numba._search)
        (text,) = search.inspect_llvm().values()
        assert re.search(r"icmp ult <\d+ x i64>", text)

    def test_machine_code_is_kept_in_the_directory_that_is_named(self, tmp_path: Path) -> None:
        import numba

        table = VersionTable([Version("1"), Version("2")])
        before = numba.config.CACHE_DIR
        assert Kernels(KernelChoice.NUMBA, cache_dir=tmp_path).mask(">1", table) == 0b10
        kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")}
        assert {path.suffix for path in kept} == {".nbi", ".nbc"}
        assert before == numba.config.CACHE_DIR
        assert Kernels(KernelChoice.NUMBA, cache_dir=tmp_path).mask(">1", table) == 0b10
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb?")} == kept

    @pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
    @pytest.mark.parametrize("damage", [b"", b"\0" * 64, None], ids=["empty", "zeros", "short"])
    def test_machine_code_that_is_cut_short_is_made_again(
        self, tmp_path: Path, suffix: str, damage: bytes | None
    ) -> None:
        Kernels(KernelChoice.NUMBA, cache_dir=tmp_path).mask(">1", VersionTable([Version("1")]))
        for path in tmp_path.rglob(f"*{suffix}"):
            path.write_bytes(path.read_bytes()[:100] if damage is None else damage)
        table = VersionTable([Version("1"), Version("2")])
        assert Kernels(KernelChoice.NUMBA, cache_dir=tmp_path).mask(">1", table) == 0b10

    def test_a_directory_that_cannot_be_written_to_does_not_matter(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        kernels = Kernels(KernelChoice.NUMBA, cache_dir=tmp_path / "file")
        assert kernels.mask(">1", VersionTable([Version("1"), Version("2")])) == 0b10
