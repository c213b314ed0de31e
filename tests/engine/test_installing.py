"""Installing into environments that have something already, and into places that are no environments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from command import PYTHON
from index_server import LoopbackIndex
from trees import write_tree
from wheels import build_wheel, sha256_of

from dxpy_async import Engine, EnvironmentManager, IndexSettings, NetworkSettings, Settings
from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.engine.install_options import DEFAULT_INSTALL, InstallOptions, InstallOutcome
from dxpy_async.errors import CannotUninstall, FileConflict, HashesMissing, HashMismatch, NoSolution
from dxpy_async.formats.requirements_file import parse_entry
from dxpy_async.installer.check import verify_environment
from dxpy_async.installer.inventory import take_inventory
from dxpy_async.python.environments import VirtualEnvironment, create_environment
from dxpy_async.python.places import directory_place, own_place, prefix_place
from dxpy_async.python.probing import probe

WEB, SAFE, OWN = ProjectName("web"), ProjectName("safe"), ProjectName("own")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """`web` 1 and 2 need `safe`; `own` is on no index and needs `safe<2`."""
    for version in ("1.0", "2.0"):
        build_wheel(tmp_path / "wheels", "web", version, requires=["safe"])
        build_wheel(tmp_path / "wheels", "safe", version)
    build_wheel(tmp_path / "wheels", "next", "1.0", requires=["safe>=2", "own"])
    build_wheel(tmp_path, "own", "0.1", requires=["safe<2"])
    return tmp_path / "wheels"


@pytest.fixture
async def index(wheels: Path) -> AsyncIterator[LoopbackIndex]:
    async with LoopbackIndex() as served:
        served.add_directory(wheels)
        yield served


@pytest.fixture
def settings(index: LoopbackIndex, tmp_path: Path) -> Settings:
    network = NetworkSettings(retries=1, read_timeout=5)
    indexes = IndexSettings(index_url=index.url)
    return Settings(cache_dir=tmp_path / "cache", python=PYTHON, indexes=indexes, network=network)


@pytest.fixture
def environment(settings: Settings, tmp_path: Path) -> VirtualEnvironment:
    return create_environment(tmp_path / "env", probe(Path(PYTHON), cache_dir=settings.cache_dir))


async def install(
    settings: Settings,
    environment: VirtualEnvironment,
    *requirements: str,
    options: InstallOptions = DEFAULT_INSTALL,
) -> InstallOutcome:
    async with Engine(settings) as engine:
        return await engine.install_with(requirements, environment=environment, options=options)


def there(environment: VirtualEnvironment) -> list[str]:
    inventory = take_inventory((str(environment.scheme.purelib),))
    return [f"{item.project}=={item.version}" for item in inventory.values()]


async def test_what_fits_stays_until_it_is_to_be_upgraded(settings: Settings, environment: VirtualEnvironment) -> None:
    await install(settings, environment, "web==1.0", "safe==1.0")
    outcome = await install(settings, environment, "web", "safe<2")
    assert [item.name for item in outcome.satisfied] == ["web", "safe"]
    outcome = await install(settings, environment, "web", options=InstallOptions(upgrade=True))
    assert outcome.changes.installed == ((WEB, "2.0"),)
    outcome = await install(settings, environment, "web", options=InstallOptions(eager=True))
    assert outcome.changes.installed == ((SAFE, "2.0"),)


async def test_what_is_satisfied_asks_no_index(
    settings: Settings, environment: VirtualEnvironment, index: LoopbackIndex
) -> None:
    await install(settings, environment, "web")
    await index.stop()
    fresh = replace(settings, cache_dir=settings.cache_dir.with_name("fresh"))
    outcome = await install(fresh, environment, "web>1")
    assert [item.name for item in outcome.satisfied] == ["web"]


async def test_what_no_index_has_counts_with_what_it_requires(
    settings: Settings, environment: VirtualEnvironment, tmp_path: Path
) -> None:
    await install(settings, environment, f"own @ file://{tmp_path}/own-0.1-py3-none-any.whl")
    outcome = await install(settings, environment, "own", "web")
    assert outcome.changes.installed == ((WEB, "2.0"),)
    with pytest.raises(NoSolution, match="own"):
        await install(settings, environment, "next")
    assert there(environment) == ["own==0.1", "safe==1.0", "web==2.0"]


async def test_without_dependencies_and_again(settings: Settings, environment: VirtualEnvironment) -> None:
    outcome = await install(settings, environment, "web", options=InstallOptions(dependencies=False))
    assert outcome.changes.installed == ((WEB, "2.0"),)
    again = InstallOptions(dependencies=False, reinstall=True)
    outcome = await install(settings, environment, "web", options=again)
    assert (outcome.changes.removed, outcome.changes.installed) == (((WEB, "2.0"),), ((WEB, "2.0"),))
    assert verify_environment(environment.scheme) == []


async def test_a_dry_run_touches_nothing(settings: Settings, tmp_path: Path) -> None:
    place = directory_place(tmp_path / "out", probe(Path(PYTHON), cache_dir=settings.cache_dir))
    outcome = await install(settings, place, "web", options=InstallOptions(dry_run=True, with_wheels=True))
    assert outcome.changes.installed == ((SAFE, "2.0"), (WEB, "2.0"))
    assert [each.requested for each in outcome.arrivals] == [False, True]
    assert not (tmp_path / "out").exists()


async def test_places_that_are_no_environments_get_packages_and_nothing_else(
    settings: Settings, tmp_path: Path
) -> None:
    interpreter = probe(Path(PYTHON), cache_dir=settings.cache_dir)
    await install(settings, directory_place(tmp_path / "out", interpreter), "web")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "safe",
        "safe-2.0.dist-info",
        "web",
        "web-2.0.dist-info",
    ]
    await install(settings, prefix_place(tmp_path / "prefix", interpreter), "safe")
    assert (tmp_path / "prefix" / interpreter.purelib / "safe/__init__.py").is_file()


async def test_no_package_replaces_modules_of_the_interpreter(settings: Settings, wheels: Path, tmp_path: Path) -> None:
    interpreter = probe(Path(PYTHON), cache_dir=settings.cache_dir)
    root = tmp_path / "python"
    paths = interpreter.own_paths
    moved = {
        name: str(root / Path(getattr(paths, name)).relative_to(paths.data))
        for name in ("purelib", "platlib", "scripts", "stdlib", "data")
    }
    place = own_place(replace(interpreter, own_paths=replace(paths, **moved, sites=(moved["purelib"],))))
    module = Path(moved["stdlib"]) / "os.py"
    module.parent.mkdir(parents=True)
    module.write_text("whole")
    relative = module.relative_to(root).as_posix()
    evil = build_wheel(tmp_path, "evil", "1.0", data={f"data/{relative}": "broken"})
    with pytest.raises(FileConflict, match="would replace a part of the environment itself"):
        await install(settings, place, f"evil @ file://{evil}")
    await install(settings, place, "safe")
    assert there(place) == ["safe==2.0"]
    dist_info = Path(moved["purelib"]) / "ghost-1.0.dist-info"
    dist_info.mkdir(parents=True)
    (dist_info / "METADATA").write_text("Metadata-Version: 2.1\nName: ghost\nVersion: 1.0\n")
    (dist_info / "RECORD").write_text("../os.py,,\nghost-1.0.dist-info/RECORD,,\n")
    await EnvironmentManager(settings).uninstall(place, ["ghost"])
    assert module.read_text() == "whole"
    assert not dist_info.exists()


def hashes(wheels: Path, *names: str) -> dict[ProjectName, dict[str, frozenset[str]]]:
    files = {name.partition("-")[0]: wheels / f"{name}-py3-none-any.whl" for name in names}
    return {normalize(name): {"sha256": frozenset((sha256_of(path),))} for name, path in files.items()}


async def test_hash_checking_names_all_that_lack_hashes(
    settings: Settings, environment: VirtualEnvironment, wheels: Path
) -> None:
    options = InstallOptions(hashes=hashes(wheels, "web-2.0"))
    with pytest.raises(HashesMissing) as raised:
        await install(settings, environment, "web==2.0", options=options)
    assert str(raised.value) == "in hash-checking mode every requirement has a hash, and `safe==2.0` has none"
    digest = sha256_of(wheels / "safe-2.0-py3-none-any.whl")
    assert f"safe==2.0 --hash=sha256:{digest}" in raised.value.hints()[0]
    assert there(environment) == []


@pytest.mark.parametrize("asked", [["web"], ["web>=2", "safe"], ["web==2.*"]])
async def test_hash_checking_wants_pins(
    settings: Settings, environment: VirtualEnvironment, asked: Sequence[str]
) -> None:
    with pytest.raises(HashesMissing, match="pinned with `==`"):
        await install(settings, environment, *asked, options=InstallOptions(requires_hashes=True))


async def test_hash_checking_installs_what_has_its_hash_and_nothing_else(
    settings: Settings, environment: VirtualEnvironment, wheels: Path
) -> None:
    right = InstallOptions(hashes=hashes(wheels, "web-2.0", "safe-2.0"))
    wrong = InstallOptions(hashes={**right.hashes, SAFE: {"sha256": frozenset(("0" * 64,))}})
    with pytest.raises(HashMismatch, match=r"safe-2.0-py3-none-any.whl"):
        await install(settings, environment, "web==2.0", "safe==2.0", options=wrong)
    assert there(environment) == []
    await install(settings, environment, "web==2.0", "safe==2.0", options=right)
    assert there(environment) == ["safe==2.0", "web==2.0"]


async def test_hash_checking_takes_archives_only(
    settings: Settings, environment: VirtualEnvironment, tmp_path: Path
) -> None:
    root = write_tree(tmp_path / "tree")
    with pytest.raises(HashesMissing, match="comes from a directory, which has no hash"):
        await install(settings, environment, f"tree @ file://{root}", options=InstallOptions(requires_hashes=True))


async def test_uninstalling_removes_files_and_tells_what_is_not_there(
    settings: Settings, environment: VirtualEnvironment
) -> None:
    await install(settings, environment, "web")
    manager = EnvironmentManager(settings)
    done = await manager.uninstall(environment, ["WEB", "none"])
    assert ([each.name for each in done.removed], done.missing) == ([WEB], ("none",))
    assert there(environment) == ["safe==2.0"]
    assert not (environment.scheme.purelib / "web").exists()
    assert verify_environment(environment.scheme) == []


async def test_what_has_no_record_is_not_uninstalled(settings: Settings, environment: VirtualEnvironment) -> None:
    await install(settings, environment, "safe")
    (environment.scheme.purelib / "safe-2.0.dist-info/RECORD").unlink()
    with pytest.raises(CannotUninstall, match=r"`safe` 2\.0 does not say which files are its own"):
        await EnvironmentManager(settings).uninstall(environment, ["safe"])
    assert (environment.scheme.purelib / "safe").exists()


async def test_a_directory_says_its_name_if_need_be_by_being_built(
    settings: Settings, environment: VirtualEnvironment, tmp_path: Path
) -> None:
    root = write_tree(tmp_path / "somewhere", name="tree")
    async with Engine(settings) as engine:
        requirement = await engine.named(parse_entry(str(root), origin=""), environment.interpreter)
    assert (requirement.name, requirement.url) == ("tree", f"file://{root}")
