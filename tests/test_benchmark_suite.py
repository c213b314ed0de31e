"""The parts of the benchmark suite: what it measures is what was run, and what it keeps is what it measured."""

from __future__ import annotations

import importlib
import os
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from contest import ADDED, PROJECTS, Attempt, Contest, Entry, Tool
from costs import CommandFailed, Cost, disk_mib, hollow, timed
from loopback import CATCHING_UP_SECONDS
from results import Figures, Result
from scaled import LARGEST, in_order
from scenarios import SCENARIOS
from servers import Network, index_server
from versions import newest, versions_of_all

ROOT = Path(__file__).resolve().parent.parent
PYTHON = [sys.executable, "-I", "-S", "-c"]
DXPY = Tool("dxpy", "DXPY", str(Path(sys.executable).with_name("dxpy")))


@pytest.fixture
def here(tmp_path: Path) -> Path:
    where = tmp_path / "here"
    where.mkdir()
    return where


def test_time_and_output_are_those_of_the_command_in_its_directory(here: Path) -> None:
    program = "import os, time; time.sleep(0.2); print(os.getcwd(), os.environ['SPAM'])"
    cost = timed([*PYTHON, program], here, {"SPAM": "eggs"})
    assert 0.2 <= cost.seconds < 5
    assert cost.cpu_seconds < cost.seconds
    assert (here.parent / "here.out").read_text() == f"{here} eggs\n"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are found by what Linux tells")
def test_what_a_command_leaves_running_is_waited_for_and_does_not_count(here: Path) -> None:
    program = "import time; time.sleep(1); open('late', 'w')"
    start = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {program!r}], start_new_session=True)"
    assert timed([*PYTHON, start], here, {}).seconds < 0.9
    assert (here / "late").exists()


def test_command_that_fails_is_told_with_its_output(here: Path) -> None:
    with pytest.raises(CommandFailed, match=r"(?s)ended with 3:.*no spam"):
        timed([*PYTHON, "import os; os.write(2, b'no spam'); os._exit(3)"], here, {})


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts what Linux tells")
def test_memory_is_the_command_s_own_and_not_that_of_who_measures(here: Path) -> None:
    ballast = bytearray(100 * 1024**2)
    assert timed([*PYTHON, "pass"], here, {}).peak_mib < 40
    assert timed([*PYTHON, f"bytearray(b'x') * {len(ballast)}"], here, {}).peak_mib > 100


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts what Linux tells")
def test_memory_of_all_processes_counts_children_and_shared_pages_once(here: Path) -> None:
    program = (
        "import os, time\n"
        "shared = bytearray(b'x') * (40 << 20)\n"
        "for _ in range(2):\n"
        "    if not os.fork():\n"
        "        own = bytearray(b'y') * (30 << 20); time.sleep(0.5); os._exit(0)\n"
        "os.wait(); os.wait()\n"
    )
    cost = timed([*PYTHON, program], here, {}, watch=True)
    assert cost.tree_mib is not None
    assert cost.peak_mib < 95
    assert 100 < cost.tree_mib < 160


def test_emptied_files_stay_and_what_others_share_is_left_alone(tmp_path: Path) -> None:
    store, environment = tmp_path / "store", tmp_path / "environment"
    for each in (store, environment / "package"):
        each.mkdir(parents=True)
    (store / "shared").write_bytes(bytes(90_000))
    os.link(store / "shared", environment / "package" / "shared")
    own = environment / "package" / "own"
    own.write_bytes(bytes(90_000))
    own.chmod(0o444)
    (environment / "link").symlink_to(store)
    hollow(environment, linked=False)
    assert own.stat().st_size == 0
    assert (store / "shared").stat().st_size == 90_000
    hollow(environment, linked=True)
    assert (environment / "package" / "shared").stat().st_size == 0


