"""The hint cache on disk: found again, never for another question, bounded, shared, and indifferent to damage."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.locks import LockedRoots
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.engine.memory import Memory
from dxpy_async.formats.remembered import BUCKET, Remembered
from dxpy_async.resolver.options import ResolutionOptions
from dxpy_async.resolver.question import Question

HERE = TargetEnvironment(markers={"python_full_version": "3.11.7"}, tags=("py3-none-any",))


def question(*requirements: str, index: str = "https://index.test/simple") -> Question:
    return Question(
        kind="lock",
        roots=LockedRoots(requirements=tuple(map(parse_requirement, requirements))),
        target=HERE,
        options=ResolutionOptions(),
        settings={"index-url": index},
    )


def answer_to(asked: Question, answer: bytes = b"answer") -> Remembered:
    return Remembered(key=asked.key(), roots=asked.root_names, pages=(), answer=answer, packages=1)


def files(cache: Path) -> list[Path]:
    return sorted(path for path in (cache / BUCKET).rglob("*") if path.is_file())


def test_an_answer_is_found_again_and_another_question_finds_none(tmp_path: Path) -> None:
    memory, asked = Memory(tmp_path), question("a")
    assert memory.recall(asked) is None
    memory.keep(asked, answer_to(asked))
    assert memory.recall(asked) == answer_to(asked)
    assert memory.recall(question("a>1")) is None
    memory.keep(asked, answer_to(asked, b"newer"))
    assert Memory(tmp_path).recall(asked) == answer_to(asked, b"newer")


@pytest.mark.parametrize("damage", [b"", b"DXR\x01", b"\0" * 5000])
def test_damage_is_a_miss_and_is_removed(tmp_path: Path, damage: bytes) -> None:
    memory, asked = Memory(tmp_path), question("a")
    memory.keep(asked, answer_to(asked))
    (path,) = files(tmp_path)
    path.write_bytes(damage)
    assert memory.recall(asked) is None
    assert files(tmp_path) == []


def test_an_answer_under_the_name_of_another_question_is_a_miss_and_is_removed(tmp_path: Path) -> None:
    memory, asked, other = Memory(tmp_path), question("a"), question("b")
    memory.keep(asked, answer_to(asked))
    (path,) = files(tmp_path)
    path.rename(path.with_name(other.key().hex()))
    assert memory.recall(other) is None
    assert files(tmp_path) == []


def test_the_nearest_is_the_one_with_the_most_roots_in_common(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    for texts in (["a", "b", "c"], ["a"], ["x", "y"], ["a", "b", "c", "d", "e", "f"]):
        memory.keep(question(*texts), answer_to(question(*texts), " ".join(texts).encode()))
    nearest = memory.nearest(question("a<2", "b", "c", "d"))
    assert nearest is not None
    assert nearest.answer == b"a b c"
    assert memory.nearest(question("z")) is None
    assert memory.nearest(question("a", index="https://other.test/simple")) is None


def test_damage_is_passed_over_in_the_search_for_the_nearest(tmp_path: Path) -> None:
    memory, asked = Memory(tmp_path), question("a", "b")
    memory.keep(asked, answer_to(asked))
    directory = files(tmp_path)[0].parent
    (directory / ".half.tmp").write_bytes(b"DXR\x01")
    (directory / ("0" * 64)).write_bytes(b"garbage")
    assert memory.nearest(question("a")) == answer_to(asked)


def test_those_used_longest_ago_go_when_there_are_too_many(tmp_path: Path) -> None:
    memory = Memory(tmp_path, most_answers=3)
    asked = [question(name) for name in "abcde"]
    for place, each in enumerate(asked[:3]):
        memory.keep(each, answer_to(each))
        os.utime(tmp_path / BUCKET / each.context() / each.key().hex(), (place, place))
    assert memory.recall(asked[0]) is not None  # used now, and so the newest
    memory.keep(asked[3], answer_to(asked[3]))
    assert [memory.recall(each) is not None for each in asked] == [True, False, True, True, False]


def test_those_used_longest_ago_go_when_they_are_too_large(tmp_path: Path) -> None:
    memory = Memory(tmp_path, most_bytes=3000)
    for place, name in enumerate("abcdef"):
        each = question(name, index=f"https://{name}.test/simple")
        memory.keep(each, answer_to(each, bytes(700)))
        os.utime(tmp_path / BUCKET / each.context() / each.key().hex(), (place, place))
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 3000
    assert memory.recall(question("f", index="https://f.test/simple")) is not None


def test_an_answer_without_measure_is_not_remembered(tmp_path: Path) -> None:
    memory, asked = Memory(tmp_path), question("a")
    memory.keep(asked, answer_to(asked, bytes(17 * 1024**2)))
    assert memory.recall(asked) is None


def test_where_nothing_can_be_written_nothing_is_remembered(tmp_path: Path) -> None:
    (tmp_path / BUCKET).write_bytes(b"a file is in the way")
    memory, asked = Memory(tmp_path), question("a")
    memory.keep(asked, answer_to(asked))
    assert memory.recall(asked) is None
    assert memory.nearest(asked) is None


def test_many_processes_may_write_and_read_at_once(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from test_memory import Memory, answer_to, question\n"
        "memory = Memory(Path(sys.argv[1]), most_answers=4)\n"
        "for turn in range(60):\n"
        "    asked = question('abcdef'[turn % 6])\n"
        "    memory.keep(asked, answer_to(asked, b'x' * 20_000))\n"
        "    found = memory.recall(asked)\n"
        "    assert found is None or found == answer_to(asked, b'x' * 20_000)\n"
        "    memory.nearest(asked)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path), str(Path(__file__).parent)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    for process in running:
        assert process.communicate(timeout=60)[1] == b""
        assert process.returncode == 0
    assert 1 <= len(files(tmp_path)) <= 6


def test_a_question_about_another_environment_is_another_question(tmp_path: Path) -> None:
    memory, asked = Memory(tmp_path), question("a")
    memory.keep(asked, answer_to(asked))
    elsewhere = replace(asked, target=TargetEnvironment({"python_full_version": "3.12.0"}, HERE.tags))
    assert memory.recall(elsewhere) is None
    assert memory.nearest(elsewhere) is None
