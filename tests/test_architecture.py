"""Imports point one way, and the headless parts never load the screen."""

import subprocess
import sys

import pytest


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()


@pytest.mark.parametrize(
    "module",
    [
        "bdr_console.cluster.snapshot",
        "bdr_console.config",
        "bdr_console.monitor",
        "bdr_console.runbooks.launch",
        "bdr_console.runbooks.runner",
        "bdr_console.lab.commands",
        "bdr_console.cli",
    ],
)
def test_the_headless_parts_never_load_textual(module: str) -> None:
    code = f"import sys, {module}; print(sorted(m for m in sys.modules if m.split('.')[0] == 'textual'))"
    assert run(code) == "[]"


def test_help_and_version_load_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from bdr_console.cli import cli\n"
        "cli.main(['--version'], standalone_mode=False)\n"
        "heavy = {'textual', 'psycopg', 'paramiko', 'yaml', 'pydantic'}\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & heavy))"
    )
    assert run(code).endswith("[]")
