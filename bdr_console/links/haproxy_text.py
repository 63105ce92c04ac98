"""HAProxy's own words -> types: `show info`, `show stat`, `show servers state`, `show table`, `show sess`.

Pure. Columns are taken by name, so every version from 1.5 to 3.4 reads the same; what a version does
not show is None. Formats: HAProxy management guide, 9.1 and 9.3.
"""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bdr_console.cluster.addresses import canonical_endpoint
from bdr_console.cluster.proxies import ProxyServer, ServerFigures, ServerState, StickEntry
from bdr_console.cluster.text import clean, whole

FORCED_MAINT, INHERITED_MAINT, CONFIGURED_MAINT, RESOLUTION_MAINT = 0x01, 0x02, 0x04, 0x20
ANY_MAINT = FORCED_MAINT | INHERITED_MAINT | CONFIGURED_MAINT | RESOLUTION_MAINT
ANY_DRAIN = 0x08 | 0x10
_MOST_LINES = 20_000
"""Of `show stat`: each becomes a mapping of a hundred texts."""

_SERVER = "2"
"""Column `type` of `show stat`: 0 frontend, 1 backend, 2 server, 3 listener."""


class NotHaproxyError(ValueError):
    """The text is not what HAProxy answers; its message says what was looked for."""


@dataclass(frozen=True, slots=True)
class ServerBits:
    """One line of `show servers state`."""

    op_state: int
    """0 stopped, 1 starting, 2 running, 3 stopping."""
    admin_state: int
    address: str | None


@dataclass(frozen=True, slots=True)
class ProxySession:
    """One line of `show sess`: a connection that HAProxy carries now."""

    id: str
    source: str
    """The client's address and port as HAProxy sees it."""
    frontend: str
    backend: str
    server: str
    age: str
    """HAProxy's own text, for example 3s or 1h2m."""


def parse_info(text: str) -> dict[str, str]:
    """`show info` as name -> value; raises NotHaproxyError without a version and a pid."""
    found = {}
    for line in text.split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            found[clean(name.strip(), 100)] = clean(value.strip(), 300)
    if "Version" not in found or whole(found.get("Pid")) is None:
        raise NotHaproxyError("`show info` gave no Version and Pid")
    return found


def parse_stat(text: str) -> list[dict[str, str]]:
    """`show stat` as one mapping per line; raises NotHaproxyError without its header."""
    lines = text.strip("\r\n ").split("\n")
    if not lines[0].startswith("# pxname,svname,"):
        raise NotHaproxyError("`show stat` does not begin with `# pxname,svname,`")
    if len(lines) > _MOST_LINES:
        raise NotHaproxyError(f"`show stat` has more than {_MOST_LINES} lines")
    header = lines[0].removeprefix("# ").rstrip(",").split(",")
    try:
        return [
            dict(zip(header, fields, strict=False)) for fields in csv.reader(lines[1:]) if len(fields) > 1
        ]
    except csv.Error as error:
        raise NotHaproxyError(f"`show stat` is no CSV: {clean(error, 100)}") from None


def parse_servers_state(text: str) -> dict[tuple[str, str], ServerBits] | None:
    """`show servers state` by (backend, server); None where the version does not know the command (1.5)."""
    lines = [line for line in text.split("\n") if line.strip()]
    header = next((line for line in lines if line.startswith("# be_id ")), None)
    if header is None:
        return None
    names = header.removeprefix("# ").split()
    found = {}
    for line in lines[lines.index(header) + 1 :]:
        row = dict(zip(names, line.split(), strict=False))
        try:
            operation, admin = whole(row["srv_op_state"]), whole(row["srv_admin_state"])
            if operation is not None and admin is not None:
                found[(clean(row["be_name"]), clean(row["srv_name"]))] = ServerBits(
                    operation, admin, _place(row)
                )
        except KeyError:
            continue  # a line of a form we do not know says nothing
    return found


def _place(row: Mapping[str, str]) -> str | None:
    """host:port, which versions before 1.8 do not show in full."""
    port = row.get("srv_port", "0")
    if port in ("0", "-") or row["srv_addr"] == "-":
        return None
    return clean(
        f"[{row['srv_addr']}]:{port}" if ":" in row["srv_addr"] else f"{row['srv_addr']}:{port}", 200
    )


def is_absent(answer: str) -> bool:
    """Whether `show table NAME` says that there is no such table."""
    return answer.strip().startswith("No such table")


def table_names(text: str) -> list[str]:
    """The tables that `show table` lists, without the empty ones."""
    heads = (line.removeprefix("# table: ") for line in text.split("\n") if line.startswith("# table: "))
    return [head.split(",")[0] for head in heads if not re.search(r"used:0\b", head)]


_ENTRY = re.compile(r"^0x[0-9a-f]+: key=(?P<key>\S+) (?P<rest>.*)$")


def parse_table(text: str, server_names: Mapping[str, str]) -> tuple[StickEntry, ...] | None:
    """`show table NAME`; () where there is no such table, None where the socket's level hides its contents.

    `server_names` maps server ids to names, for versions that show the id alone.
    """
    lines = text.split("\n")
    if any("contents not dumped" in line for line in lines) or "Permission denied" in text:
        return None
    head = next((line for line in lines if line.startswith("# table: ")), None)
    if head is None:
        return ()
    table = clean(head.removeprefix("# table: ").split(",")[0], 200)
    return tuple(_entry(table, match, server_names) for line in lines if (match := _ENTRY.match(line)))


