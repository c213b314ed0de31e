"""What the files of other tools become in a pyproject.toml, to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from dxpy_async.core.settings import PYPI_SIMPLE_URL
from dxpy_async.errors import DxpyError, InvalidProject, InvalidRequirementsFile, ProjectError
from dxpy_async.project.importing import ImportPlan, plan_import


def imported(root: Path, files: dict[str, str]) -> ImportPlan:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return plan_import(root)


POETRY = """\
# the licence of the shop

[tool.poetry]
name = "Shop_App"
version = "1.4.0"
description = "A shop"
authors = ["Ann Author <ann@example.org>", "Bob"]
license = "MIT"
packages = [{ include = "shop", from = "src" }]  # where the code is

[tool.poetry.dependencies]
python = "^3.9"
# the web part
flask = "^3.0"
colorama = { version = "*", markers = "sys_platform == 'win32'" }
tomli = { version = ">=2,<3", python = "<3.11" }  # until 3.11
psycopg2 = { version = "^2.9", optional = true, extras = ["pool"] }
six = [
    { version = "1.16.*", python = "<3.12" },
    { version = "^1.17", python = ">=3.12" },
]
tool = { path = "libs/tool", develop = true }
lib = { git = "git@example.org:me/lib.git", tag = "v1", subdirectory = "py" }
private = { version = "^1", source = "company", allow-prereleases = true }

[tool.poetry.extras]
pgsql = ["psycopg2"]

[tool.black]
line-length = 100

# what developers need
[tool.poetry.group.dev.dependencies]
pytest = "^8.0"

[tool.poetry.group.docs]
optional = true

[tool.poetry.group.docs.dependencies]
markdown = "^3.5 || ^5"

[tool.poetry.group.test]
[tool.poetry.group.test.dependencies]
hypothesis = "*"

[tool.poetry.scripts]
shop = "shop.cli:main"

[tool.poetry.plugins."shop.plugins"]
one = "shop.one:One"

[[tool.poetry.source]]
name = "company"
url = "https://user:secret@pypi.example.org/simple"
priority = "explicit"

[build-system]
requires = ["poetry-core>=1.0.0"]
build-backend = "poetry.core.masonry.api"
"""

OF_POETRY = """\
# the licence of the shop

[project]
name = "Shop_App"
version = "1.4.0"
description = "A shop"
requires-python = ">=3.9,<4.0.0"
license = { text = "MIT" }
authors = [{ name = "Ann Author", email = "ann@example.org" }, { name = "Bob" }]
dependencies = [
    "flask>=3.0,<4.0.0",  # the web part
    "colorama; sys_platform == 'win32'",
    "tomli>=2,<3; python_version < '3.11'",  # until 3.11
    "six==1.16.*; python_version < '3.12'",
    "six>=1.17,<2.0.0; python_version >= '3.12'",
    "tool",
    "lib",
    "private>=1,<2.0.0",
]

[project.scripts]
shop = "shop.cli:main"

[project.entry-points."shop.plugins"]
one = "shop.one:One"

[project.optional-dependencies]
pgsql = [
    "psycopg2[pool]>=2.9,<3.0.0",
]

[dependency-groups]
dev = [
    "pytest>=8.0,<9.0.0",
]
docs = [
    "markdown>=3.5,<6.0.0",
]
test = [
    "hypothesis",
]

[tool.poetry]
packages = [{ include = "shop", from = "src" }]  # where the code is

[tool.black]
line-length = 100

# what developers need

[build-system]
requires = ["poetry-core>=2.0"]
build-backend = "poetry.core.masonry.api"

[tool.dxpy]
default-groups = ["dev", "test"]

[tool.dxpy.prerelease-package]
private = "allow"

[tool.dxpy.sources]
tool = { path = "libs/tool", editable = true }
lib = { git = "ssh://git@example.org/me/lib.git", tag = "v1", subdirectory = "py" }
private = { index = "company" }

