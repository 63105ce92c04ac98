"""Which lines of known_hosts speak of a host."""

import base64
from pathlib import Path

import paramiko
import pytest

from bdr_console.config import SshHostSettings, SshSettings
from bdr_console.links.ssh.hosts import resolve
from bdr_console.links.ssh.known import known

HASHED = paramiko.HostKeys.hash_host("[10.0.0.5]:2222", "|1|" + base64.b64encode(b"s" * 20).decode() + "|")


@pytest.mark.parametrize(
    ("names", "port", "found"),
    [
        ("10.0.0.5", 22, True),
        ("10.0.0.5", 2222, False),
        ("[10.0.0.5]:2222", 2222, True),
        ("other,10.0.0.5", 22, True),
        ("10.0.0.*", 22, True),
        ("10.0.0.?", 22, True),
        ("10.0.0.[5]", 22, False),
        ("10.0.0.*,!10.0.0.5", 22, False),
        (HASHED, 2222, True),
        (HASHED, 22, False),
        ("|1|broken|line", 22, False),
        ("@cert-authority 10.0.0.5", 22, False),
        ("# 10.0.0.5", 22, False),
    ],
)
def test_a_line_counts_for_the_hosts_that_its_patterns_name(
    tmp_path: Path, names: str, port: int, found: bool
) -> None:
    key = paramiko.ECDSAKey.generate()
    path = tmp_path / "known"
    path.write_text(f"garbage\n{names} {key.get_name()} {key.get_base64()} comment\nx ssh-rsa !!!\n")
    told = SshHostSettings(host="10.0.0.5", port=port, known_hosts=str(path))
    settings = SshSettings(hosts={"b": told}, config_file=str(tmp_path / "ssh_config"))
    (tmp_path / "ssh_config").write_text("GlobalKnownHostsFile /nonexistent\n")
    assert bool(known(resolve("b", settings)).keys) is found