def _entry(table: str, match: re.Match[str], server_names: Mapping[str, str]) -> StickEntry:
    words = dict(word.partition("=")[::2] for word in match["rest"].split())
    named = words.get("server_key") or words.get("server_name") or "-"
    server = named if named != "-" else server_names.get(words.get("server_id", ""))
    return StickEntry(table, clean(match["key"], 200), clean(server, 200) if server else None)


_SESSION = re.compile(r"^(?P<id>0x[0-9a-f]+): (?P<words>.*)$")


def parse_sessions(text: str) -> tuple[ProxySession, ...] | None:
    """`show sess` without the runtime socket's own; None where the socket's level does not allow it."""
    if text.startswith("Permission denied"):
        return None
    found = []
    for line in text.split("\n"):
        match = _SESSION.match(line)
        if not match:
            continue
        words = dict(word.partition("=")[::2] for word in match["words"].split())
        if words.get("fe") == "GLOBAL":
            continue
        source, *known = (clean(words.get(key, ""), 200) for key in ("src", "fe", "be", "srv", "age"))
        found.append(
            ProxySession(clean(match["id"], 40), canonical_endpoint(*source.rpartition(":")[::2]), *known)
        )
    return tuple(found)


def server_state(status: str, check_status: str = "", admin_state: int | None = None) -> ServerState:
    """The state in words; the maintenance and drain bits win over HAProxy's text where it shows them.

    `UP 1/3` stands both for a server that is failing and for one just enabled: the last check's
    result tells them apart.
    """
    if admin_state is not None and admin_state & ANY_MAINT:
        return ServerState.MAINT
    if admin_state is not None and admin_state & ANY_DRAIN:
        return ServerState.DRAIN
    word, _, rest = status.partition(" ")
    if word == "UP":
        return ServerState.FAILING if "/" in rest and _failed(check_status) else ServerState.UP
    if word == "DOWN":
        return ServerState.RISING if re.match(r"\d+/\d+", rest) else ServerState.DOWN
    words = {
        "MAINT": ServerState.MAINT,
        "DRAIN": ServerState.DRAIN,
        "NOLB": ServerState.STOPPING,
        "no": ServerState.UNCHECKED,
    }
    return words.get(word, ServerState.UNKNOWN)


def _failed(check_status: str) -> bool:
    code = check_status.removeprefix("* ")
    return bool(code) and code not in ("L4OK", "L6OK", "L7OK", "L7OKC", "PROCOK", "INI", "UNK")


def server_rows(stat: Iterable[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """The lines of `show stat` that are servers."""
    return [row for row in stat if row.get("type") == _SERVER]


_FIGURES = {
    "sessions_most": "smax",
    "sessions_limit": "slim",
    "queue_most": "qmax",
    "rate": "rate",
    "rate_most": "rate_max",
    "bytes_in": "bin",
    "bytes_out": "bout",
    "connect_errors": "econ",
    "response_errors": "eresp",
    "retries": "wretr",
    "redispatches": "wredis",
    "aborted_by_client": "cli_abrt",
    "aborted_by_server": "srv_abrt",
    "failed_checks": "chkfail",
    "downs": "chkdown",
    "downtime": "downtime",
    "check_ms": "check_duration",
    "check_code": "check_code",
    "check_health": "check_health",
    "check_rise": "check_rise",
    "check_fall": "check_fall",
    "last_session": "lastsess",
    "configured_weight": "iweight",
    "throttle": "throttle",
    "connect_ms": "ctime",
    "session_ms": "ttime",
}
"""Field of ServerFigures -> column of `show stat`."""


def server(row: Mapping[str, str], bits: ServerBits | None, node: str | None) -> ProxyServer:
    """One server line, with its line of `show servers state` where there is one."""
    status, check = row.get("status", ""), row.get("check_status", "").removeprefix("* ")
    state = server_state(status, check, bits.admin_state if bits else None)
    resting = state is ServerState.MAINT  # no check runs; 1.5 still shows the last one
    text = ": ".join(part for part in (row.get("check_desc", ""), row.get("last_chk", "")) if part)
    return ProxyServer(
        backend=clean(row.get("pxname", ""), 200),
        name=clean(row.get("svname", ""), 200),
        address=server_address(row, bits),
        node=node,
        status=clean(status, 200),
        state=state,
        backup=row.get("bck", "0") not in ("", "0"),
        weight=whole(row.get("weight")),
        sessions=whole(row.get("scur")) or 0,
        total_sessions=whole(row.get("stot")) or 0,
        queue=whole(row.get("qcur")) or 0,
        check=clean(check, 40) if check and not resting else None,
        check_text=clean(text, 300) if text and not resting else None,
        since=whole(row.get("lastchg")),
        admin_state=bits.admin_state if bits else None,
        op_state=bits.op_state if bits else None,
        figures=ServerFigures(**{name: whole(row.get(column)) for name, column in _FIGURES.items()}),
    )


def server_address(row: Mapping[str, str], bits: ServerBits | None) -> str | None:
    """host:port from `show stat`, else from `show servers state`; None before 1.7."""
    return clean(row["addr"], 200) if row.get("addr") else bits.address if bits else None
