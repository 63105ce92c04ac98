"""Whether a host is who it says: the key it shows must stand in known_hosts. Nothing is ever added there."""

import fnmatch
import shlex
from dataclasses import dataclass
from pathlib import Path

import paramiko
from paramiko.hostkeys import HostKeyEntry, InvalidHostKey

from bdr_console.links.errors import NotReached
from bdr_console.links.ssh.hosts import SshHost


@dataclass(frozen=True, slots=True)
class Known:
    """What the known_hosts files say of one host."""

    keys: tuple[paramiko.PKey, ...]
    revoked: tuple[paramiko.PKey, ...]

    @property
    def types(self) -> tuple[str, ...]:
        """The kinds of key that the host should show, so that it shows one that can be compared."""
        return tuple(dict.fromkeys(key.get_name() for key in self.keys))


def known(host: SshHost) -> Known:
    """Every key of the host; unreadable files and lines hold none. `@cert-authority` lines are passed over:
    a host known by its certificate alone counts as unknown."""
    keys: list[paramiko.PKey] = []
    revoked: list[paramiko.PKey] = []
    for path in host.known_hosts:
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        for line in lines:
            words = line.split()
            marker = words.pop(0) if words and words[0].startswith("@") else ""
            if len(words) < 3 or words[0].startswith("#") or marker not in ("", "@revoked"):
                continue
            if not _names(words[0], host.known_as):
                continue
            key = _key(" ".join(words[:3]))
            if key is not None:
                (revoked if marker else keys).append(key)
    return Known(tuple(keys), tuple(revoked))


def _key(line: str) -> paramiko.PKey | None:
    try:
        entry = HostKeyEntry.from_line(line)
    except (InvalidHostKey, paramiko.SSHException, ValueError):
        return None
    return entry.key if entry else None


def _names(patterns: str, name: str) -> bool:
    """OpenSSH's rule: one pattern matches and none that begins with `!` does; names may be hashed."""
    found = False
    for pattern in patterns.split(","):
        if pattern.startswith("|1|"):
            found = found or _hashed(pattern, name)
        elif pattern.startswith("!"):
            if _like(pattern[1:], name):
                return False
        else:
            found = found or _like(pattern, name)
    return found


def _hashed(pattern: str, name: str) -> bool:
    try:
        return paramiko.HostKeys.hash_host(name, pattern) == pattern
    except (ValueError, AssertionError, IndexError):
        return False


def _like(pattern: str, name: str) -> bool:
    # Only * and ? are special to OpenSSH; brackets stand around a host with a port.
    return fnmatch.fnmatchcase(name.lower(), pattern.lower().replace("[", "[[]"))


def check(host: SshHost, shown: paramiko.PKey, known_keys: Known) -> None:
    """Raise NotReached with the fingerprint and the way to mend it, unless the key is the host's own."""
    kind, blob = shown.get_name(), shown.asbytes()
    said = f"{kind} {shown.fingerprint}"
    if any(key.asbytes() == blob for key in known_keys.revoked):
        raise NotReached(
            f"{host.name}: its host key {said} is marked as revoked: refused",
            f"Somebody revoked it in {_files(host)}: ask who runs {host.host} before anything else.",
        )
    if any(key.asbytes() == blob for key in known_keys.keys):
        return
    file = _short(host.known_hosts[0]) if host.known_hosts else "~/.ssh/known_hosts"
    fetch = f"{_keyscan(host, kind)} >> {file}"
    compare = (
        f"Compare with what {host.host} itself shows: ssh-keygen -lf on its /etc/ssh/ssh_host_*_key.pub."
    )
    # The command stands in the reason too: a row on the screen has room for nothing else.
    if not known_keys.keys:
        reason = f"{host.name}: host key not known: {said}; refused. If it is right: {fetch}"
        raise NotReached(reason, compare)
    was = ", ".join(f"{key.get_name()} {key.fingerprint}" for key in known_keys.keys)
    forget = f"ssh-keygen -R {shlex.quote(host.known_as)} -f {file}"
    reason = f"{host.name}: host key CHANGED: {said}; refused. If it is right: {forget} && {fetch}"
    raise NotReached(reason, f"It was {was}. Somebody may be listening in. {compare}")


def _short(path: Path) -> str:
    """For a shell, with `~` where that is shorter."""
    if path.is_relative_to(Path.home()):
        return f"~/{shlex.quote(str(path.relative_to(Path.home())))}"
    return shlex.quote(str(path))


def _keyscan(host: SshHost, kind: str) -> str:
    family = "ecdsa" if kind.startswith("ecdsa") else "rsa" if "rsa" in kind else "ed25519"
    port = f"-p {host.port} " if host.port != 22 else ""
    scan = f"ssh-keyscan {port}-t {family} {shlex.quote(host.host)}"
    return f"ssh {shlex.quote(host.through.name)} {scan}" if host.through else scan


def _files(host: SshHost) -> str:
    return ", ".join(str(path) for path in host.known_hosts if path.exists())
