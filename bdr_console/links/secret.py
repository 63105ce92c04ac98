"""Passwords on their way from where they are kept to libpq: never shown, read when they are needed."""

import asyncio
import contextlib
import os
import shlex
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from bdr_console.cluster.text import clean
from bdr_console.links.errors import NotReached

COMMAND_DEADLINE = 10.0
"""Seconds that a password_command may take."""
_LARGEST = 64 * 1024
_YOUNG = 10.0
"""Seconds in which a refused password is not asked for again: it would come out the same."""


class Secret(str):
    """Text that shows itself as `***` wherever it is printed, formatted or logged.

    It is a string so that it can stand among libpq's keywords; only `reveal` gives it away, and that
    is called where libpq or the SSH channel takes it.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    def __str__(self) -> str:
        return "***"

    def __format__(self, _: str) -> str:
        return "***"

    def reveal(self) -> str:
        """The text itself."""
        return str.__str__(self)


def reveal(text: str) -> str:
    """A secret's text; any other text as it is."""
    return text.reveal() if isinstance(text, Secret) else text


class PasswordSource(Protocol):
    """Where the password of one target is kept."""

    async def password(self) -> Secret:
        """The password as it is now; raises NotReached with the remedy."""

    def refused(self) -> None:
        """The server did not take the last one."""

    def problem(self) -> tuple[str, str] | None:
        """(what is wrong, remedy) as far as it shows without asking; None when nothing does."""


class PasswordFile:
    """`password_file`: the first line of a file that nobody but its owner may touch. Read at each login."""

    def __init__(self, path: str) -> None:
        self._path = Path(path).expanduser()

    async def password(self) -> Secret:
        """The first line without its end; raises NotReached."""
        problem = self.problem()
        if problem is not None:
            raise NotReached(*problem)
        try:
            line = self._path.read_bytes()[:_LARGEST].split(b"\n", 1)[0].rstrip(b"\r")
        except OSError as error:
            raise NotReached(f"password_file {self._path}: {error.strerror}") from None
        return _secret(line, f"password_file {self._path}")

    def refused(self) -> None:
        """The file is read again anyway."""

    def problem(self) -> tuple[str, str] | None:
        """As libpq with its password file: a regular file, ours or root's, closed to everybody else."""
        named, quoted = f"password_file {self._path}", shlex.quote(str(self._path))
        try:
            state = self._path.stat()
        except OSError as error:
            return f"{named}: {(error.strerror or str(error)).lower()}", "Write the password into that file."
        if not stat.S_ISREG(state.st_mode):
            return f"{named} is no regular file", "Name a file whose first line is the password."
        if state.st_uid not in (0, os.geteuid()):
            return f"{named} belongs to another user (uid {state.st_uid})", f"chown {os.geteuid()} {quoted}"
        if state.st_mode & 0o077:
            mode = f"{stat.S_IMODE(state.st_mode):04o}"
            return f"{named} may be read by others (mode {mode})", f"chmod 0600 {quoted}"
        return None


class PasswordCommand:
    """`password_command`: what a program prints, asked once and again after a server refused it.

    The program runs without a shell, without a terminal and without our PGPASSWORD.
    """

    def __init__(self, command: tuple[str, ...], deadline: float = COMMAND_DEADLINE) -> None:
        self._command = command
        self._deadline = deadline
        self._known: Secret | None = None
        self._since = 0.0
        self._turn = asyncio.Lock()

    async def password(self) -> Secret:
        """The first line of its output; raises NotReached with its exit code and what it said on stderr."""
        async with self._turn:  # targets that share the command share one run
            if self._known is None:
                self._known = _secret(await self._run(), self._name)
                self._since = time.monotonic()
            return self._known

    def refused(self) -> None:
        """Ask again at the next login, unless it was asked just now."""
        if time.monotonic() - self._since > _YOUNG:
            self._known = None

    def problem(self) -> tuple[str, str] | None:
        """Nothing shows without running it."""
        return None

    @property
    def _name(self) -> str:
        return f"password_command {clean(self._command[0], 100)}"

    async def _run(self) -> bytes:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={key: value for key, value in os.environ.items() if key != "PGPASSWORD"},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            remedy = "Name the program by its whole path."
            raise NotReached(f"{self._name}: {reason.lower()}", remedy) from None
        try:
            async with asyncio.timeout(self._deadline):
                output, said = await process.communicate()
        except TimeoutError:
            remedy = "Run it by hand: it may wait for a terminal, a login or a network."
            raise NotReached(f"{self._name} did not end within {self._deadline:.0f} s", remedy) from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        if process.returncode:
            told = clean(said.decode("utf-8", "replace").strip().split("\n")[0], 200)
            ended = f"{self._name} ended with exit code {process.returncode}"
            raise NotReached(f"{ended}: {told}" if told else ended, "Run it by hand as this user.")
        return output[:_LARGEST].split(b"\n", 1)[0].rstrip(b"\r")


def _secret(line: bytes, source: str) -> Secret:
    if not line:
        raise NotReached(f"{source} gives no password: its first line is empty", "Put the password there.")
    if b"\0" in line:
        raise NotReached(f"{source} gives bytes that are no password", "Its first line must be the password.")
    return Secret(line.decode("utf-8", "surrogateescape"))


def source(
    file: str | None,
    command: tuple[str, ...] | None,
    make: Callable[[tuple[str, ...]], PasswordCommand] = PasswordCommand,
) -> PasswordSource | None:
    """Where a target's password is kept; None when libpq finds it (or needs none) by itself."""
    if file is not None:
        return PasswordFile(file)
    return make(command) if command is not None else None
