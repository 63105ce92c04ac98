"""The preflight of HAProxy: rights, processes, addresses, other servers, stickiness, options that cut. Pure.

A quiesce sends `disable server` when no transaction is open, so that on-marked-down hurts nobody there. On
the way back clients are at work on the other servers, whatever the mode was: on-marked-up cuts each of them.
"""

from collections.abc import Iterator

from bdr_console.cluster.addresses import (
    address_places,
    canonical_host,
    describe,
    is_comparable,
    is_loopback,
    meet,
    split,
)
from bdr_console.cluster.proxies import ProxyFacts, ProxyServer, ServerState
from bdr_console.cluster.text import counted, format_seconds
from bdr_console.runbooks.model.reading import Reading
from bdr_console.runbooks.model.reading_queries import Subject, others, server_behind, unpooled
from bdr_console.runbooks.model.run import Check, Outcome
from bdr_console.runbooks.model.step import Plan
from bdr_console.runbooks.plan.forecast import CutByOption, CutRisk, cut_risk

_JUST_RELOADED = 60
"""Seconds of uptime below which HAProxy was started or reloaded a moment ago."""


def proxies(reading: Reading, made: Plan) -> Iterator[Check]:
    """Every check of every HAProxy."""
    for proxy in reading.snapshot.proxies:
        title = f"HAProxy {proxy.name} can be commanded"
        rights = reading.rights.get(f"haproxy/{proxy.name}")
        why = "A server is disabled on every HAProxy, or traffic still reaches the node through the others."
        if proxy.facts is None or proxy.error:
            remedy = "Make its runtime socket reachable."
            yield Check(title, Outcome.UNKNOWN, proxy.error or "not read", why, remedy)
            continue
        if rights is None:
            yield Check(title, Outcome.UNKNOWN, "did not say the socket's level", why, "Try again.")
        elif rights.may_act is False:
            socket = proxy.address.partition(" via ")[0]
            remedy = f"Give `stats socket {socket} level admin` in haproxy.cfg and reload."
            yield Check(title, Outcome.FAIL, rights.said, why, remedy)
        elif rights.may_act is None:
            yield Check(title, Outcome.WARN, rights.said, why, "The first command will show it.")
        else:
            yield Check(title, Outcome.PASS, f"{rights.said}, HAProxy {proxy.facts.version}", why)
        yield from _process(proxy.name, proxy.facts)
        yield _reload(reading, made, proxy.name, proxy.facts)
        yield from _mapping(reading, proxy.name, proxy.facts)
        yield from servers(reading, made, proxy.name, proxy.facts)
        yield from _sticky(reading, made, proxy.name, proxy.facts)


def _process(proxy: str, facts: ProxyFacts) -> Iterator[Check]:
    if facts.processes > 1:
        yield Check(
            f"HAProxy {proxy} is one process",
            Outcome.FAIL,
            f"nbproc {facts.processes}",
            "Each process has its own server states; one socket reaches one of them.",
            "Use threads (nbthread), or configure one socket per process as a proxy each.",
        )
    if facts.version == "1.8.0" or facts.version.startswith("1.8.0-"):
        yield Check(
            f"HAProxy {proxy} takes sticky traffic off a disabled server",
            Outcome.WARN,
            f"HAProxy {facts.version}",
            "1.8.0 shows MAINT and still sends sticky clients to the server.",
            "Upgrade HAProxy; otherwise the proof of draining shows the new sessions.",
        )


def _reload(reading: Reading, made: Plan, proxy: str, facts: ProxyFacts) -> Check:
    """Maintenance is in the process's memory; what brings it over a reload is in files."""
    process = f"pid {facts.pid}, up {format_seconds(facts.uptime)}"
    if facts.uptime < _JUST_RELOADED:
        process += ": started or reloaded a moment ago"
    file = reading.files.get(proxy)
    backends = dict.fromkeys(
        act.subject.split("/")[0] for act in made.step("disable").acts if act.target == proxy
    )
    loads = [file.state_load(backend) for backend in backends] if file else []
    unknown = next((load.unknown for load in loads if load.unknown), "")
    forgetful = [load.backend for load in loads if load.file is None]
    why = "reload forgets the maintenance and the stick table: traffic goes back to the node."
    if file is None or not loads or unknown:
        seen = unknown or f"the files of {proxy} cannot be seen through its socket"
        why = f"Without a `server-state-file` saved just before, a {why}"
    elif forgetful:
        seen = f"{', '.join(forgetful)} loads no server state from a file ({file.path})"
        why = f"A {why}"
    else:
        sources = ", ".join(dict.fromkeys(f"{load.backend} from {load.file}" for load in loads))
        seen = f"server states are loaded at a reload: {sources} ({file.path})"
        why = f"Unless `show servers state` was saved there just before, a {why}"
    return Check(
        f"{proxy} keeps the maintenance over a reload",
        Outcome.WARN,
        f"{seen}; {process}",
        why,
        "Do not reload HAProxy until the node is back. The run watches for it and raises the alarm.",
    )


