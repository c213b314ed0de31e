"""Tasks: how they are written, what is refused with the line, and which commands one of them comes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from dxpy_async.errors import InvalidProject
from dxpy_async.project.pyproject import parse_project
from dxpy_async.project.tasks import Command, Task, steps_of, summary_of

HEAD = '[project]\nname = "a"\nversion = "1"\n[tool.dxpy.scripts]\n'


def tasks_in(text: str) -> dict[str, Task]:
    return dict(parse_project((HEAD + text).encode(), Path("/p")).tool.tasks)


def commands(text: str, name: str, *arguments: str) -> list[str]:
    return [str(step.command) for step in steps_of(tasks_in(text), name, arguments)]


def refusal(text: str) -> str:
    with pytest.raises(InvalidProject) as refused:
        tasks_in(text)
    return str(refused.value).removeprefix("`/p/pyproject.toml:").replace("` is not a valid project file", "")


def test_a_command_is_words_split_as_a_shell_does_or_a_list_of_them() -> None:
    tasks = tasks_in("""a = "echo 'one two' three\\\\ four"\nb = ["echo", "$HOME", ""]\n""")
    assert tasks["a"].command == Command(("echo", "one two", "three four"))
    assert tasks["b"].command == Command(("echo", "$HOME", ""))


def test_a_table_says_more() -> None:
    task = tasks_in(
        't = { cmd = "x y", env = { A = "1" }, cwd = "sub", help = "does it", pre = "p", post = ["q r"] }\n'
    )["t"]
    assert task == Task(
        name="t",
        command=Command(("x", "y")),
        env={"A": "1"},
        cwd="sub",
        help="does it",
        pre=(Command(("p",)),),
        post=(Command(("q", "r")),),
    )
    assert summary_of(task) == "does it"


def test_arguments_go_to_the_tasks_own_command() -> None:
    text = 't = { cmd = "x", pre = "p", post = "q", depends = ["d"] }\nd = "y"\n'
    assert commands(text, "t", "a b", "-c") == ["y", "p", "x 'a b' -c", "q"]


def test_arguments_of_a_task_for_the_shell_are_quoted() -> None:
    assert commands('t = { cmd = "ls | wc", shell = true }\n', "t", "a b", "$x") == ["ls | wc 'a b' '$x'"]


def test_what_several_tasks_depend_on_runs_once_and_first() -> None:
    text = 'all = { depends = ["b", "c"] }\na = "a"\n'
    text += 'b = { cmd = "b", depends = ["a"] }\nc = { cmd = "c", depends = ["a"] }\n'
    assert commands(text, "all") == ["a", "b", "c"]


def test_a_chain_of_a_thousand_tasks_is_no_matter() -> None:
    text = "".join(f't{n} = {{ cmd = "c{n}", depends = ["t{n + 1}"] }}\n' for n in range(1000)) + 't1000 = "end"\n'
    assert commands(text, "t0")[:2] == ["end", "c999"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('a = "x"\n"b c" = "x"', "6: a task cannot be called 'b c'"),
        ('"-b" = "x"', "5: a task cannot be called '-b'"),
        ('"b.py" = "x"', "4: a task cannot be called 'b.py'"),
        ("a = 1", "5: the command `a` must be a string, or an array of its words"),
        ('a = ""', "5: the command `a` is empty"),
        ("a = []", "5: the command `a` is empty"),
        ('a = ["x", 1]', "5: the words of `a` must be strings"),
        ('a = "x \'y"', "5: the command `a` cannot be split into words: no closing quotation"),
        ('a = { cmd = "x", helo = "y" }', "5: the task `a` has no setting `helo`"),
        ('a = { help = "x" }', "5: the task `a` has neither `cmd` nor `depends`, so it does nothing"),
        ('a = { cmd = ["x"], shell = true }', "5: the command `a.cmd` must be a string"),
        ('a = { cmd = "x", shell = 1 }', "5: `shell` of the task `a` must be true or false"),
        ('a = { cmd = "x", env = { A = 1 } }', "5: `env` of the task `a` must be a table of strings"),
        ('a = { cmd = "x", env = { "A=B" = "1" } }', "5: `env` of the task `a` cannot set 'A=B'"),
        ('a = { cmd = "x", cwd = 1 }', "5: `cwd` of the task `a` must be a string"),
        ('a = { cmd = "x", depends = "b" }', "5: `depends` of the task `a` must be an array of strings"),
        ('b = "x"\n[tool.dxpy.scripts.a]\ncmd = "x"\nhlp = ""', "8: the task `a` has no setting `hlp`"),
        ('a = { depends = ["b"] }', "5: the task `a` depends on `b`, which is no task"),
        (
            'a = { depends = ["b"] }\nb = { depends = ["c"] }\nc = { depends = ["b"] }',
            "6: tasks depend on each other in a circle: b → c → b",
        ),
        ('a = { depends = ["a"] }', "5: tasks depend on each other in a circle: a → a"),
    ],
)
def test_mistakes_are_refused_with_their_line(text: str, reason: str) -> None:
    assert refusal(text + "\n") == reason
