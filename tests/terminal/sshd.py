"""A real sshd on loopback for the account that runs the tests, with keys that live as long as it does."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

_READY_WITHIN = 20.0
_PRIVSEP = Path("/run/sshd")
"""Without this directory an sshd that root starts gives up; systemd makes it elsewhere."""


class Sshd:
    """Listens until closed; `client` is the command that runs something through it."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700)
        self._directory = directory
        self._made_privsep = False
        self.port = _free_port()
        for name in ("host", "user"):
            key = str(directory / name)
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True, timeout=20)
        shutil.copy(directory / "user.pub", directory / "authorized")
        (directory / "config").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\n"
            f"HostKey {directory / 'host'}\n"
            f"AuthorizedKeysFile {directory / 'authorized'}\n"
            "PidFile none\nStrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nUsePAM no\nPrintMotd no\nPrintLastLog no\nX11Forwarding no\n"
        )
        if os.getuid() == 0 and not _PRIVSEP.exists():
            _PRIVSEP.mkdir(mode=0o755)
            self._made_privsep = True
        program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        assert program, "sshd is not installed: script/bootstrap installs it"
        self._log = (directory / "log").open("wb")
        self._process = subprocess.Popen(
            [program, "-D", "-e", "-f", str(directory / "config")], stdout=self._log, stderr=self._log
        )
        self._await_port()

    def client(self, *command: str) -> list[str]:
        """`ssh -tt ... command`, ready for a terminal."""
        options = {
            "UserKnownHostsFile": os.devnull,
            "StrictHostKeyChecking": "no",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "LogLevel": "ERROR",
        }
        settings = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        user = pwd.getpwuid(os.getuid()).pw_name
        reach = ["-F", os.devnull, "-i", str(self._directory / "user"), "-p", str(self.port)]
        return ["ssh", "-tt", *reach, *settings, f"{user}@127.0.0.1", *command]

    def sessions(self) -> list[psutil.Process]:
        """Everything that runs for somebody who is logged in: sshd's own processes, and what they started."""
        return psutil.Process(self._process.pid).children(recursive=True)

    def _await_port(self) -> None:
        until = time.monotonic() + _READY_WITHIN
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            ended = self._process.poll() is not None
            if ended or time.monotonic() > until:
                self.close()
                raise AssertionError(f"sshd does not listen: {(self._directory / 'log').read_text()}")
            time.sleep(0.05)

    def close(self) -> None:
        """End it, and everybody's session."""
        sessions = self.sessions() if self._process.poll() is None else []
        self._process.kill()
        for process in sessions:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(timeout=10)
        self._log.close()
        if self._made_privsep:
            with suppress(OSError):
                _PRIVSEP.rmdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
