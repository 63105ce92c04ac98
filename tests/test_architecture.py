"""Imports point one way, and the headless parts never load the screen."""

import ast
import re
import subprocess
import sys
from pathlib import Path


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout.strip()


NEEDS_SCREEN = {"screenshot", "replay", "man"}
"""Commands that show or describe a screen; they too load it only when they run."""
PACKAGE = Path(__file__).parents[1] / "bdr_console"


def test_no_headless_module_loads_textual_when_it_is_imported() -> None:
    commands = sorted(path.stem for path in (PACKAGE / "commands").glob("[a-z]*.py"))
    modules = [f"bdr_console.commands.{name}" for name in commands if name not in NEEDS_SCREEN]
    assert len(modules) > 15
    modules += [
        "bdr_console.cli",
        "bdr_console.config",
        "bdr_console.monitor",
        "bdr_console.plain.page",
        "bdr_console.plain.status_json",
        "bdr_console.runbooks.execute.launch",
        "bdr_console.runbooks.execute.runner",
    ]
    code = (
        "import importlib, sys\n"
        f"for name in {modules}:\n"
        "    importlib.import_module(name)\n"
        "    if 'textual' in sys.modules:\n"
        "        print(name); break"
    )
    assert run(code) == ""


def test_help_and_version_load_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from bdr_console.cli import cli\n"
        "cli.main(['--version'], standalone_mode=False)\n"
        "heavy = {'textual', 'psycopg', 'paramiko', 'yaml', 'pydantic'}\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & heavy))"
    )
    assert run(code).endswith("[]")


def test_the_first_paint_waits_for_no_driver_and_no_runbook() -> None:
    code = (
        "import sys, bdr_console.ui.start\n"
        "late = ('psycopg', 'paramiko', 'bdr_console.monitor', 'bdr_console.links', 'bdr_console.engines',\n"
        "        'bdr_console.runbooks.model.step', 'bdr_console.runbooks.journal.journal_file')\n"
        "print([name for name in late if name in sys.modules])"
    )
    assert run(code) == "[]"


def test_a_cluster_without_ssh_does_not_load_it() -> None:
    code = (
        "import sys\n"
        "from bdr_console.config import ClusterSettings\n"
        "from bdr_console.monitor import Monitor\n"
        "Monitor('c', ClusterSettings.model_validate({'nodes': {'a': {'dsn': 'host=a'}}}), 1.0)\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'paramiko'}))"
    )
    assert run(code) == "[]"


def test_every_link_is_made_where_it_is_known_what_leads_to_its_target() -> None:
    made = re.compile(r"(?<!class )\b(Postgres|PgBouncer|Haproxy)(Reader|Writer|Admin)\(|\bAdvisoryLink\(")
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] != "links"
        and any(made.search(line) for line in path.read_text().splitlines() if not line.startswith("class "))
    }
    assert found == set(), "use links.factory.Links"


def test_other_rooms_use_of_a_room_only_what_its_init_names() -> None:
    faces = {room: _face(room) for room in (PACKAGE / "runbooks").rglob("__init__.py")}
    past = []
    for path in PACKAGE.rglob("*.py"):
        if PACKAGE / "runbooks" in path.parents:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith(
                "bdr_console.runbooks"
            ):
                continue
            where = PACKAGE.parent.joinpath(*(node.module or "").split("."))
            inside = [alias.name for alias in node.names] if where.is_dir() else [where.name]
            room = where if where.is_dir() else where.parent
            past += [
                f"{path.name}: {room.name}/{name}"
                for name in inside
                if name not in faces[room / "__init__.py"]
            ]
    assert past == [], "the room's __init__.py says what others may use"


def _face(room: Path) -> set[str]:
    """The names in `__all__`, with the rooms inside."""
    named = next(
        node.value
        for node in ast.parse(room.read_text()).body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
    )
    return {*ast.literal_eval(named), *(child.name for child in room.parent.iterdir() if child.is_dir())}
