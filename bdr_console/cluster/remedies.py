"""What a DBA does next about a finding, with the names and addresses of the case. Pure."""

import re
from dataclasses import replace

from bdr_console.cluster.findings import Finding
from bdr_console.cluster.snapshot import Snapshot

_PLACE = re.compile(r"\{([a-z_]+)\}")


def with_remedies(findings: list[Finding], snapshot: Snapshot) -> list[Finding]:
    """The same, each with its own remedy or that of its kind; places in braces are filled."""
    addresses = {
        target.name: target.address
        for targets in (snapshot.nodes, snapshot.proxies, snapshot.poolers)
        for target in targets
    }
    return [
        replace(finding, remedy=_filled(finding.remedy or finding.kind.remedy, finding, addresses))
        for finding in findings
    ]


def _filled(remedy: str, finding: Finding, addresses: dict[str, str]) -> str:
    """What is not known stays out of the way: a name stands where there is no address."""
    places = _places(finding.subject, finding.code.partition(":")[2], addresses)
    return _PLACE.sub(lambda match: places.get(match[1], match[0]), remedy)


def _places(subject: str, detail: str, addresses: dict[str, str]) -> dict[str, str]:
    def at(name: str) -> str:
        return f"{name} ({addresses[name]})" if addresses.get(name) else name

    found = {"subject": subject, "detail": detail}
    origin, arrow, target = subject.partition(" -> ")
    if arrow:
        found |= {"origin": origin, "target": target, "origin_at": at(origin), "target_at": at(target)}
    first, _, rest = subject.partition("/")
    backend, _, server = rest.partition("/")
    found |= {"at": at(first), "proxy": at(first), "backend": backend, "server": server}
    return found | {"pooler": at(first), "database": rest}
