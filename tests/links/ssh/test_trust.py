"""Who is trusted, and who is let in: host keys, agents, key files, passphrases, ~/.ssh/config."""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bdr_console.config import SshHostSettings, SshSettings
from bdr_console.errors import ConsoleError
from bdr_console.links.errors import NotReached
from bdr_console.links.ssh import pool
from bdr_console.links.ssh.connection import SshConnection
from bdr_console.links.ssh.hosts import resolve
from bdr_console.links.ssh.keys import KeyRing
from tests.links.ssh.sshd import Sshd, fingerprint, make_key

pytestmark = pytest.mark.timeout(60)


def connect(server: Sshd, ring: KeyRing | None = None, **own: object) -> str:
    """Connect once; what the host accepted. Raises NotReached."""
    told = SshHostSettings.model_validate(
        {"host": "127.0.0.1", "port": server.port, "user": server.user, **own}
    )
    connection = SshConnection(resolve("bastion", SshSettings(hosts={"bastion": told})), ring or KeyRing())
    try:
        connection.transport(10)
        assert connection.login is not None
        return connection.login.source
    finally:
        connection.close()


def refused(server: Sshd, ring: KeyRing | None = None, **own: object) -> NotReached:
    with pytest.raises(NotReached) as error:
        connect(server, ring, **own)
    return error.value


def test_an_unknown_host_is_refused_with_its_fingerprint_and_the_command(
    make_sshd: Callable[..., Sshd], home: Path
) -> None:
    server = make_sshd(known=False)
    error = refused(server)
    assert fingerprint(server.host_keys[0]) in error.reason
    command = f"ssh-keyscan -p {server.port} -t ed25519 127.0.0.1 >> ~/.ssh/known_hosts"
    assert error.reason.endswith(f"If it is right: {command}")
    assert not (home / ".ssh" / "known_hosts").exists(), "nothing is added by itself"
    subprocess.run(["sh", "-c", command], check=True, stderr=subprocess.DEVNULL)
    assert connect(server) == str(home / ".ssh" / "id_ed25519")


def test_a_changed_host_key_is_refused_with_both_fingerprints_and_the_command(
    make_sshd: Callable[..., Sshd], home: Path
) -> None:
    server = make_sshd()
    assert connect(server)
    was = fingerprint(server.host_keys[0])
    server.kill()
    make_key(server.host_keys[0])
    server.start()
    error = refused(server)
    assert "CHANGED" in error.reason
    assert was in error.remedy
    assert fingerprint(server.host_keys[0]) in error.reason
    command = error.reason.partition("If it is right: ")[2]
    assert command.startswith(f"ssh-keygen -R '[127.0.0.1]:{server.port}' -f ~/.ssh/known_hosts && ")
    subprocess.run(["sh", "-c", command], check=True, capture_output=True)
    assert connect(server)


def test_a_revoked_host_key_is_refused_even_where_it_is_known(
    make_sshd: Callable[..., Sshd], home: Path
) -> None:
    server = make_sshd()
    with (home / ".ssh" / "known_hosts").open("a") as file:
        file.write(f"@revoked {server.known()}")
    assert "revoked" in refused(server).reason


def test_the_kind_of_host_key_that_is_known_is_asked_for(make_sshd: Callable[..., Sshd], home: Path) -> None:
    server = make_sshd(keys=("ed25519", "ecdsa"))
    known = home / ".ssh" / "known_hosts"
    known.write_text("".join(line + "\n" for line in known.read_text().splitlines() if "ecdsa" in line))
    subprocess.run(["ssh-keygen", "-H", "-f", str(known)], check=True, capture_output=True)
    assert connect(server), "also when the names are hashed"


def test_nobody_is_let_in_with_an_unknown_key_and_the_error_names_what_was_tried(
    bastion: Sshd, tmp_path: Path
) -> None:
    other = make_key(tmp_path / "other")
    error = refused(bastion, identity_file=str(other))
    assert f"it accepted no key ({other})" in error.reason
    assert "authorized_keys" in error.remedy
    missing = refused(bastion, identity_file=str(tmp_path / "nowhere"))
    assert f"there is no key {tmp_path}/nowhere" in missing.reason


@pytest.fixture
def locked(bastion: Sshd, tmp_path: Path) -> Path:
    """A key that the bastion accepts and that a passphrase locks."""
    key = make_key(tmp_path / "locked", passphrase="open sesame")
    bastion.let_in(key)
    return key


def test_a_passphrase_is_asked_for_once_and_again_while_it_is_wrong(bastion: Sshd, locked: Path) -> None:
    ring, asked, answers = KeyRing(), list[str](), iter(["wrong", "open sesame"])

    def ask(question: str) -> str:
        asked.append(question)
        return next(answers)

    ring.ask = ask
    for _ in range(2):
        assert connect(bastion, ring, identity_file=str(locked)) == str(locked)
    assert asked == [f"Passphrase for {locked}", f"That is not it. Passphrase for {locked}"]