def _mapping(reading: Reading, proxy: str, facts: ProxyFacts) -> Iterator[Check]:
    """Whether each server leads to the node that it is taken for."""
    title = f"the servers on {proxy} lead to the nodes they are named for"
    why = "Commands name the server; a wrong name would take out another node."
    wrong: list[str] = []
    untold: list[str] = []
    right: list[str] = []
    for server in facts.servers:
        if server.node is None:
            continue
        name = f"{server.backend}/{server.name}"
        verdict, text = _leads(reading, proxy, server, server.node)
        (right if verdict else untold if verdict is None else wrong).append(f"{name} {text}")
    if wrong:
        remedy = "Correct nodes.*.server in the configuration, or the node's DSN."
        yield Check(title, Outcome.FAIL, "; ".join(wrong), why, remedy)
    elif untold:
        remedy = "Give the node's own address in its DSN (host= or hostaddr=), or look at haproxy.cfg."
        yield Check(title, Outcome.WARN, "; ".join(untold), why, remedy)
    elif right:
        yield Check(title, Outcome.PASS, "; ".join(right), why)


def _leads(reading: Reading, proxy: str, server: ProxyServer, node: str) -> tuple[bool | None, str]:
    """(whether it leads to that node, in words); None where it cannot be told."""
    if server.address is None:
        return None, f"is taken for {node}: this HAProxy does not show addresses"
    here = address_places(server.address, reading.machines.get(proxy, ""), reading.names)
    known = {name: {p for p in places if is_comparable(p)} for name, places in reading.places.items()}
    if meet(here, reading.places.get(node, ())):
        return True, f"is {node} at {server.address}"
    proof = _by_traffic(reading, (proxy, f"{server.backend}/{server.name}"), node)
    owner = next((name for name, places in known.items() if meet(here, places)), None)
    # 127.0.0.1 says nothing across hosts, unless the node itself is known by it too.
    local = any(map(is_loopback, here)) and not any(map(is_loopback, known.get(node, ())))
    if owner is not None and not local:
        return False, f"is taken for {node}, but {server.address} is {owner}"
    if proof is not None:
        text = f"is {node} at {server.address}, by the backends of its sessions"
        return proof, text if proof else f"is taken for {node}, but its sessions end on another node"
    if not known.get(node) or local:
        return None, f"at {server.address} is taken for {node}, whose address cannot be compared with it"
    dsn = ", ".join(sorted(map(describe, known[node])))
    return False, f"is taken for {node}, but leads to {server.address} and not to {dsn}"


def _by_traffic(reading: Reading, subject: Subject, node: str) -> bool | None:
    """Whether the backends of the pooled sessions through a server are on that node; None without any whose
    backend is found on exactly one node (pids repeat)."""
    behind = server_behind(reading)
    found: list[str] = []
    for connections in reading.connections.values():
        for connection in connections:
            if behind.get(connection.local) != subject:
                continue
            on = {
                name
                for name, backends in reading.backends.items()
                for backend in backends
                if (backend.pid, backend.user) == (connection.remote_pid, connection.user)
            }
            if len(on) == 1:
                found += on
    return all(name == node for name in found) if found else None


def servers(reading: Reading, made: Plan, proxy: str, facts: ProxyFacts) -> Iterator[Check]:
    """Whether one HAProxy knows the leaving servers, and has others that take the traffic."""
    subjects = [act.subject for act in made.step("disable").acts if act.target == proxy]
    if not subjects:
        shown = (
            ", ".join(f"{server.backend}/{server.name}" for server in facts.servers) or "no server of a node"
        )
        yield Check(
            f"{proxy} knows {made.node}",
            Outcome.FAIL,
            shown,
            "Traffic to the node through this HAProxy could not be stopped.",
            f"Name its server in the configuration: nodes.{made.node}.server.",
        )
    for subject in subjects:
        yield _others(reading, made, proxy, subject)
        server = reading.server(proxy, subject)
        if server is None:
            yield Check(
                f"{proxy} knows {subject}",
                Outcome.UNKNOWN,
                "it was there when the plan was made and is not now",
                "The plan's commands would not reach it.",
                "HAProxy was reloaded with another configuration: make the plan again.",
            )
        elif server.in_maintenance:
            yield Check(
                f"{subject} is in service on {proxy}",
                Outcome.WARN,
                f"{server.status}: in maintenance already, by somebody else",
                "What this run did not disable it will not enable at the end, nor on abort.",
                f"To enable it afterwards: enable server {subject}",
            )


def _others(reading: Reading, made: Plan, proxy: str, subject: str) -> Check:
    backend = subject.split("/", maxsplit=1)[0]
    beside = others(reading, (proxy, subject), made.node)
    why = "The last server that takes traffic is never disabled: every client would be refused."
    title = f"another server takes the traffic of {backend} on {proxy}"
    usable = [other.server for other in beside if other.takes]
    if usable:
        seen = ", ".join(f"{server.name} is {server.status}" for server in usable)
        seen += "".join(f"; {other.server.name}: {other.why}" for other in beside if not other.takes)
        if any(server.state is ServerState.UP for server in usable):
            return Check(title, Outcome.PASS, seen, why)
        remedy = "Wait until its checks pass, or give it a check."
        return Check(title, Outcome.WARN, f"{seen}: none is UP by its checks", why, remedy)
    seen = "; ".join(f"{other.server.name}: {other.why}" for other in beside) or "there is no other server"
    return Check(title, Outcome.FAIL, seen, why, "Make another server of this backend able to take it first.")


