"""A real sshd on loopback with throw-away keys; whoever runs the tests may log in with the test's key."""

import contextlib
import os
import pwd
import signal
import subprocess
from pathlib import Path
from typing import Self

from tests.links.servers import free_port, listens, program
from tests.waiting import wait_until


class Sshd:
    """One sshd. `options` are lines of its configuration; the first value of a keyword wins."""

    def __init__(self, directory: Path, *options: str, keys: tuple[str, ...] = ("ed25519",)) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.authorized = directory / "authorized_keys"
        self.authorized.touch(mode=0o600)
        self.options = options
        self.host_keys = tuple(make_key(directory / f"host_{kind}", kind) for kind in keys)
        self.process: subprocess.Popen[bytes] | None = None
        Path("/run/sshd").mkdir(exist_ok=True) if os.geteuid() == 0 else None

    def start(self) -> Self:
        """Start and wait until it listens; on the same port again after `kill`."""
        config = self.directory / "sshd_config"
        config.write_text(
            "\n".join(
                [
                    *self.options,
                    f"ListenAddress 127.0.0.1:{self.port}",
                    *(f"HostKey {key}" for key in self.host_keys),
                    f"AuthorizedKeysFile {self.authorized}",
                    "PidFile none",
                    "StrictModes no",
                    "UsePAM no",
                    "PasswordAuthentication no",
                    "KbdInteractiveAuthentication no",
                    "PermitRootLogin prohibit-password",
                    "MaxStartups 100",
                    "LogLevel VERBOSE",
                ]
            )
            + "\n"
        )
        with (self.directory / "sshd.log").open("ab") as log:
            self.process = subprocess.Popen(
                [program("sshd"), "-D", "-e", "-f", str(config)], stdout=log, stderr=log, cwd="/"
            )
        wait_until(self._ready, "sshd listens")
        return self

    def _ready(self) -> bool:
        assert self.process
        assert self.process.poll() is None, self.log
        return listens(self.port)

    @property
    def log(self) -> str:
        """What it has to say."""
        return (self.directory / "sshd.log").read_text(errors="replace")

    @property
    def name(self) -> str:
        """What it is called in known_hosts."""
        return f"[127.0.0.1]:{self.port}"

    def client(self, key: Path, *command: str) -> list[str]:
        """`ssh -tt ... command` with that key, ready for a terminal."""
        options = {
            "UserKnownHostsFile": os.devnull,
            "StrictHostKeyChecking": "no",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "LogLevel": "ERROR",
        }
        settings = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        reach = ["-F", os.devnull, "-i", str(key), "-p", str(self.port)]
        return ["ssh", "-tt", *reach, *settings, f"{self.user}@127.0.0.1", *command]

    def known(self) -> str:
        """Its lines for known_hosts."""
        return "".join(
            f"{self.name} {' '.join(Path(f'{key}.pub').read_text().split()[:2])}\n" for key in self.host_keys
        )

    def let_in(self, key: Path) -> None:
        """Accept that key from now on."""
        with self.authorized.open("a") as file:
            file.write(Path(f"{key}.pub").read_text())

    def family(self) -> list[int]:
        """Its own pid and those of the processes that serve its connections."""
        if self.process is None:
            return []
        found, rest = [self.process.pid], [self.process.pid]
        while rest:
            parent = rest.pop()
            try:
                told = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
            except OSError:
                continue
            found += map(int, told)
            rest += map(int, told)
        return found

    def serving(self) -> list[int]:
        """The sshd processes of its connections, without what they run."""
        return [pid for pid in self.family()[1:] if _is_sshd(pid)]

    def freeze(self, pids: list[int] | None = None) -> None:
        """Let it and its connections (or these of its processes) say nothing more."""
        _signal(self.family() if pids is None else pids, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        _signal(self.family(), signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        """End it, and everybody's session with what runs in it."""
        _signal(self.family(), signal.SIGKILL)
        if self.process is not None:
            self.process.wait(10)

    def kill(self) -> None:
        """End it and every connection at once; what runs for a connection sees its input end."""
        if self.process is not None and self.process.poll() is None:
            _signal([self.process.pid, *self.serving()], signal.SIGKILL)
            self.process.wait(10)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _is_sshd(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().startswith("sshd")
    except OSError:
        return False


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    """A new private key; its public half lies beside it."""
    path.unlink(missing_ok=True)
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "test", "-f", str(path)], check=True
    )
    return path


def fingerprint(key: Path) -> str:
    """`SHA256:...` of a key, as ssh-keygen says it."""
    told = subprocess.run(["ssh-keygen", "-lf", str(key)], capture_output=True, text=True, check=True)
    return told.stdout.split()[1]
