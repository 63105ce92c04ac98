"""The SSH host that a name means: our own configuration first, then what `ssh` itself would read."""

import getpass
import re
from dataclasses import dataclass
from pathlib import Path

from bdr_console.config import SshHostSettings, SshSettings
from bdr_console.errors import ConsoleError
from bdr_console.links.ssh import openssh
from bdr_console.links.ssh.openssh import Target, Values, first

_GLOBAL_KNOWN_HOSTS = "/etc/ssh/ssh_known_hosts"
_DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
_DEEPEST = 8
"""Jumps in a row: more is a circle or a mistake."""
_HOP = re.compile(r"(?:ssh://)?(?:(?P<user>[^@]+)@)?(?P<host>\[[^\]]+\]|[^:]+)(?::(?P<port>\d{1,5}))?/?$")


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
    return _host(name, settings, ())


def _host(
    name: str,
    settings: SshSettings,
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
    target = Target(name, own.host, user or own.user, port or own.port)
    values = openssh.look_up(
        target, Path(settings.config_file).expanduser() if settings.config_file else None
    )
    if first(values, "proxycommand") not in (None, "none") and not own.proxy_jump and through is None:
        raise ConsoleError(
            f"the SSH host '{name}' has a ProxyCommand in ~/.ssh/config, which the console does not run",
            f"Use ProxyJump there, or give ssh.hosts.{name}.proxy_jump in the configuration.",
        )
    jumps = own.proxy_jump or first(values, "proxyjump") or "none"
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
                (*before, name),
                user=match["user"],
                port=int(match["port"]) if match["port"] else None,
                through=through,
            )
    host = target.host or first(values, "hostname") or name
    at = target.port or _number(name, first(values, "port")) or 22
    keys = _keys(own, target, values)
    certificates = [own.certificate_file] if own.certificate_file else values.get("certificatefile", [])
    return SshHost(
        name=name,
        host=host,
        port=at,
        user=target.user or first(values, "user") or getpass.getuser(),
        identity_files=tuple(Path.home() / ".ssh" / key for key in _DEFAULT_KEYS) if keys is None else keys,
        chosen_keys=bool(keys),
        identities_only=(first(values, "identitiesonly") or "no").lower() == "yes",
        certificates=tuple(
            openssh.expand(each, target=target, values=values)
            for each in certificates
            if each.lower() != "none"
        ),
        known_hosts=(*_known(own, values), *openssh.files_of(_everywhere(values))),
        known_as=first(values, "hostkeyalias") or (host if at == 22 else f"[{host}]:{at}"),
        through=through,
    )


def _keys(own: SshHostSettings, target: Target, values: Values) -> tuple[Path, ...] | None:
    """The private keys that somebody named; None for nobody, also where `ssh` prints its defaults."""
    if own.identity_file:
        return (Path(own.identity_file).expanduser(),)
    named = values.get("identityfile", [])
    if not named or {"~/.ssh/id_rsa", "~/.ssh/id_ed25519"} <= set(named):
        return None
    return tuple(
        openssh.expand(each, target=target, values=values) for each in named if each.lower() != "none"
    )


def _known(own: SshHostSettings, values: Values) -> tuple[Path, ...]:
    """The user's own files of known hosts, $HOME's where nobody named others."""
    if own.known_hosts:
        return tuple(Path(word.strip('"')).expanduser() for word in own.known_hosts.split())
    found = openssh.files_of(first(values, "userknownhostsfile") or "~/.ssh/known_hosts ~/.ssh/known_hosts2")
    if [path.name for path in found] == ["known_hosts", "known_hosts2"]:
        return tuple(Path.home() / ".ssh" / path.name for path in found)
    return found


def _everywhere(values: Values) -> str:
    return first(values, "globalknownhostsfile") or _GLOBAL_KNOWN_HOSTS


def _number(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise ConsoleError(f"the SSH host '{name}' has the port '{text}'", "Correct Port in ~/.ssh/config.")
    return int(text)
