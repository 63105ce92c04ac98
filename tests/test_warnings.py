"""Warnings in a test run: ours fail it, those of pytest's plugins neither fail nor hide a result."""

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_FAILING_SNAPSHOT = """
from tests.ui.pictures import compare

def test_of_a_picture_that_was_never_taken():
    compare("never-taken.txt", "now", update=False)

def test_beside_it():
    pass
"""
_WARNING = """
import warnings

def test_that_warns():
    warnings.warn("old", DeprecationWarning)
"""


def _run(directory: Path, test: str) -> str:
    (directory / "test_inner.py").write_text(test)
    command = (sys.executable, "-m", "pytest", "-c", _ROOT / "pyproject.toml", "--rootdir", directory)
    # A run of its own, not a part of ours: the plugins tell each other by such variables.
    own = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "TEXTUAL_"))}
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", directory],
        cwd=directory,
        env=own | {"PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout.splitlines()[-1]


def test_a_failing_snapshot_leaves_every_other_result_readable(tmp_path: Path) -> None:
    assert "1 failed, 1 passed" in _run(tmp_path, _FAILING_SNAPSHOT)


def test_a_warning_of_ours_fails_the_test(tmp_path: Path) -> None:
    assert "1 failed" in _run(tmp_path, _WARNING)
