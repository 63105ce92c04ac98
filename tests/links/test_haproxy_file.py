"""haproxy.cfg is read where the socket is, and unknown where it cannot be what HAProxy runs with."""

import os
import time
from pathlib import Path

import pytest

from bdr_console.cluster.proxies import ProxyFile
from bdr_console.links.haproxy_file import read_config_file

CUTS = "backend bk\n server n1 h:1 check on-marked-down shutdown-sessions\n"


async def read(path: Path, socket: str = "/run/haproxy.sock", uptime: int = 60) -> ProxyFile:
    return await read_config_file(str(path), socket, None, uptime, 2.0)


def written(directory: Path, age: float) -> Path:
    file = directory / "haproxy.cfg"
    file.write_text(CUTS)
    changed = time.time() - age
    os.utime(file, (changed, changed))
    return file


@pytest.mark.parametrize("socket", ["/run/haproxy.sock", "127.0.0.1:9999", "localhost:9999", "[::1]:9999"])
async def test_a_file_older_than_the_process_is_what_it_runs_with(tmp_path: Path, socket: str) -> None:
    file = written(tmp_path, 3600)
    found = await read(file, socket)
    assert (found.problem, found.server("bk", "n1").cut_when_down) == ("", 2)


async def test_a_file_that_was_changed_after_the_start_says_nothing(tmp_path: Path) -> None:
    file = written(tmp_path, 20)
    assert (await read(file)).server("bk", "n1").unknown == (
        f"{file} was changed 20.0 s ago, after HAProxy had started (1m 00s ago)"
    )
    assert (await read(file, uptime=19)).problem == ""


async def test_why_a_file_could_not_be_read(tmp_path: Path) -> None:
    assert (await read(tmp_path / "none.cfg")).problem == f"{tmp_path}/none.cfg: no such file or directory"
    assert (await read(tmp_path)).problem == f"{tmp_path}: is a directory"
    large = tmp_path / "large.cfg"
    large.write_bytes(b"#" * (4 * 1024**2 + 1))
    assert (await read(large)).problem == f"{large}: larger than 4 MiB"


async def test_a_file_of_another_host_is_not_looked_for_here(tmp_path: Path) -> None:
    file = written(tmp_path, 3600)
    assert (await read(file, "10.0.0.5:9999")).problem == (
        f"{file}: the socket is on 10.0.0.5, and the file would be read on this machine"
    )


async def test_bytes_that_are_no_text_hide_nothing(tmp_path: Path) -> None:
    file = tmp_path / "haproxy.cfg"
    file.write_bytes(b"# \xe9\xff\n" + CUTS.encode())
    assert (await read(file, uptime=0)).server("bk", "n1").cut_when_down == 3