def test_disk_counts_a_file_with_two_names_once(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(os.urandom(1024**2))
    before = disk_mib(tmp_path)
    os.link(tmp_path / "one", tmp_path / "two")
    assert 1 <= before == disk_mib(tmp_path) < 1.2


def test_probing_tells_what_the_command_line_has() -> None:
    assert DXPY.knows("sync", "--link-mode")
    assert DXPY.knows("sync", "hardlink")
    assert not DXPY.knows("no-such-command", "sync")
    assert not DXPY.knows("sync", "--link"), "a part of a word is another word"


def test_each_round_adds_a_requirement_that_the_project_lacks(tmp_path: Path) -> None:
    text = (ROOT / "benchmarks" / "projects" / "small" / "pyproject.toml").read_text()
    contest = Contest(DXPY, "small", text, "http://127.0.0.1:9/simple", tmp_path)
    seen = set()
    for turn in range(5):
        where = Attempt(contest, Entry("dxpy", "dxpy"), turn).fresh(locked=False, more=[ADDED[turn]])
        written = (where / "pyproject.toml").read_text()
        assert '"flask"' in written
        assert f'  "{ADDED[turn]}",\n]\n' in written
        seen.add(written)
    assert len(seen) == 5


@pytest.mark.parametrize("project", PROJECTS)
def test_projects_can_be_added_to(project: str) -> None:
    text = (ROOT / "benchmarks" / "projects" / project / "pyproject.toml").read_text()
    assert text.count("\n]\n") == 1
    assert not any(f'"{name}' in text for name in ADDED)


def test_every_scenario_has_its_own_name_and_someone_to_compare_with() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names)
    for scenario in SCENARIOS:
        assert scenario.entries[0].tool == "uv"
        assert any(entry.tool == "dxpy" for entry in scenario.entries)
        assert scenario.project in PROJECTS or scenario.project.startswith("scaled-") or not scenario.project


def result(name: str, uv: list[float], dxpy: list[float]) -> Result:
    costs = {"uv": [Cost(each, each, 20) for each in uv], "dxpy": [Cost(each, each, 30) for each in dxpy]}
    return Result(name, "", "small", "seconds", {}, costs, {"uv": Cost(9, 9, 25, 26), "dxpy": Cost(9, 9, 30, 45)})


def test_ratio_is_taken_round_by_round_and_the_watched_round_does_not_count() -> None:
    measured = result("warm sync", [1.0, 4.0, 2.0], [2.0, 2.0, 2.0])
    assert measured.ratios("dxpy") == [0.5, 2.0, 1.0]
    uv, dxpy = measured.rows()
    assert uv[:2] == ["warm sync", "uv"]
    assert dxpy[1:6] == ["dxpy", "2.00 s", "2.00–2.00", "1.00", "0.50–2.00"]
    assert (uv[-2:], dxpy[-2:]) == (["25", "26"], ["30", "45"])


def test_figures_grow_and_what_is_measured_again_takes_the_older_place(tmp_path: Path) -> None:
    order = ("first", "second", "third")
    figures = Figures(tmp_path, order)
    figures.add(result("second", [1.0], [1.0]), 1)
    figures.leave_out("first", "no")
    figures = Figures.in_directory(tmp_path, order)
    figures.add(result("first", [1.0], [1.0]), 1)
    figures.add(result("second", [3.0], [1.0]), 1)
    read = Figures.in_directory(tmp_path, order)
    assert list(read.results) == ["first", "second"]
    assert statistics.median(read.results["second"].ratios("dxpy")) == 3
    assert read.left_out == {}
    assert (tmp_path / "table.md").read_text().count("\n") > 4


def test_pins_of_a_part_are_whole_and_without_what_is_heavy() -> None:
    def package(name: str, *required: str, size: int = 1, extras: tuple[str, ...] = ()) -> dict[str, object]:
        return {
            "name": name,
            "version": "1",
            "source": {"registry": "https://index.example.org"},
            "dependencies": [{"name": each} for each in required],
            "optional-dependencies": {"more": [{"name": each} for each in extras]},
            "wheels": [{"url": f"https://files.example.org/{name}-1-py3-none-any.whl", "size": size}],
        }

    locked = [
        {"name": "root", "version": "0", "source": {"virtual": "."}},
        package("app", "web", "leaf"),
        package("heavy", size=LARGEST + 1),
        package("leaf"),
        package("left", "right"),
        package("right", "left"),
        package("upon", "heavy"),
        package("web", extras=("zlib",)),
        package("zlib"),
    ]
    assert in_order(locked) == ["leaf==1", "zlib==1", "web==1", "app==1"]


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[str]:
    """An index whose project spam has wheels, some of which are of no use."""
    page = tmp_path / "index" / "simple" / "spam" / "index.json"
    page.parent.mkdir(parents=True)
    names = ["1", "2", "3rc1", "4", "5", "6"]
    more = {"4": ', "yanked": "bad"', "5": ', "requires-python": ">=99"'}
    files = [f'{{"filename": "spam-{v}-py3-none-any.whl", "url": "x"{more.get(v, "")}}}' for v in names]
    files += ['{"filename": "spam-7.tar.gz", "url": "x"}', '{"filename": "spam-8-cp20-cp20-any.whl", "url": "x"}']
    page.write_text(f'{{"name": "spam", "files": [{", ".join(files)}]}}')
    page.with_name("index.json.gz").write_bytes(b"")
    with index_server(tmp_path / "index") as address:
        yield address


