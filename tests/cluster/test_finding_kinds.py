"""Every code that a finding may have stands in one table, with its reason, its impact and its remedy."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import bdr_console
from bdr_console.cluster.proxies import ServerState
from bdr_console.cluster.replication import LinkState
from bdr_console.cluster.verdict.finding_kinds import KINDS, FindingKind, Impact, kind_of
from bdr_console.cluster.verdict.findings import Finding, Level, with_remedies
from script.findings_page import page
from tests.cluster.builders import snapshot

PACKAGE = Path(bdr_console.__file__).parent
_QUIET = {"streaming", "catchup", "absent", "up", "unchecked"}
_MADE = {
    "{}.unreachable": {"node.unreachable", "proxy.unreachable", "pooler.unreachable"},
    "link.{}": {f"link.{state.name.lower()}" for state in LinkState if state.name.lower() not in _QUIET},
    "server.{}": {
        f"server.{state.name.lower()}" for state in ServerState if state.name.lower() not in _QUIET
    },
}
"""Codes put together of parts, and what they come to."""
_PLACES = {
    "subject", "detail", "at", "origin", "target", "origin_at", "target_at", "proxy", "backend", "server",
    "pooler", "database",
}  # fmt: skip


def _codes_in(path: Path) -> Iterator[tuple[int, str]]:
    """Where `Finding(...)` is called, with its code as it is written; a part that is computed is `{}`."""
    tree = ast.parse(path.read_text("utf-8"))
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Finding"):
            continue
        named = {word.arg: word.value for word in call.keywords}
        code = call.args[3] if len(call.args) > 3 else named.get("code")
        if isinstance(code, ast.Name):  # a variable: what it is set to
            for node in ast.walk(tree):
                if isinstance(node, ast.Assign):
                    for target, value in _pairs(node):
                        if isinstance(target, ast.Name) and target.id == code.id:
                            yield node.lineno, _written(value)
        else:
            yield call.lineno, _written(code)


def _pairs(node: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            yield from zip(target.elts, node.value.elts, strict=True)
        else:
            yield target, node.value


def _written(code: ast.expr | None) -> str:
    if isinstance(code, ast.Constant):
        return str(code.value)
    if isinstance(code, ast.Call) and isinstance(code.func, ast.Attribute):  # f"...".rstrip()
        return _written(code.func.value)
    if isinstance(code, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in code.values)
    return ast.unparse(code) if code is not None else ""


def test_no_code_is_emitted_that_is_not_in_the_table() -> None:
    missing, found = [], 0
    for path in PACKAGE.rglob("*.py"):
        for line, written in _codes_in(path):
            found += 1
            if path.name == "events.py" and not written:
                continue  # the log's lines as rows of a pane: an event is no finding
            for code in _MADE.get(written, {written}):
                if code.partition(":")[0] not in KINDS:
                    missing.append(f"{path.relative_to(PACKAGE)}:{line}: {code or 'no code'}")
    assert found > 40, "the calls are found at all"
    assert missing == [], "add a row to bdr_console/cluster/verdict/finding_kinds.py for each"


@pytest.mark.parametrize(("code", "kind"), KINDS.items())
def test_every_code_has_a_reason_an_impact_and_a_remedy(code: str, kind: FindingKind) -> None:
    assert re.fullmatch(r"[A-Z].*\.", kind.reason, re.DOTALL), "a sentence"
    assert isinstance(kind.impact, Impact)
    assert re.fullmatch(r"[^A-Z].*[^.]|SELECT.*|RECONNECT.*", kind.remedy), "it stands in a line with others"
    assert set(re.findall(r"\{(\w+)\}", kind.remedy)) <= _PLACES, "only places that can be filled"
    assert kind_of(f"{code}:detail") is kind


_KEY = re.compile(r"(^|[ ;(])(?:enter|ctrl\+\w|[a-z])(?::| on | shows | in it | takes )")
"""How a remedy names a key: `s: take node1 ...`, `enter on a conflict shows ...`."""


@pytest.mark.parametrize(("code", "kind"), KINDS.items())
def test_where_there_are_no_keys_every_remedy_is_a_command(code: str, kind: FindingKind) -> None:
    (shown,) = with_remedies([Finding(Level.WARN, "node1", "is not well", code)], snapshot(), keys=False)
    assert not _KEY.search(shown.remedy), shown.remedy
    assert shown.remedy
    assert set(re.findall(r"\{(\w+)\}", kind.command)) <= _PLACES
    assert bool(_KEY.search(kind.remedy)) == bool(kind.command), "a remedy without a key needs no other"


def test_what_is_only_unknown_hurts_nobody_that_we_know_of() -> None:
    assert Finding(Level.CRIT, "haproxy1", "connection refused", "proxy.unreachable").hurts is Impact.CLIENTS
    assert Finding(Level.UNKNOWN, "haproxy1", "not read yet", "proxy.unreachable").hurts is Impact.OTHER


def test_impacts_are_ordered_by_who_is_hurt() -> None:
    assert sorted(Impact, reverse=True) == [Impact.CLIENTS, Impact.DATA, Impact.REDUNDANCY, Impact.OTHER]


def test_the_page_of_findings_is_as_the_program_judges() -> None:
    published = (PACKAGE.parent / "docs/findings.md").read_text("utf-8")
    assert published == page(), "script/findings writes it anew"
    assert all(f"| `{code}` |" in published for code in KINDS)
