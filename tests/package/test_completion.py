"""A real shell completes what a user begins to type."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terminal.tmux import Tmux

pytestmark = [pytest.mark.terminal, pytest.mark.timeout(300)]

_START = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        "eval \"$(bdr-console completion bash)\"; PS1='ready> '",
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        "autoload -U compinit; compinit -u -D; eval \"$(bdr-console completion zsh)\"; PS1='ready> '",
    ),
    "fish": (
        ["fish", "--no-config", "-i"],
        "bdr-console completion fish | source; function fish_prompt; echo 'ready> '; end",
    ),
}
"""How a shell is started without anybody's settings, and what a user would have in them."""

_CONFIG = """\
clusters:
  shop:
    nodes:
      berlin: {dsn: host=127.0.0.1 port=1 dbname=app}
      paris: {dsn: host=127.0.0.1 port=2 dbname=app}
"""


@pytest.fixture(params=_START)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tmux]:
    """A shell with completion enabled and a configuration where it is looked for."""
    name = request.param
    if shutil.which(name) is None:
        pytest.skip(f"no {name} here")
    command, enable = _START[name]
    config = tmp_path / ".config" / "bdr-console" / "config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text(_CONFIG)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / ".config"),
        "BDR_CONSOLE_STATE": str(tmp_path / "state"),
    }
    with Tmux(command, 100, 30, environment) as tmux:
        tmux.write(f" {enable}")
        tmux.press("Enter")
        tmux.wait_for("\nready>", seconds=60)
        yield tmux


def _complete(shell: Tmux, begun: str, expected: str) -> None:
    shell.write(begun)
    shell.press("Tab")
    shell.wait_for(expected, seconds=60)  # the program starts anew for each of them
    shell.press("C-u")
    shell.wait_gone(expected)


def test_a_shell_completes_commands_options_and_the_names_of_nodes(shell: Tmux) -> None:
    _complete(shell, "bdr-console switcho", "bdr-console switchover")
    _complete(shell, "bdr-console lab loa", "bdr-console lab load")
    _complete(shell, "bdr-console switchover --session-p", "bdr-console switchover --session-pools")
    _complete(shell, "bdr-console switchover ber", "bdr-console switchover berlin")
    _complete(shell, "bdr-console --cluster sh", "bdr-console --cluster shop")
    _complete(shell, "bdr-console --theme colour", "bdr-console --theme colour-blind-safe")


def test_a_shell_offers_no_node_twice_and_survives_a_broken_configuration(
    shell: Tmux, tmp_path: Path
) -> None:
    _complete(shell, "bdr-console rolling berlin ", "bdr-console rolling berlin paris")
    (tmp_path / ".config/bdr-console/config.yaml").write_text("clusters: [")
    shell.write("bdr-console switchover ber")
    shell.press("Tab")
    shell.write("lin")
    assert "Traceback" not in shell.wait_for("bdr-console switchover berlin")
