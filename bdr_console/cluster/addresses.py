"""Where an address leads: every form of one becomes places that can be compared. Pure.

The one rule for HAProxy's binds and servers, PgBouncer's databases, the nodes' DSNs, and the two ends of a
connection. An address means something only on the machine that uses it: a loopback address or a socket's path
is that machine's own. Names are looked up elsewhere and handed in (links/addresses.py).
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping

Place = tuple[str, str]
"""(host, port), spelled one way."""
Names = Mapping[str, tuple[str, ...]]
"""IP addresses of host names and of machines; `""` is this machine, with its own as far as they were met."""

HERE = ""
"""The machine that this program runs on."""
ANY_HOST = "*"
"""The host of an address that every address of a machine answers for: `*:5433`, `0.0.0.0`, `[::]`."""
_DEFAULT_PORT = "5432"
_FAMILY = re.compile(r"^(?:unix|abns|ipv4|ipv6|tcp4?|tcp6)@")
"""How HAProxy may begin an address."""
_SOCKET = re.compile(r"^(?P<directory>.*)/\.s\.PGSQL\.(?P<port>\d+)$")
_LOCALHOST = ("localhost", "localhost.localdomain", "localhost6", "ip6-localhost")


def split(address: str) -> tuple[str, str]:
    """Host and port of `10.0.0.1:5432`, `[fd00::1]:5432`, `*:5433`, `:5433`, `10.0.0.1` (5432), or a socket's
    path (`/run/pg:5433`, `/run/pg/.s.PGSQL.5433`)."""
    bare = _FAMILY.sub("", address.strip())
    if match := _SOCKET.match(bare):
        return match["directory"], match["port"]
    if bare.startswith("[") and "]" in bare:
        host, _, rest = bare[1:].partition("]")
        return host, rest.removeprefix(":") or _DEFAULT_PORT
    host, colon, port = bare.rpartition(":")
    if not colon or not port.isdecimal() or (":" in host and _ip(bare) is not None and _ip(host) is None):
        return bare, _DEFAULT_PORT
    return host or ANY_HOST, port


def canonical_host(host: str) -> str:
    """An IP address in its short form, without a zone, an IPv4 address in IPv6's clothes as itself; a name in
    small letters."""
    bare = host.strip().strip("[]").lower()
    address = _ip(bare)
    return bare if address is None else str(address)


def canonical_endpoint(host: str, port: str | int) -> str:
    """One end of a connection as HAProxy, PgBouncer and PostgreSQL all would write it: `10.0.0.1:5432`,
    `::1:5432`."""
    return f"{canonical_host(host)}:{port}"


def places(
    hosts: str | None, port: str | int | None, machine: str = HERE, names: Names | None = None
) -> frozenset[Place]:
    """Every place that an address may mean on `machine`. `hosts` may be a list (`a,b`); None or nothing is
    any UNIX socket of the machine, as for libpq and PgBouncer."""
    known = names or {}
    number = str(port or _DEFAULT_PORT)
    found: set[Place] = set()
    for host in (hosts or "").split(","):
        found |= _places(host.strip(), number, machine, known)
    return frozenset(found)


def address_places(address: str, machine: str = HERE, names: Names | None = None) -> frozenset[Place]:
    """The same for one address with its port in it."""
    return places(*split(address), machine, names)


def meet(one: Iterable[Place], other: Iterable[Place]) -> bool:
    """Whether two addresses may lead to the same place: an address of every host does wherever the port is
    the same."""
    ours, theirs = set(one), set(other)
    if ours & theirs:
        return True
    return any(_covers(wide, place) for wide in ours for place in theirs) or any(
        _covers(wide, place) for wide in theirs for place in ours
    )


def is_comparable(place: Place) -> bool:
    """Whether a place can be told from another for sure: neither a name that was not resolved, nor a path."""
    host = place[0]
    return host.startswith("loopback of ") or _ip(host) is not None


def describe(place: Place) -> str:
    """The place for people: `10.0.0.1:5432`, `loopback:5432`, `/run/pg:5432 on db1`."""
    host, _, machine = place[0].partition(" of ")
    return f"{host}:{place[1]}" + (f" on {machine}" if machine else "")


def is_wide(place: Place) -> bool:
    """Whether it stands for several places: every address of a machine, or any UNIX socket."""
    return place[0] == ANY_HOST or place[0].startswith("* of ")


def is_loopback(place: Place) -> bool:
    """Whether it means the machine itself, not an address that others could use."""
    return place[0].startswith("loopback of ")


def is_loopback_host(text: str) -> bool:
    """Whether an IP address is a loopback address: any of 127.0.0.0/8, ::1."""
    address = _ip(text)
    return address is not None and address.is_loopback


def machine_of(host: str, via: str | None = None) -> str:
    """The machine on which something runs that is reached at `host` (through the SSH host `via`)."""
    bare = canonical_host(host)
    own = not bare or bare.startswith(("/", "@")) or bare in _LOCALHOST or is_loopback_host(bare)
    return (via or HERE) if own else bare


def _places(host: str, port: str, machine: str, names: Names) -> set[Place]:
    if match := _SOCKET.match(host):
        host, port = match["directory"], match["port"]
    aliases = _aliases(machine, names)
    if not host:
        return {(f"* of {alias}", port) for alias in aliases}
    if host.startswith(("/", "@")):
        return {(f"{host.rstrip('/')} of {alias}", port) for alias in aliases}
    bare = canonical_host(host)
    address = _ip(bare)
    if bare == ANY_HOST or (address is not None and address.is_unspecified):
        return {(ANY_HOST, port)}
    if bare in _LOCALHOST or is_loopback_host(bare):
        return _loopback(port, aliases)
    if address is not None:
        return {(bare, port)}
    found = {(bare, port)}
    for resolved in names.get(bare, ()):
        found |= _loopback(port, aliases) if is_loopback_host(resolved) else {(resolved, port)}
    return found


def _loopback(port: str, aliases: frozenset[str]) -> set[Place]:
    own = {(alias, port) for alias in aliases if _ip(alias) is not None}
    return own | {(f"loopback of {alias}", port) for alias in aliases}


def _aliases(machine: str, names: Names) -> frozenset[str]:
    """Everything that a machine is called, by the addresses known."""
    own = names.get(HERE, ())
    found = {machine, *names.get(machine, ())}
    return frozenset(found | {HERE, *own} if found & {HERE, *own} else found)


def _covers(wide: Place, place: Place) -> bool:
    if wide[1] != place[1]:
        return False
    of_socket = " of " in place[0] and not is_loopback(place)
    if wide[0] == ANY_HOST:
        return not of_socket
    return wide[0].startswith("* of ") and of_socket and place[0].endswith(wide[0][1:])


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
