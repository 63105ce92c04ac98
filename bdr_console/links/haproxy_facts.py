"""One reading of a HAProxy: its answers joined into ProxyFacts. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from bdr_console.cluster.proxies import ProxyFacts, StickEntry
from bdr_console.cluster.text import whole
from bdr_console.links import haproxy_text as text

_NAME = re.compile(r"[A-Za-z0-9_.:-]+")

NodeOf = Callable[[str, str, str | None], str | None]
"""(backend, server, address or None) -> the configured node behind it, or None."""


def backends_of(stat: list[dict[str, str]], state: str, node_of: NodeOf) -> tuple[str, ...]:
    """Backends that hold a server of a configured node, in the order of HAProxy's configuration.

    One whose name HAProxy itself would not accept is none: names from here end up in commands.
    """
    bits = text.parse_servers_state(state) or {}
    found = [
        row["pxname"]
        for row in text.server_rows(stat)
        if _NAME.fullmatch(row["pxname"])
        and node_of(
            row["pxname"], row["svname"], text.server_address(row, bits.get((row["pxname"], row["svname"])))
        )
    ]
    return tuple(dict.fromkeys(found))


def proxy_facts(
    info: str,
    stat: list[dict[str, str]],
    state: str,
    tables: Mapping[str, str],
    backends: tuple[str, ...],
    node_of: NodeOf,
    elsewhere: Mapping[str, str] | None = None,
) -> ProxyFacts:
    """Facts of the named backends; `tables` holds the answer to `show table` by backend, `elsewhere` those of
    tables in other sections, for backends that have none of their own.

    Raises NotHaproxyError when `info` is not HAProxy's.
    """
    about = text.parse_info(info)
    bits = text.parse_servers_state(state) or {}
    rows = [row for row in text.server_rows(stat) if row["pxname"] in backends]
    servers = []
    for row in rows:
        own = bits.get((row["pxname"], row["svname"]))
        node = node_of(row["pxname"], row["svname"], text.server_address(row, own))
        servers.append(text.server(row, own, node))
    return ProxyFacts(
        version=about["Version"],
        pid=whole(about["Pid"]) or 0,
        uptime=whole(about.get("Uptime_sec")) or 0,
        processes=whole(about.get("Nbproc")) or 1,
        servers=tuple(servers),
        stick=_stick(tables, rows, elsewhere or {}),
        stopping=about.get("Stopping", "0") not in ("", "0"),
    )


def _stick(
    tables: Mapping[str, str], rows: list[Mapping[str, str]], elsewhere: Mapping[str, str]
) -> tuple[StickEntry, ...] | None:
    entries: list[StickEntry] = []
    for backend, answer in tables.items():
        names = {row.get("sid", ""): row["svname"] for row in rows if row["pxname"] == backend}
        found = text.parse_table(answer, names)
        if found is None:
            return None
        entries += found
        for name, other in elsewhere.items() if text.is_absent(answer) else ():
            # Whose it is no answer tells: its entries name servers of this backend, or it is another's.
            kept = text.parse_table(other, names)
            if kept is None:
                return None
            entries += [
                replace(entry, table=backend, stored_in=name)
                for entry in kept
                if entry.server in names.values()
            ]
    return tuple(entries)
