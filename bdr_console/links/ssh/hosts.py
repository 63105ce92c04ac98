"""Which SSH host a name means: our own configuration first, then what `ssh` itself would read."""

import getpass
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko

from bdr_console.config import SshHostSettings, SshSettings
from bdr_console.errors import ConsoleError

_SYSTEM = Path("/etc/ssh/ssh_config")
_GLOBAL_KNOWN_HOSTS = "/etc/ssh/ssh_known_hosts"
_DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
_DEEPEST = 8
"""Jumps in a row, and files that include each other: more is a circle or a mistake."""
_HOP = re.compile(r"(?:(?P<user>[^@]+)@)?(?P<host>\[[^\]]+\]|[^:]+)(?::(?P<port>\d{1,5}))?$")


@dataclass(frozen=True, slots=True)
class SshHost:
    """Everything that a connection to one host depends on. Holds no secret."""

    name: str
    """As the configuration calls it."""
    host: str
    port: int
    user: str
    identity_files: tuple[Path, ...]
    """Private keys to try, in this order; those that do not exist are passed over."""
    chosen_keys: bool
    """Whether somebody named them: then a missing one is worth a word."""
    identities_only: bool
    """Whether keys of the agent that are not among the files are left alone."""
    certificates: tuple[Path, ...]
    known_hosts: tuple[Path, ...]
    """The first is the one that commands to mend it name."""
    known_as: str
    """The name to look up in known_hosts."""
    through: "SshHost | None" = None
    """The jump host before it."""

    @property
    def address(self) -> str:
        """`ops@10.0.0.5:22`, for messages."""
        return f"{self.user}@{self.host}:{self.port}"

    @property
    def chain(self) -> "tuple[SshHost, ...]":
        """It and every jump host before it."""
        return (self, *self.through.chain) if self.through else (self,)


def resolve(name: str, settings: SshSettings) -> SshHost:
    """The host that `via: name` means; raises ConsoleError for what cannot be honoured."""
    return _host(name, settings, _read(settings), ())


def _host(
    name: str,
    settings: SshSettings,
    files: tuple[paramiko.SSHConfig, ...],
    before: tuple[str, ...],
    *,
    user: str | None = None,
    port: int | None = None,
    through: SshHost | None = None,
) -> SshHost:
    if name in before or len(before) > _DEEPEST:
        raise ConsoleError(
            f"the SSH hosts {' -> '.join((*before, name))} jump in a circle",
            "Correct proxy_jump in the configuration, or ProxyJump in ~/.ssh/config.",
        )
    own = settings.hosts.get(name, SshHostSettings())
    told = _told(name, files)
    if told.get("proxycommand") and not own.proxy_jump and through is None:
        raise ConsoleError(
            f"the SSH host '{name}' has a ProxyCommand in ~/.ssh/config, which the console does not run",
            f"Use ProxyJump there, or give ssh.hosts.{name}.proxy_jump in the configuration.",
        )
    jumps = own.proxy_jump or told.get("proxyjump") or "none"
    if through is None and jumps.lower() != "none":
        for hop in jumps.split(","):
            match = _HOP.match(hop.strip())
            if match is None:
                raise ConsoleError(
                    f"the SSH host '{name}' jumps over '{hop}', which is no [user@]host[:port]",
                    "Correct proxy_jump in the configuration, or ProxyJump in ~/.ssh/config.",
                )
            through = _host(
                match["host"].strip("[]"),
                settings,
                files,
                (*before, name),
                user=match["user"],
                port=int(match["port"]) if match["port"] else None,
                through=through,
            )
    host = own.host or told.get("hostname") or name
    at = port or own.port or _number(name, told.get("port")) or 22
    keys = [own.identity_file] if own.identity_file else told.get("identityfile", [])
    alias = told.get("hostkeyalias") or (host if at == 22 else f"[{host}]:{at}")
    known = own.known_hosts or told.get("userknownhostsfile") or "~/.ssh/known_hosts ~/.ssh/known_hosts2"
    everywhere = told.get("globalknownhostsfile") or _GLOBAL_KNOWN_HOSTS
    certificate = own.certificate_file or told.get("certificatefile")
    return SshHost(
        name=name,
        host=host,
        port=at,
        user=user or own.user or told.get("user") or getpass.getuser(),
        identity_files=tuple(_path(key) for key in keys)
        or tuple(Path.home() / ".ssh" / key for key in _DEFAULT_KEYS),
        chosen_keys=bool(keys),
        identities_only=told.get("identitiesonly", "no").lower() == "yes",
        certificates=(_path(certificate),) if certificate else (),
        known_hosts=tuple(_path(word) for word in (*known.split(), *everywhere.split())),
        known_as=alias,
        through=through,
    )


def _path(text: str) -> Path:
    return Path(text.strip('"')).expanduser()


def _number(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise ConsoleError(f"the SSH host '{name}' has the port '{text}'", "Correct Port in ~/.ssh/config.")
    return int(text)


def _told(name: str, files: tuple[paramiko.SSHConfig, ...]) -> dict[str, Any]:
    """What the OpenSSH files say of a host; the first file that says something wins."""
    found: dict[str, Any] = {}
    for file in files:
        try:
            said = file.lookup(name)
        except Exception as error:  # `Match exec` needs a package of its own; a host may not be canonical
            raise ConsoleError(
                f"the SSH configuration cannot be applied to '{name}': {error}",
                f"Give ssh.hosts.{name} in the console's configuration, or another ssh.config_file.",
            ) from None
        if said.get("hostname") == name:
            del said["hostname"]
        found = {**said, **found}
    return found


def _read(settings: SshSettings) -> tuple[paramiko.SSHConfig, ...]:
    named = _path(settings.config_file) if settings.config_file else None
    if named and not named.exists():
        raise ConsoleError(f"there is no SSH configuration {named}", "Correct ssh.config_file.")
    paths = [named] if named else [Path.home() / ".ssh" / "config", _SYSTEM]
    return tuple(_parsed(path) for path in paths if path.exists())


def _parsed(path: Path) -> paramiko.SSHConfig:
    try:
        return paramiko.SSHConfig.from_text("\n".join(_lines(path, path.parent, 0)))
    except OSError as error:
        raise ConsoleError(f"cannot read {path}: {error.strerror}", "Check its permissions.") from None
    except (paramiko.SSHException, UnicodeDecodeError) as error:
        raise ConsoleError(f"{path} is not understood: {error}", "Try `ssh -G HOST` on it.") from None


def _lines(path: Path, folder: Path, depth: int) -> list[str]:
    """The file's lines with those of its `Include`s in their place, which paramiko does not do."""
    found: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split("#")[0].replace("=", " ", 1).split()
        if not words or words[0].lower() != "include" or depth >= _DEEPEST:
            found.append(line)
            continue
        for pattern in words[1:]:
            wanted = Path(pattern.strip('"')).expanduser()
            base, rest = (Path("/"), str(wanted)[1:]) if wanted.is_absolute() else (folder, str(wanted))
            for match in sorted(base.glob(rest)):
                if match.is_file():
                    found += _lines(match, folder, depth + 1)
    return found
