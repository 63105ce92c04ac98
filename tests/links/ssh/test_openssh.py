"""What the OpenSSH configuration means: as the program `ssh` says, and without it plain Host blocks alone."""

import subprocess
from pathlib import Path

import pytest

from bdr_console.config import SshSettings
from bdr_console.errors import ConsoleError
from bdr_console.links.ssh import openssh
from bdr_console.links.ssh.hosts import SshHost, resolve


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openssh, "_answers", {})


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "ssh_config"


@pytest.fixture
def no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without `ssh`."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def host(name: str, config: Path, **hosts: dict[str, object]) -> SshHost:
    return resolve(name, SshSettings.model_validate({"config_file": str(config), "hosts": hosts}))


def in_ssh(name: str, config: Path) -> tuple[str, str, int]:
    """User, host and port as the real `ssh` says them."""
    command = ["ssh", "-F", str(config), "-T", "-G", name]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    values = dict(line.partition(" ")[::2] for line in lines)
    return values["user"], values["hostname"], int(values["port"])


@pytest.mark.parametrize("name", ["db1", "db2", "another"])
def test_what_stands_in_an_included_file_holds_where_the_include_stands(
    tmp_path: Path, config: Path, name: str
) -> None:
    (tmp_path / "other.conf").write_text("Host code.example.net\n  User git\n")
    (tmp_path / "all.conf").write_text("Host *\n  Port 2203\nHost never\n  User never\n")
    config.write_text(
        f"Include {tmp_path}/other.conf\nUser dba\n"
        f"Host db1\n  Include {tmp_path}/all.conf\n  HostName 10.0.0.1\nHost db2\n  User two\n"
    )
    found = host(name, config)
    expected = {"db1": ("dba", "10.0.0.1", 2203), "db2": ("dba", "db2", 22)}.get(name, ("dba", name, 22))
    assert (found.user, found.host, found.port) == expected == in_ssh(name, config)


def test_comments_quotes_variables_and_tokens_mean_what_they_mean_to_ssh(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYS", "/srv/keys")
    config.write_bytes(
        b"# R\xe9seau\nHost db1\n  HostName 127.0.0.1 # primary\n  User ops # me\n  Port 2201 # odd\n"
        b'  UserKnownHostsFile ${KEYS}/known /etc/%k.known "/srv/my keys/known_hosts"\n'
        b'  IdentityFile ${KEYS}/%n-%p-%r\n  CertificateFile "/srv/my certs/%h.pub"\n'
        b"  ProxyJump ssh://ops@gate:2222\n"
    )
    found = host("db1", config)
    assert found.address == "ops@127.0.0.1:2201"
    assert list(map(str, found.known_hosts[:3])) == [
        "/srv/keys/known",
        "/etc/db1.known",
        "/srv/my keys/known_hosts",
    ]
    assert list(map(str, found.identity_files)) == ["/srv/keys/db1-2201-ops"]
    assert list(map(str, found.certificates)) == ["/srv/my certs/127.0.0.1.pub"]
    assert found.through is not None
    assert found.through.address == "ops@gate:2222"


def test_match_sees_what_our_own_configuration_says_and_its_commands_run(config: Path) -> None:
    config.write_text('Match user ops\n  Port 2207\nMatch exec "test %n = db1"\n  HostKeyAlias ours\n')
    found = host("db1", config, db1={"user": "ops", "host": "10.0.0.7"})
    assert (found.address, found.known_as) == ("ops@10.0.0.7:2207", "ours")
    assert host("db2", config).known_as == "db2"


def test_a_criterion_that_this_ssh_does_not_know_refuses_the_file_with_its_line(config: Path) -> None:
    config.write_text("Host db*\n  ProxyJump gate\nMatch nonsense 1\n  HostName 10.99.0.1\n")
    with pytest.raises(ConsoleError) as error:
        host("db1", config)
    assert f"{config} line 3" in error.value.problem
    assert "nonsense" in error.value.problem
    assert "ssh -G db1" in error.value.remedy


def test_a_match_that_hangs_ends_in_an_error_that_says_so(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openssh, "_PATIENCE", 0.2)
    config.write_text('Match exec "sleep 2"\n  User x\n')
    with pytest.raises(ConsoleError, match="did not say within") as error:
        host("db1", config)
    assert "Match exec" in error.value.remedy


@pytest.mark.usefixtures("no_program")
def test_without_the_program_plain_host_blocks_are_understood(config: Path) -> None:
    config.write_text(
        "# ours\nHost db* !db9\n  HostName 10.0.0.1\n  User=ops\n  Port = 2203\n  IdentityFile /srv/one\n"
        "  IdentityFile /srv/two\n  ProxyJump gate:2222\n  ServerAliveInterval 5\n"
        "Host *\n  User other\n"
    )
    found = host("db1", config)
    assert found.address == "ops@10.0.0.1:2203"
    assert list(map(str, found.identity_files)) == ["/srv/one", "/srv/two"]
    assert found.through is not None
    assert found.through.address == "other@gate:2222"
    assert host("db9", config).address == "other@db9:22"


@pytest.mark.usefixtures("no_program")
@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Match user ops", "match user ops"),
        ("Include /etc/hosts", "include /etc/hosts"),
        ("IdentityFile ~/%n", "identityfile ~/%n"),
        ("IdentityFile ${HOME}/x", "identityfile"),
        ('UserKnownHostsFile "/a b"', "userknownhostsfile"),
        ("User ops # me", "user ops # me"),
        ("CanonicalizeHostname yes", "canonicalizehostname yes"),
    ],
)
def test_without_the_program_anything_more_is_refused_with_file_and_line(
    config: Path, line: str, shown: str
) -> None:
    config.write_text(f"Host db1\n  Port 22\n  {line}\n")
    with pytest.raises(ConsoleError) as error:
        host("db1", config)
    assert f"{config}:3: {shown}" in error.value.problem
    assert "Install the OpenSSH client" in error.value.remedy


@pytest.mark.usefixtures("no_program")
def test_without_the_program_an_include_that_names_no_file_and_other_hosts_lines_do_no_harm(
    config: Path,
) -> None:
    config.write_text("Include none.d/*.conf\nHost other\n  IdentityFile ~/%n\nHost db1\n  User ops\n")
    assert host("db1", config).user == "ops"
