"""A bastion: one sshd, a home directory of its own, and settings that lead through it."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bdr_console.config import ClusterSettings
from bdr_console.links.ssh import pool
from tests.links.servers import PASSWORD
from tests.links.ssh.sshd import Sshd, make_key


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An operator's home directory with nothing in it but a key and the passwords; no agent."""
    path = tmp_path / "home"
    (path / ".ssh").mkdir(parents=True, mode=0o700)
    make_key(path / ".ssh" / "id_ed25519")
    (path / ".pgpass").write_text(f"*:*:*:*:{PASSWORD}\n")
    (path / ".pgpass").chmod(0o600)
    monkeypatch.setenv("HOME", str(path))
    state = Path(tempfile.mkdtemp(prefix="bdrs-", dir="/tmp"))  # short enough for sockets below it
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(state))
    for name in ("SSH_AUTH_SOCK", "PGPASSFILE", "PGPASSWORD", "PGHOSTADDR"):
        monkeypatch.delenv(name, raising=False)
    yield path
    pool.RING.forget()
    pool.RING.ask = None
    shutil.rmtree(state, ignore_errors=True)


@pytest.fixture
def make_sshd(home: Path, tmp_path: Path) -> Iterator[Callable[..., Sshd]]:
    """Starts sshds that know the operator's key and that the operator knows; ends them."""
    made: list[Sshd] = []

    def make(*options: str, keys: tuple[str, ...] = ("ed25519",), known: bool = True) -> Sshd:
        server = Sshd(tmp_path / f"sshd{len(made)}", *options, keys=keys)
        made.append(server)
        server.let_in(home / ".ssh" / "id_ed25519")
        if known:
            with (home / ".ssh" / "known_hosts").open("a") as file:
                file.write(server.known())
        return server.start()

    yield make
    for server in made:
        server.thaw()
        server.kill()


@pytest.fixture
def bastion(make_sshd: Callable[..., Sshd]) -> Sshd:
    """One sshd that is known and lets the operator in."""
    return make_sshd()


def behind(*servers: Sshd, **targets: object) -> ClusterSettings:
    """Settings whose targets are reached through the first of these, which is reached over the others."""
    hosts: dict[str, dict[str, object]] = {
        f"host{n}": {"host": "127.0.0.1", "port": server.port, "user": server.user}
        for n, server in enumerate(servers)
    }
    for n in range(len(servers) - 1):
        hosts[f"host{n}"]["proxy_jump"] = f"host{n + 1}"
    targets.setdefault("nodes", {"node1": {"dsn": "host=127.0.0.1 port=1"}})
    return ClusterSettings.model_validate({"via": "host0", "ssh": {"hosts": hosts}, **targets})