[[tool.dxpy.index]]
name = "company"
url = "https://pypi.example.org/simple"
explicit = true
"""


def test_poetrys_table_becomes_the_standards_and_all_else_stays(tmp_path: Path) -> None:
    plan = imported(tmp_path, {"pyproject.toml": POETRY, "libs/tool/pyproject.toml": '[project]\nname = "tool"\n'})
    assert plan.after.decode() == OF_POETRY
    assert plan.left_out == (
        "the user and password in the address of the index `company`: log in to it instead",
        'the gap in `markdown = "^3.5 || ^5"`: it is `>=3.5,<6.0.0` now',
        "`packages`, which poetry-core reads in [tool.poetry]",
    )
    assert (plan.files, plan.changes_project) == (("pyproject.toml",), True)


def test_a_second_import_finds_nothing_to_do(tmp_path: Path) -> None:
    plan = imported(tmp_path, {"pyproject.toml": POETRY, "libs/tool/pyproject.toml": '[project]\nname = "tool"\n'})
    plan.save(None)
    again = plan_import(tmp_path)
    assert again.is_done
    assert again.after == plan.after


def test_lines_end_as_they_did(tmp_path: Path) -> None:
    (tmp_path / "libs/tool").mkdir(parents=True)
    (tmp_path / "libs/tool/pyproject.toml").write_text('[project]\nname = "tool"\n')
    mark = b"\xef\xbb\xbf"
    (tmp_path / "pyproject.toml").write_bytes(mark + POETRY.replace("\n", "\r\n").encode())
    assert plan_import(tmp_path).after == mark + OF_POETRY.replace("\n", "\r\n").encode()


def test_poetry_projects_that_are_no_packages_need_neither_name_nor_version(tmp_path: Path) -> None:
    root = tmp_path / "My App"
    plan = imported(
        root,
        {
            "pyproject.toml": "[tool.poetry]\npackage-mode = false\n"
            '[tool.poetry.dependencies]\npython = "*"\nweb = "1.0"\n'
        },
    )
    assert plan.after.decode() == (
        '[project]\nname = "my-app"\nversion = "0.1.0"\ndependencies = [\n    "web==1.0",\n]\n\n'
        "[tool.dxpy]\npackage = false\n"
    )


def test_a_project_table_beside_poetrys_gets_what_it_does_not_say(tmp_path: Path) -> None:
    plan = imported(
        tmp_path,
        {
            "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n'
            'dependencies = [\n    "web (>=1.0,<2.0)",  # ours\n]\n\n'
            '[tool.poetry.dependencies]\nweb = { source = "company" }\n\n'
            '[tool.poetry.group.dev.dependencies]\ntool = "^1"\n\n'
            '[[tool.poetry.source]]\nname = "company"\nurl = "https://x.example/simple"\npriority = "supplemental"\n'
        },
    )
    assert plan.after.decode() == (
        '[project]\nname = "shop"\nversion = "1"\ndependencies = [\n    "web (>=1.0,<2.0)",  # ours\n]\n\n'
        '[dependency-groups]\ndev = [\n    "tool>=1,<2.0.0",\n]\n\n'
        '[tool.dxpy.sources]\nweb = { index = "company" }\n\n'
        '[[tool.dxpy.index]]\nname = "company"\nurl = "https://x.example/simple"\n'
    )
    assert plan.left_out == (
        "the priority of the index `company`, `supplemental`: it is asked before the default one, not after it",
    )


PDM = """\
[project]
name = "web"
version = "0.1"
requires-python = ">=3.9"
dependencies = ["click>=8"]

[tool.pdm]
distribution = false
plugins = ["sync-pre-commit-lock"]

[tool.pdm.version]
source = "scm"

[tool.pdm.dev-dependencies]
test = ["pytest>=7", "-e file:///${PROJECT_ROOT}/sub#egg=sub"]

[tool.pdm.scripts]
start = "flask run"
migrate = { cmd = ["flask", "db"], env = { A = "1" } }
lint = { shell = "ruff check . && echo ok" }
all = { composite = ["lint", "start"] }
main = { call = "web.main:run" }
pre_start = "echo before"

[tool.pdm.resolution.overrides]
urllib3 = "1.26.2"

