"""Whether a HAProxy server's address and a node's are the same place. Pure."""

import ipaddress
from collections.abc import Iterable

Place = tuple[str, str]
"""(host, port), spelled one way."""

_LOOPBACK = ("127.0.0.1", "::1", "localhost", "localhost.localdomain")


def place(host: str, port: str, seen_from: str = "") -> Place:
    """Addresses in their short form, names in small letters, one word for the machine itself from which they
    are meant: `loopback`, or `loopback of HOST` for what an SSH host would connect to."""
    bare = host.strip("[]").lower()
    if bare in _LOOPBACK:
        return f"loopback of {seen_from}" if seen_from else "loopback", port
    try:
        return str(ipaddress.ip_address(bare)), port
    except ValueError:
        return bare, port


def place_of(address: str, seen_from: str = "") -> Place:
    """HAProxy's `10.0.0.1:5432` or `[fd00::1]:5432`."""
    host, _, port = address.rpartition(":")
    return place(host, port, seen_from)


def places(endpoints: Iterable[tuple[str, str]], seen_from: str = "") -> frozenset[Place]:
    """Every place that a node is known to be at."""
    return frozenset(place(host, port, seen_from) for host, port in endpoints)
