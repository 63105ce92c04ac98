"""Which keys a host is offered: the agent's, then files, then files that a passphrase unlocks."""

import base64
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko

from bdr_console.links.errors import NotReached
from bdr_console.links.ssh.hosts import SshHost
from bdr_console.links.ssh_route import Login

_TRIES = 3

Ask = Callable[[str], str | None]
"""Asks a person for the passphrase of what it is given, in words; None when they would rather not."""


class LockedKey(Exception):  # noqa: N818 - the ring turns it into a question
    """The key needs a passphrase."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One key that the host may accept."""

    login: Login
    key: paramiko.PKey


class KeyRing:
    """Keys unlocked by their passphrase, for as long as this process lives and nowhere else."""

    def __init__(self) -> None:
        self._unlocked: dict[Path, paramiko.PKey] = {}
        self._turn = threading.Lock()
        self.ask: Ask | None = None
        """Set while somebody sits there to be asked."""

    def forget(self) -> None:
        """Lock everything again."""
        self._unlocked.clear()

    def unlock(self, path: Path) -> paramiko.PKey:
        """The key in a locked file; asks for its passphrase once, and again while it is wrong.

        Raises NotReached when nobody can be asked, nobody answers, or every answer is wrong.
        """
        with self._turn:  # two hosts with the same key ask once
            if path in self._unlocked:
                return self._unlocked[path]
            if self.ask is None:
                raise NotReached(
                    f"the key {path} is locked with a passphrase and nobody can be asked here",
                    f"Load it into your agent (ssh-add {path}) and start again.",
                )
            question = f"Passphrase for {path}"
            for _ in range(_TRIES):
                passphrase = self.ask(question)
                if passphrase is None:
                    raise NotReached(f"no passphrase was given for {path}", f"Or: ssh-add {path}")
                try:
                    key = self._unlocked[path] = read_key(path, passphrase)
                except LockedKey:
                    question = f"That is not it. Passphrase for {path}"
                else:
                    return key
            raise NotReached(f"the passphrase of {path} was wrong", f"Try again, or: ssh-add {path}")


def read_key(path: Path, passphrase: str | None = None) -> paramiko.PKey:
    """The private key in a file (with its `-cert.pub`, where one lies beside it).

    Raises LockedKey when it needs a passphrase, or another one than this; NotReached when it holds no key
    that can be used.
    """
    secret = None if passphrase is None else passphrase.encode()
    try:
        # By position: the parameter's name has changed between versions. Both need bytes.
        return paramiko.PKey.from_path(path, secret)  # type: ignore[arg-type]
    except (paramiko.PasswordRequiredException, TypeError) as error:
        if "password" in str(error).lower() and passphrase is None:
            raise LockedKey from None
        raise _unusable(path, error) from None
    except OSError as error:
        raise NotReached(
            f"the key {path} cannot be read: {error.strerror or error}", "Check the path and its mode (0600)."
        ) from None
    except Exception as error:  # every crypto library has its own; a file may hold anything
        if passphrase is not None:
            raise LockedKey from None
        raise _unusable(path, error) from None


def _unusable(path: Path, error: Exception) -> NotReached:
    what = str(error).split(".")[0].strip() or type(error).__name__
    return NotReached(f"the key {path} cannot be used: {what}", "Name a private key in OpenSSH's format.")


def offers(host: SshHost, ring: KeyRing, agent: paramiko.Agent | None) -> Iterator[Offer]:
    """Keys in the order to try them; locked files last, so that nobody is asked for nothing.

    Raises NotReached at the first locked file that cannot be unlocked, or a named file that is not there.
    """
    files = [path for path in host.identity_files if path.exists()]
    held = {bytes(key.asbytes()): key for key in (agent.get_keys() if agent else ())}
    named = [blob for blob in (_public(path) for path in files) if blob in held]
    others = [] if host.identities_only else [blob for blob in held if blob not in named]
    for blob in (*named, *(others if not host.chosen_keys else ())):
        yield Offer(Login("agent", unattended=True), held[blob])
    locked: list[Path] = []
    for path in files:
        if _public(path) in named:
            continue
        try:
            key = read_key(path)
        except LockedKey:
            locked.append(path)
        except NotReached:
            if host.chosen_keys:
                raise
        else:
            yield Offer(Login(str(path), unattended=True), _certified(key, host))
    if host.chosen_keys:
        for blob in others:
            yield Offer(Login("agent", unattended=True), held[blob])
    for path in locked:
        yield Offer(Login(str(path), unattended=False), _certified(ring.unlock(path), host))
    missing = [str(path) for path in host.identity_files if not path.exists()]
    if host.chosen_keys and missing and not files:
        raise NotReached(f"there is no key {', '.join(missing)}", "Correct identity_file (IdentityFile).")


def locked_keys(host: SshHost) -> tuple[Path, ...]:
    """The host's key files that only a passphrase opens and that the agent does not hold. Blocks while it
    asks the agent."""
    agent = open_agent()
    try:
        held = {bytes(key.asbytes()) for key in (agent.get_keys() if agent else ())}
    finally:
        if agent is not None:
            agent.close()
    return tuple(
        path
        for path in host.identity_files
        if path.exists() and _public(path) not in held and _is_locked(path)
    )


def _is_locked(path: Path) -> bool:
    try:
        read_key(path)
    except LockedKey:
        return True
    except NotReached:
        return False
    return False


def _certified(key: paramiko.PKey, host: SshHost) -> paramiko.PKey:
    """The key with the certificate that was named for it, if that is this key's."""
    for path in host.certificates:
        try:
            key.load_certificate(str(path))
        except OSError as error:
            reason = f"the certificate {path} cannot be read: {error.strerror or error}"
            raise NotReached(reason, "Correct certificate_file (CertificateFile).") from None
        except (ValueError, paramiko.SSHException):
            continue  # another key's
    return key


def _public(path: Path) -> bytes | None:
    """The public half of a key file, from the file beside it: the private one may be locked."""
    try:
        words = Path(f"{path}.pub").read_text(encoding="ascii").split()
        return base64.b64decode(words[1], validate=True)
    except (OSError, ValueError, IndexError):
        return None


def open_agent() -> paramiko.Agent | None:
    """The SSH agent of this session; None without one. The caller closes it."""
    if not os.environ.get("SSH_AUTH_SOCK"):
        return None
    try:
        return paramiko.Agent()
    except (paramiko.SSHException, OSError):
        return None
