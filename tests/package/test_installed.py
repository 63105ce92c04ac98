"""The wheel, installed alone and outside the checkout, does what the checkout does."""

import json
import re
import zipfile
from pathlib import Path

import pytest

from tests.package.conftest import ROOT, Installed, build
from tests.terminal.tmux import Tmux

pytestmark = [pytest.mark.package, pytest.mark.lab, pytest.mark.timeout(300)]


def _files(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def _tmux(installed: Installed, *arguments: str) -> Tmux:
    command = ["env", "-C", str(installed.home), str(installed.bin / "bdr-console"), *arguments]
    return Tmux(command, 140, 40, installed.environment)


def test_the_sdist_builds_into_the_same_wheel_as_the_checkout(wheel: Path, tmp_path: Path) -> None:
    build(ROOT, tmp_path, "--wheel")
    (direct,) = tmp_path.glob("*.whl")
    assert direct.name == wheel.name
    assert _files(direct) == _files(wheel)


def test_everything_that_is_no_python_is_in_the_wheel_too(wheel: Path) -> None:
    package = ROOT / "bdr_console"
    sources = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    expected = {path.relative_to(ROOT).as_posix() for path in sources}
    expected |= {f"bdr_console/themes/{path.name}" for path in (ROOT / "themes").iterdir()}
    expected.add("bdr_console/config.example.yaml")
    found = {name for name in _files(wheel) if ".dist-info/" not in name}
    assert found == expected
    assert {Path(name).suffix for name in found} >= {".sql", ".tcss", ".yaml"}


def test_nothing_but_what_it_needs_is_installed(installed: Installed) -> None:
    code = "import bdr_console, importlib.util as u; print(bdr_console.__file__, u.find_spec('pytest'))"
    file, other = installed.run("-c", code, program="python").stdout.split()
    assert Path(file).is_relative_to(installed.bin.parent)
    assert other == "None"


def test_version_schema_and_example_are_those_of_the_checkout(installed: Installed) -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert installed.output("--version") == f"bdr-console, version {version[1]}\n"
    assert json.loads(installed.output("config", "schema")) == json.loads(
        (ROOT / "docs/config.schema.json").read_text()
    )
    example = installed.home / "example.yaml"
    example.write_text(installed.output("config", "example"))
    example.chmod(0o600)
    assert "no mistake; 1 cluster: shop" in installed.output("--config", str(example), "config", "check")


def test_the_lab_runs_from_the_wheel_and_its_status_is_healthy(
    installed: Installed, installed_lab: Path
) -> None:
    assert installed.output("--config", str(installed_lab), "status").startswith("HEALTHY")


def test_the_console_opens_from_the_wheel_with_every_shipped_theme(
    installed: Installed, installed_lab: Path
) -> None:
    with _tmux(installed, "--config", str(installed_lab)) as console:
        console.wait_for("HEALTHY", "node2", "pgb-session", "haproxy1")
        console.press("T")
        console.wait_for("dark", "light", "high-contrast", "colour-blind-safe", "ansi-light", "mono")
        console.press("Escape")
        console.wait_gone("Colour theme")
        console.press("q")
        console.wait_for("exit status 0")


def test_a_switchover_under_load_runs_from_the_wheel_and_loses_nothing(
    installed: Installed, installed_lab: Path
) -> None:
    directory, config = ("--directory", str(installed_lab.parent)), ("--config", str(installed_lab))
    installed.output("lab", "load", "start", *directory, "--clients", "4", "--rate", "50")
    plan = json.loads(installed.output(*config, "switchover", "node1", "--plan", "--json"))
    said = installed.output(*config, "switchover", "node1", "--apply", plan["id"], "--hold-for", "1s")
    assert "done" in said
    counted = installed.output("lab", "load", "stop", *directory)  # fails when anything is lost
    assert " 0 failed" in counted


def test_a_recording_is_made_and_replayed_from_the_wheel(installed: Installed, installed_lab: Path) -> None:
    recording = installed.home / "lab.bdrrec"
    installed.output("--config", str(installed_lab), "record", str(recording), "--for", "3s")
    assert installed.run("replay", str(recording), "--events").returncode == 0
    with _tmux(installed, "replay", str(recording)) as console:
        console.wait_for("node1", "node2", "haproxy1")
        console.press("q")
        console.wait_for("exit status 0")


def test_the_program_is_a_module_too(installed: Installed) -> None:
    done = installed.run("-m", "bdr_console", "man", program="python")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(".TH BDR")
