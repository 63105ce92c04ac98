"""HAProxy's configuration file is read on the SSH host where its socket is."""

import os
import time
from pathlib import Path

import pytest

from bdr_console.links.factory import Links
from tests.links.ssh.conftest import behind
from tests.links.ssh.sshd import Sshd

pytestmark = pytest.mark.timeout(60)

CUTS = "backend bk\n server n1 h:1 check on-marked-down shutdown-sessions\n"


def links(bastion: Sshd, path: Path, socket: str = "/run/haproxy.sock") -> Links:
    proxy = {"socket": socket, "config_file": str(path)}
    return Links(behind(bastion, proxies={"hap": proxy}), deadline=15)


async def test_the_file_of_a_proxy_behind_ssh_is_read_there(bastion: Sshd, tmp_path: Path) -> None:
    file = tmp_path / "my 'own' $HOME.cfg"
    file.write_text(CUTS)
    changed = time.time() - 100
    os.utime(file, (changed, changed))
    there = links(bastion, file)
    try:
        found = await there.proxy_file("hap", str(file), 50)
        assert (found.path, found.problem) == (f"{file} via host0", "")
        assert found.server("bk", "n1").cut_when_down == 2
        late = await there.proxy_file("hap", str(file), 5000)
        assert "after HAProxy had started" in late.problem
        for path, why in ((tmp_path / "none", "no such file or directory"), (tmp_path, "is a directory")):
            missing = await there.proxy_file("hap", str(path), 50)
            assert missing.problem == f"{path} via host0: {why}"
    finally:
        await there.close()


async def test_a_socket_beyond_the_ssh_host_has_its_file_elsewhere(bastion: Sshd, tmp_path: Path) -> None:
    there = links(bastion, tmp_path / "x", "10.0.0.5:9999")
    found = await there.proxy_file("hap", str(tmp_path / "x"), 50)
    await there.close()
    assert "the socket is on 10.0.0.5, and the file would be read on the SSH host" in found.problem