[[tool.pdm.source]]
name = "pypi"
url = "https://mirror.example.org/simple"
"""


def test_pdms_table_becomes_groups_settings_and_tasks(tmp_path: Path) -> None:
    plan = imported(tmp_path, {"pyproject.toml": PDM, "sub/pyproject.toml": '[project]\nname = "sub"\nversion = "1"\n'})
    assert plan.after.decode() == (
        '[project]\nname = "web"\nversion = "0.1"\nrequires-python = ">=3.9"\ndependencies = ["click>=8"]\n\n'
        '[tool.pdm]\nplugins = ["sync-pre-commit-lock"]\n\n'
        '[tool.pdm.version]\nsource = "scm"\n\n'
        '[dependency-groups]\ntest = [\n    "pytest>=7",\n    "sub",\n]\n\n'
        '[tool.dxpy]\ndefault-groups = ["test"]\noverride-dependencies = ["urllib3==1.26.2"]\npackage = false\n\n'
        '[tool.dxpy.scripts]\nstart = "flask run"\nmigrate = { cmd = ["flask", "db"], env = { A = "1" } }\n'
        'lint = { cmd = "ruff check . && echo ok", shell = true }\nall = { depends = ["lint", "start"] }\n'
        'main = ["python", "-c", "import web.main as it; it.run()"]\n\n'
        '[tool.dxpy.sources]\nsub = { path = "sub", editable = true }\n\n'
        '[[tool.dxpy.index]]\nname = "pypi"\nurl = "https://mirror.example.org/simple"\ndefault = true\n'
    )
    assert plan.left_out == (
        "the script `pre_start`, which PDM runs around others: say `pre` and `post` of the task",
        "`tool.pdm.plugins`, which is for PDM itself",
    )
    plan.save(None)
    assert plan_import(tmp_path).is_done


PIPFILE = f"""\
[[source]]
url = "{PYPI_SIMPLE_URL}"
verify_ssl = true
name = "pypi"

[[source]]
url = "https://private.example.org/simple"
verify_ssl = false
name = "private"

[packages]
flask = "*"
requests = {{extras = ["socks"], version = "~=2.31"}}
pywin = {{version = "*", sys_platform = "== 'win32'"}}
lib = {{git = "https://example.org/lib.git", ref = "v1"}}
local = {{path = "./local", editable = true}}
ours = {{version = "==1.0", index = "private"}}
me = {{path = ".", editable = true}}

[dev-packages]
pytest = ">=8"

[docs]
mkdocs = "1.5"

[requires]
python_version = "3.11"

[scripts]
serve = "flask run"

