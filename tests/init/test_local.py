"""What init suggests from this machine's own files."""

import socket
from pathlib import Path

import pytest

from bdr_console.init.local import haproxy_sockets, pgbouncer_dsn
from tests.test_cli import closed_port


def test_the_sockets_that_haproxy_cfg_names_and_the_usual_ones_that_exist_are_suggested_once(
    tmp_path: Path,
) -> None:
    made = tmp_path / "admin.sock"
    cfg = tmp_path / "haproxy.cfg"
    cfg.write_text(
        f"global\n  stats socket {made} mode 660 level admin\n"
        "  stats socket ipv4@127.0.0.1:9999 level user\n  stats socket *:9998\n"
        "  stats socket /gone.sock\n  # stats socket /commented.sock\n"
    )
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(made))
        found = haproxy_sockets(cfg, (str(made), str(tmp_path / "none.sock")))
    assert found == (str(made), "127.0.0.1:9999", "127.0.0.1:9998")


def test_a_pgbouncer_is_suggested_by_its_own_configuration_or_where_one_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bdr_console.init.local._PORT", closed_port())
    ini = tmp_path / "pgbouncer.ini"
    ini.write_text("[databases]\n* = host=x\n[pgbouncer]\nlisten_addr = *\nlisten_port = 6433\n")
    assert pgbouncer_dsn("ops", ini) == "host=127.0.0.1 port=6433 user=ops"
    ini.write_text("[pgbouncer]\nunix_socket_dir = /run/pgb\n")
    assert pgbouncer_dsn("ops", ini) == "host=/run/pgb port=6432 user=ops"
    ini.write_text("no ini at all\n")
    assert pgbouncer_dsn("ops", ini) is None
    assert pgbouncer_dsn("ops", tmp_path / "none") is None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setattr("bdr_console.init.local._PORT", port)
        assert pgbouncer_dsn("ops", tmp_path / "none") == f"host=127.0.0.1 port={port} user=ops"
