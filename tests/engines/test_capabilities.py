"""Every act of every engine, as it would be sent, in the table beside this file, whatever the names hold."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from bdr_console.engines.capabilities import capabilities, parse_version
from bdr_console.engines.capability import Act, Capability, Unavailable, Where, placeholders, render
from bdr_console.errors import ConsoleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bdr_console.lab import Lab
    from tests.links.servers import Postgres

TABLE = Path(__file__).parent / "capabilities.txt"

ENGINES = [
    ("bdr1", "1.0.2-2026-11-22-33d39c4d2d"),
    ("bdr1", "1.0.3.1"),
    ("bdr1", "2.0.3"),
    ("bdr1", "2.0.4.0"),
    ("bdr1", None),
    ("bdr3", "3.6.33"),
    ("bdr3", "3.7.23"),
    ("bdr3", "4.3.7"),
    ("bdr3", "5.9.1"),
    ("bdr3", "6.1.0"),
    ("bdr3", None),
    ("pgactive", "2.1.9"),
    ("pglogical", "2.4.2"),
    ("spock", "5.0.4"),
    ("spock", "6.0.0-devel"),
    ("native", "15.20"),
    ("native", "18.4"),
    ("native", None),
    ("bucardo", "5.6.0"),
    ("plain", "9.6.24"),
    ("plain", "15.20"),
    ("xdb", "7"),
]

VALUES: dict[str, str | int | float] = {
    "node": "n4",
    "node_dsn": "host=n4 dbname=shop",
    "join_dsn": "host=n1 dbname=shop",
    "group": "shop",
    "lsn": "0/16B3748",
    "timeout": "30 s",
    "seconds": 60,
    "subscription": "from_n1",
    "to_node": "n1_to_n4",
    "from_node": "n4_to_n1",
    "publication": "shop",
    "schema": "public",
    "sync": "shopsync",
    "relgroup": "rg",
    "database": "shop",
    "host": "n4",
    "port": 5432,
    "user": "bucardo",
}
HOSTILE = "o'bri\\en\"; DROP TABLE $$x$$; -- ${HOME} `id` %s {node}"


def act_lines(item: Capability | Unavailable) -> Iterator[str]:
    """One act as the table shows it."""
    yield f"{item.act}"
    if isinstance(item, Unavailable):
        yield f"    not available: {item.why}"
        return
    for precondition in item.preconditions:
        yield f"    needs: {precondition.text}"
        if precondition.check:
            yield f"      {precondition.where}: {render(precondition.check, VALUES)}"
    for statement in item.statements:
        marks = " (until true)" * statement.until + " (in no transaction)" * statement.alone
        text = render(statement.text, VALUES, in_shell=statement.where is Where.HOST)
        yield f"  {statement.where}{marks}: {text}"
    yield from (f"    note: {note}" for note in item.notes)
    yield f"    source: {item.source}"


def table() -> str:
    """All engines; of a version only what differs from the one before it."""
    found: list[str] = []
    before: tuple[str, Mapping[Act, Capability | Unavailable]] = ("", {})
    for word, version in ENGINES:
        acts = capabilities(word, version)
        old = before[1] if before[0] == word else {}
        differing = [item for act, item in acts.items() if old.get(act) != item]
        found += ["", f"== {word} {version or '(version not known)'}"]
        found += [f"as above, but for {len(differing)}"] if old else []
        found += [line for item in differing for line in act_lines(item)]
        before = (word, acts)
    return "\n".join(found[1:]) + "\n"


def test_every_act_of_every_engine_is_sent_as_the_table_says() -> None:
    assert table() == TABLE.read_text(), "to accept it: python -m tests.engines.test_capabilities"


@pytest.mark.parametrize(("word", "version"), ENGINES)
def test_every_act_is_there_or_says_why_not(word: str, version: str | None) -> None:
    found = capabilities(word, version)
    assert list(found) == list(Act)
    for act, item in found.items():
        assert item.act is act
        if isinstance(item, Capability):
            assert item.statements
            assert item.source
        else:
            assert len(item.why) > 10


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.0.3.1-2018-06-14", (1, 0, 3, 1)),
        ("15.20 (Debian 15.20-0)", (15, 20)),
        ("3.7.23-standin", (3, 7, 23)),
        ("devel", ()),
        (None, ()),
    ],
)
def test_a_version_is_read_from_what_the_engine_says(text: str | None, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version


def test_a_name_full_of_quotes_stays_one_word() -> None:
    shell = render("bucardo pause {sync}", {"sync": HOSTILE}, in_shell=True)
    assert shlex.split(shell) == ["bucardo", "pause", HOSTILE]
    assert render("DROP SUBSCRIPTION {s:name}", {"s": 'a"b'}) == 'DROP SUBSCRIPTION "a""b"'
    assert render("x := '{{}}', {n}", {"n": 3}) == "x := '{}', 3"


def test_a_value_that_is_missing_or_holds_control_characters_is_refused() -> None:
    with pytest.raises(ConsoleError, match="'node' is missing"):
        render("SELECT {node}", {})
    for bad in ("two\nlines", "nul\0", "esc\x1b[2J"):
        with pytest.raises(ConsoleError, match="cannot be the node"):
            render("SELECT {node}", {"node": bad})


def every_template(word: str, version: str | None) -> Iterator[str]:
    """All SQL of one engine."""
    for item in capabilities(word, version).values():
        if isinstance(item, Capability):
            yield from (s.text for s in item.statements if s.where is not Where.HOST)
            yield from (p.check for p in item.preconditions if p.check)


@pytest.mark.parametrize(("word", "version"), ENGINES)
def test_a_hostile_name_is_a_value_to_the_server_and_never_sql(
    word: str, version: str | None, postgres: Postgres
) -> None:
    """PL/pgSQL parses what it is given without running it: one statement, whatever the values are."""
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        for template in every_template(word, version):
            values = dict.fromkeys(placeholders(template), HOSTILE) | {"seconds": 5}
            body = f"BEGIN {re.sub('^SELECT', 'PERFORM', render(template, values))}; END"
            connection.execute(
                psycopg.sql.SQL(
                    "CREATE OR REPLACE FUNCTION pg_temp.parsed() RETURNS void LANGUAGE plpgsql AS {}"
                ).format(psycopg.sql.Literal(body))
            )
        row = connection.execute(render("SELECT {node}", {"node": HOSTILE}).encode()).fetchone()
    assert row == (HOSTILE,)


@pytest.mark.lab
@pytest.mark.parametrize(("word", "version"), [("bdr3", "3.7.23"), ("pglogical", "2.4.2")])
def test_the_lab_knows_every_function_and_every_check_answers(
    word: str, version: str, healthy_lab: Lab
) -> None:
    """Functions are looked up with their arguments by EXPLAIN, which runs none of them."""
    node = healthy_lab.layout.nodes[0]
    unknown = {"bdr.part_node", "bdr.drop_node"}  # what the stand-in leaves out
    with psycopg.connect(healthy_lab.layout.dsn(node.port), autocommit=True) as connection:
        for item in capabilities(word, version).values():
            assert item.act in Act
            if isinstance(item, Unavailable):
                continue
            for statement in item.statements:
                text = render(statement.text, VALUES)
                if text.startswith(("SELECT", "DELETE")) and not any(name in text for name in unknown):
                    connection.execute(f"EXPLAIN {text}".encode())
            for precondition in item.preconditions:
                if precondition.check:
                    row = connection.execute(render(precondition.check, VALUES).encode()).fetchone()
                    assert row is not None
                    assert row[0] in (True, False), precondition.check


if __name__ == "__main__":
    TABLE.write_text(table())