[pipenv]
allow_prereleases = true
"""


def test_a_pipfile_becomes_a_project_named_like_its_directory(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    plan = imported(root, {"Pipfile": PIPFILE, "local/pyproject.toml": '[project]\nname = "local"\nversion = "1"\n'})
    assert plan.before is None
    assert plan.after.decode() == (
        '[project]\nname = "shop"\nversion = "0.1.0"\nrequires-python = "==3.11.*"\ndependencies = [\n'
        '    "flask",\n    "requests[socks]~=2.31",\n    "pywin; sys_platform == \'win32\'",\n'
        '    "lib",\n    "local",\n'
        '    "ours==1.0",\n]\n\n'
        '[dependency-groups]\ndev = [\n    "pytest>=8",\n]\ndocs = [\n    "mkdocs==1.5",\n]\n\n'
        '[tool.dxpy]\nprerelease = "allow"\n\n[tool.dxpy.scripts]\nserve = "flask run"\n\n'
        '[tool.dxpy.sources]\nlib = { git = "https://example.org/lib.git", rev = "v1" }\n'
        'local = { path = "./local", editable = true }\nours = { index = "private" }\n\n'
        '[[tool.dxpy.index]]\nname = "private"\nurl = "https://private.example.org/simple"\nexplicit = true\n'
    )
    assert plan.left_out == (
        "`verify_ssl = false` of the index `private`",
        "`me`, which is the project itself",
    )
    assert not (root / "pyproject.toml").exists()


def test_files_of_requirements_become_dependencies_groups_constraints_and_pins(tmp_path: Path) -> None:
    root = tmp_path / "site"
    plan = imported(
        root,
        {
            "pyproject.toml": "# settings of tools\n\n[tool.black]\nline-length = 100\n",
            "requirements.in": "--index-url https://user:pw@mirror.example.org/simple\n-c constraints.txt\n"
            "click>=8  # cli\n"
            "-e .\n-e ./libs/tool[x]\nhttps://files.example.org/six-1.16.0-py2.py3-none-any.whl\n"
            "git+https://example.org/lib.git@v1#egg=lib\ngit+https://example.org/other.git\n",
            "requirements.txt": "click==8.1.7 --hash=sha256:aa\n",
            "constraints.txt": "idna<4\n",
            "requirements-dev.txt": "-r requirements.txt\npytest ; python_version > '3'\n",
            "requirements/docs.txt": "mkdocs\n",
            "libs/tool/pyproject.toml": '[project]\nname = "tool"\nversion = "1"\n',
        },
    )
    assert plan.after.decode() == (
        "# settings of tools\n\n"
        '[project]\nname = "site"\nversion = "0.1.0"\n'
        'dependencies = [\n    "click>=8",\n    "tool[x]",\n    "six",\n    "lib",\n]\n\n'
        '[dependency-groups]\ndev = [\n    "pytest; python_version > \'3\'",\n]\ndocs = [\n    "mkdocs",\n]\n\n'
        "[tool.black]\nline-length = 100\n\n"
        '[tool.dxpy]\nconstraint-dependencies = ["idna<4"]\n\n'
        '[tool.dxpy.sources]\ntool = { path = "libs/tool", editable = true }\n'
        'six = { url = "https://files.example.org/six-1.16.0-py2.py3-none-any.whl" }\n'
        'lib = { git = "https://example.org/lib.git", rev = "v1" }\n\n'
        '[[tool.dxpy.index]]\nurl = "https://mirror.example.org/simple"\ndefault = true\n'
    )
    assert plan.left_out == (
        "the user and password in the address of the index `https://mirror.example.org/simple`: log in to it instead",
        "`.`, which is the project itself: `dxpy sync` installs it",
        "`git+https://example.org/other.git`, of which the name is not known: `dxpy add git+https://example.org/other.git`",
    )
    assert (plan.pins_file, [str(pin.version) for pin in plan.wanted_pins]) == ("requirements.txt", ["8.1.7"])


def test_setup_files_become_a_project_that_setuptools_builds_as_before(tmp_path: Path) -> None:
    plan = imported(
        tmp_path,
        {
            "setup.cfg": "[metadata]\nname = legacy\nversion = attr: legacy.__version__\n"
            "description = An old\n   thing\nlong_description = file: README.rst\n"
            "author = Ann\nauthor_email = ann@example.org\n"
            "[options]\npackages = find:\npython_requires = >=3.8\ninstall_requires =\n    click>=8\n"
            '    colorama; sys_platform == "win32"\n'
            "[options.extras_require]\nfast = ujson\n"
            "[options.entry_points]\nconsole_scripts =\n    legacy = legacy.cli:main\n",
            "setup.py": "from setuptools import setup\nTESTS = ['pytest']\nsetup(tests_require=TESTS, keywords='a, b', "
            "classifiers=open('c').read().split())\n",
            "requirements.txt": "click==8.1.7\n",
        },
    )
    assert plan.after.decode() == (
        '[project]\nname = "legacy"\ndescription = "An old thing"\nreadme = "README.rst"\nrequires-python = ">=3.8"\n'
        'authors = [{ name = "Ann", email = "ann@example.org" }]\nkeywords = ["a", "b"]\n'
        'dynamic = ["version", "classifiers"]\n'
        'dependencies = [\n    "click>=8",\n    "colorama; sys_platform == \'win32\'",\n]\n\n'
        '[project.scripts]\nlegacy = "legacy.cli:main"\n\n'
        '[project.optional-dependencies]\nfast = [\n    "ujson",\n]\n\n'
        '[dependency-groups]\ntest = [\n    "pytest",\n]\n\n'
        '[build-system]\nrequires = ["setuptools>=61"]\nbuild-backend = "setuptools.build_meta"\n\n'
        '[tool.setuptools.dynamic.version]\nattr = "legacy.__version__"\n'
    )
    assert (plan.files, plan.pins_file) == (("setup.cfg", "setup.py"), "requirements.txt")


def test_code_in_setup_py_is_not_run_and_what_it_computes_is_left_to_setuptools(tmp_path: Path) -> None:
    plan = imported(
        tmp_path,
        {
            "setup.py": "import setuptools\nraise SystemExit(open('x'))\n"
            "setuptools.setup(name='old', install_requires=f())\n"
        },
    )
    assert plan.after.decode() == (
        '[project]\nname = "old"\ndynamic = ["version", "dependencies"]\n\n'
        '[build-system]\nrequires = ["setuptools>=61"]\nbuild-backend = "setuptools.build_meta"\n'
    )


def test_development_requirements_of_uv_become_a_group(tmp_path: Path) -> None:
    text = '[project]\nname = "web"\nversion = "1"\n\n[tool.uv]\ndev-dependencies = ["tool"]\nno-index = false\n'
    plan = imported(
        tmp_path, {"pyproject.toml": text, "uv.lock": 'version = 1\n[[package]]\nname="tool"\nversion="0.1"\n'}
    )
    assert plan.after.decode() == (
        '[project]\nname = "web"\nversion = "1"\n\n[tool.uv]\nno-index = false\n\n'
        '[dependency-groups]\ndev = [\n    "tool",\n]\n'
    )
    assert (plan.pins_file, len(plan.wanted_pins)) == ("uv.lock", 1)


@pytest.mark.parametrize(
    ("files", "error", "part"),
    [
        ({}, ProjectError, "there is nothing to import in"),
        ({"pyproject.toml": "[tool.poetry.dependencies]\nweb = '^x'\n"}, InvalidProject, "`x` is no version"),
        (
            {"pyproject.toml": "[tool.poetry.dependencies]\n'we b' = '1'\n"},
            InvalidProject,
            "`we b==1` is no requirement",
        ),
        ({"pyproject.toml": "[tool.poetry]\nversion = 1\n"}, InvalidProject, "`tool.poetry.version` must be a string"),
        (
            {"pyproject.toml": "[tool.poetry]\nname = 'x'\nversion = 'one'\n"},
            ProjectError,
            "what `pyproject.toml` would come to is no valid project: `project.version`",
        ),
        ({"pyproject.toml": "[tool.poetry]\ndependencies = 3\n"}, InvalidProject, "a value in it is of another kind"),
        ({"pyproject.toml": "[tool]\npoetry = { name = 'x' }\n"}, InvalidProject, "cannot be taken out of it"),
        ({"pyproject.toml": "[[tool.poetry.source]]\nname = 'x'\n"}, InvalidProject, "it has no `url`"),
        ({"Pipfile": "[packages\n"}, InvalidProject, "Pipfile:1"),
        ({"Pipfile": "[packages]\nweb = '>>1'\n"}, InvalidProject, "`web>>1` is no requirement"),
        ({"setup.cfg": "[metadata\n", "setup.py": ""}, InvalidProject, "setup.py"),
        ({"setup.py": "def"}, InvalidProject, "setup.py is not Python"),
        (
            {"requirements.txt": "web\nwhat is this\n"},
            InvalidRequirementsFile,
            "requirements.txt:2` is no requirement: Expected",
        ),
        ({"requirements.txt": "-r gone.txt\n"}, InvalidRequirementsFile, "requirements.txt:1` names `gone.txt`"),
        ({"requirements.txt": "web\n", "pyproject.toml": "x = [\n"}, InvalidProject, "pyproject.toml:1"),
    ],
)
def test_what_cannot_be_understood_is_refused_and_nothing_written(
    tmp_path: Path, files: dict[str, str], error: type[DxpyError], part: str
) -> None:
    with pytest.raises(error) as raised:
        imported(tmp_path, files)
    assert part in str(raised.value)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == files