def _sticky(reading: Reading, made: Plan, proxy: str, facts: ProxyFacts) -> Iterator[Check]:
    """With `size 1` and `stick on dst` one connection to another address of HAProxy moves everybody."""
    backends = dict.fromkeys(
        act.subject.split("/")[0] for act in made.step("disable").acts if act.target == proxy
    )
    dialled = {
        split(connection.dialled)[0]
        for connections in reading.connections.values()
        for connection in connections
        if connection.dialled
    }
    why = "A connection to another address takes the table's only slot: traffic flips without a command."
    for backend in backends:
        title = f"the stick table of {backend} on {proxy} has the address that the PgBouncers dial"
        if facts.stick is None:
            remedy = "Give the socket level operator or admin."
            yield Check(title, Outcome.WARN, "its contents are hidden from this socket", why, remedy)
            continue
        entries = [entry for entry in facts.stick if entry.table == backend]
        keys = [canonical_host(entry.key) for entry in entries]
        shown = ", ".join(f"{entry.key} -> {entry.server or 'no server yet'}" for entry in entries)
        remedy = "Have every client, monitor and check dial the same address, or raise the table's size."
        if len(keys) > 1:
            yield Check(title, Outcome.WARN, f"{len(keys)} keys: {shown}", why, remedy)
        elif keys and dialled and keys[0] not in dialled:
            seen = f"{shown}, but they dial {', '.join(sorted(dialled))}"
            yield Check(title, Outcome.WARN, seen, why, remedy)
        else:
            seen = shown or "empty: the next connection goes to the first usable server"
            yield Check(title, Outcome.PASS, seen, why)


_WHY = "When HAProxy cuts a session, the transaction that is open on it fails."


def session_cuts(reading: Reading, made: Plan) -> Iterator[Check]:
    """Whether `disable server` and `enable server` leave open transactions alone, on each HAProxy."""
    for proxy in dict.fromkeys(act.target for act in made.step("disable").acts):
        if reading.proxy(proxy) is not None:
            yield _check(reading, made, proxy)


def _check(reading: Reading, made: Plan, proxy: str) -> Check:
    out = tuple(act.subject for act in made.step("disable").acts if act.target == proxy)
    back = {act.subject for act in made.step("enable").acts if act.target == proxy}
    risk = cut_risk(reading, proxy, out)
    mode = made.choice.mode if made.choice else ""
    title = f"{proxy} cuts no transaction at `disable server` and `enable server`"
    # What this run did not disable it does not enable.
    at_enable = risk.at_enable if back else ()
    at_disable = risk.at_disable if mode == "gradual" else ()
    if at_disable or at_enable:
        seen = "; ".join(cut.text for cut in (*at_disable, *at_enable))
        return Check(title, Outcome.FAIL, seen, _WHY, _remedy(proxy, risk.path, at_disable, at_enable))
    options = ["on-marked-down shutdown-sessions (cuts at `disable server`)"] if mode == "gradual" else []
    if risk.backups and back:
        options.append("on-marked-up shutdown-backup-sessions (cuts at `enable server`)")
    if risk.unknown and options:
        remedy = f"Look in haproxy.cfg for {' and '.join(options)}"
        if proxy not in reading.files:
            remedy += f", or have the console do so: proxies.{proxy}.config_file"
        return Check(title, Outcome.WARN, risk.unknown, _WHY, f"{remedy}.")
    past = unpooled(reading, [(proxy, subject) for subject in out])
    told = "; ".join(cut.text for cut in risk.at_disable)
    if told and past:
        seen = f"{told}, also of {counted(len(past), 'client')} past PgBouncer, whom no pause reaches"
        return Check(title, Outcome.WARN, seen, _WHY, "Have them disconnect first.")
    if told:
        return Check(title, Outcome.PASS, f"{told}, when no transaction is open")
    return Check(title, Outcome.PASS, _nothing(reading, proxy, mode, risk))


def _nothing(reading: Reading, proxy: str, mode: str, risk: CutRisk) -> str:
    file = reading.files.get(proxy)
    if file is not None and not risk.unknown:
        return f"{file.path} has neither option for these servers"
    nobody = "no transaction is open" if mode == "quiesce" else "no session is there"
    return f"{nobody} at `disable server`, and no backup server is cut at `enable server`"


def _remedy(
    proxy: str, path: str, at_disable: tuple[CutByOption, ...], at_enable: tuple[CutByOption, ...]
) -> str:
    lines = sorted({cut.line for cut in (*at_disable, *at_enable)})
    where = f"line{'s' if len(lines) > 1 else ''} {' and '.join(map(str, lines))} of {path}"
    delete = f"elete the option from {where} and reload {proxy} before the switchover."
    if at_disable and not at_enable:
        return f"Choose mode quiesce, in which no transaction is open at `disable server`; or d{delete}"
    return f"D{delete}"