def test_a_wrong_passphrase_ends_in_a_clear_refusal(bastion: Sshd, locked: Path) -> None:
    ring = KeyRing()
    ring.ask = lambda _: "wrong"
    error = refused(bastion, ring, identity_file=str(locked))
    assert error.reason == f"the passphrase of {locked} was wrong"


def test_with_nobody_to_ask_the_refusal_says_how_to_use_an_agent(bastion: Sshd, locked: Path) -> None:
    error = refused(bastion, identity_file=str(locked))
    assert "nobody can be asked" in error.reason
    assert f"ssh-add {locked}" in error.remedy


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A real ssh-agent without keys."""
    socket = tmp_path / "agent.sock"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
    yield socket
    process.send_signal(signal.SIGTERM)
    process.wait(10)


def test_the_agent_is_used_for_a_key_that_is_locked_on_disk(
    bastion: Sshd, locked: Path, agent: Path, tmp_path: Path
) -> None:
    answer = tmp_path / "answer"
    answer.write_text("#!/bin/sh\necho 'open sesame'\n")
    answer.chmod(0o700)
    env = {**os.environ, "SSH_ASKPASS": str(answer), "SSH_ASKPASS_REQUIRE": "force"}
    for _ in range(100):
        if agent.exists():
            break
        threading.Event().wait(0.05)
    subprocess.run(["ssh-add", str(locked)], env=env, check=True, capture_output=True)
    assert connect(bastion, identity_file=str(locked)) == "agent"


def test_a_certificate_lets_a_key_in_that_no_file_names(
    make_sshd: Callable[..., Sshd], tmp_path: Path
) -> None:
    authority = make_key(tmp_path / "ca")
    server = make_sshd(f"TrustedUserCAKeys {authority}.pub")
    key = make_key(tmp_path / "user")
    assert "it accepted no key" in refused(server, identity_file=str(key)).reason
    sign = ["ssh-keygen", "-q", "-s", str(authority), "-I", "test", "-n", server.user, f"{key}.pub"]
    subprocess.run(sign, check=True)
    certificate = (tmp_path / "user-cert.pub").rename(tmp_path / "elsewhere.pub")
    assert connect(server, identity_file=str(key), certificate_file=str(certificate)) == str(key)


def test_the_openssh_configuration_is_honoured_with_its_includes(
    make_sshd: Callable[..., Sshd], home: Path, tmp_path: Path
) -> None:
    server, jump = make_sshd(), make_sshd()
    (home / ".ssh" / "known_hosts").rename(home / "elsewhere")
    (home / ".ssh" / "id_ed25519").rename(tmp_path / "key")
    folder = home / ".ssh" / "conf.d"
    folder.mkdir()
    (home / ".ssh" / "config").write_text(f"Include {folder}/*\n")
    (folder / "hosts").write_text(
        f"Host bastion\n  HostName 127.0.0.1\n  Port {server.port}\n"
        f"  ProxyJump {server.user}@gate:{jump.port}\n"
        f"Host gate\n  HostName 127.0.0.1\n"
        f"Host *\n  User {server.user}\n  IdentityFile {tmp_path}/key\n"
        f"  UserKnownHostsFile {home}/elsewhere\n"
    )
    host = resolve("bastion", SshSettings())
    assert (host.host, host.port, host.through and host.through.port) == ("127.0.0.1", server.port, jump.port)
    connection = pool.take(host)
    try:
        connection.transport(10)
        assert "Accepted publickey" in jump.log
    finally:
        pool.let_go(connection)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n", "a -> b -> a jump in a circle"),
        ("Host a\n  ProxyCommand nc %h %p\n", "ProxyCommand"),
        ("Host a\n  Port many\n", "config line 2: Bad port 'many'"),
        ("Host a\n  ProxyJump b:c:d\n", "config line 2: Invalid ProxyJump"),
        ("what is this\n\nHost", "config: line 1: Bad configuration option: what"),
        ("Include conf.d/*\n", "ssh looks for it in another home directory"),
    ],
)
def test_what_cannot_be_honoured_is_said_before_anything_starts(home: Path, text: str, problem: str) -> None:
    (home / ".ssh" / "config").write_text(text)
    with pytest.raises(ConsoleError, match=problem):
        resolve("a", SshSettings())


def test_a_missing_ssh_configuration_that_was_named_is_an_error(home: Path) -> None:
    with pytest.raises(ConsoleError, match="there is no SSH configuration"):
        resolve("a", SshSettings(config_file="~/.ssh/nothing"))


def test_something_that_is_no_ssh_server_is_told_as_such(stranger: int, home: Path) -> None:
    told = SshHostSettings(host="127.0.0.1", port=stranger, user="x")
    connection = SshConnection(resolve("b", SshSettings(hosts={"b": told})), KeyRing())
    with pytest.raises(NotReached, match="does not speak SSH"):
        connection.transport(10)
    connection.close()


@pytest.fixture
def stranger() -> Iterator[int]:
    """Something that answers, and not with SSH."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"HTTP/1.0 400 Bad request\r\n" * 200)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        thread.join(5)