def test_newest_versions_are_those_that_can_be_installed_here(pages: str) -> None:
    assert [str(version) for version in newest(pages, "spam", 2)] == ["6", "2"]
    assert versions_of_all(pages, ["spam"], 3) == [["spam==1"], ["spam==2"], ["spam==6"]]


def test_far_away_index_is_late_and_narrow_and_has_the_same_address(tmp_path: Path, here: Path) -> None:
    page = tmp_path / "index" / "simple" / "spam" / "index.json"
    page.parent.mkdir(parents=True)
    page.write_text("x" * 250_000)
    page.with_name("index.json.gz").write_bytes(b"")
    program = (
        "import http.client, sys\n"
        "from urllib.parse import urlsplit\n"
        "parts = urlsplit(sys.argv[1]); connection = http.client.HTTPConnection(parts.netloc)\n"
        "for _ in range(2):\n"
        "    connection.request('GET', parts.path + '/spam/')\n"
        "    assert len(connection.getresponse().read()) == 250_000\n"
    )
    command = [sys.executable, "-I", "-c", program]
    with index_server(tmp_path / "index") as near:
        timed([*command, near], here, {})
    with index_server(tmp_path / "index", Network(100, 10)) as far:
        assert far == near
        seconds = timed([*command, far], here, {}).seconds
    # Three round trips, of which one is TCP's, and 4 Mbit at 10 Mbit/s, less what a line may catch up on.
    assert seconds > 0.3 + 0.4 - 2 * CATCHING_UP_SECONDS


def test_plots_are_drawn_of_what_there_is(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plots = importlib.import_module("plots")

    figures = Figures(tmp_path, ("warm sync", "cold sync"))
    figures.add(result("warm sync", [1.0, 1.1], [0.5, 0.6]), 1)
    drawn = {path.name for path in plots.draw_all(figures)}
    assert {"warm-sync.svg", "overview.svg", "memory.svg"} <= drawn
    assert "uv" in (tmp_path / "plots" / "warm-sync.svg").read_text()


def test_what_was_published_before_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    suite = importlib.import_module("suite")
    page = ROOT / "docs" / "performance.md"
    (tmp_path / "performance.md").write_text(page.read_text())
    (tmp_path / "overview.svg").write_text("<svg/>")
    for seconds in (0.5, 0.25):
        figures = Figures(tmp_path / "figures", ("warm sync",))
        figures.add(result("warm sync", [1.0], [seconds]), 1)
        suite.publish(figures, [tmp_path / "overview.svg"], tmp_path)
    before, _, rest = (tmp_path / "performance.md").read_text().partition(suite.PUBLISHED_FROM)
    between, _, after = rest.partition(suite.PUBLISHED_TO)
    assert page.read_text().partition(suite.PUBLISHED_FROM)[0] == before
    assert page.read_text().partition(suite.PUBLISHED_TO)[2] == after
    assert "![overview](plots/overview.svg)" in between
    assert "4.00–4.00" in between
    assert "2.00–2.00" not in between


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("((", "`((` is no regular expression: "),
        ("nosuch", "error: nothing is called `nosuch`; `--list` tells what there is\n"),
    ],
)
def test_pattern_that_finds_nothing_is_a_mistake(
    pattern: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    suite = importlib.import_module("suite")
    monkeypatch.setattr(sys, "argv", ["suite.py", "--only", pattern, "--output", str(tmp_path)])
    try:
        code = suite.main()
    except SystemExit as left:
        code = left.code
    assert code == 2
    assert said in capsys.readouterr().err
