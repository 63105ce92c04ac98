"""What a role, a database or another session is set to changes nothing in what we read: on a real server."""

import psycopg

from bdr_console.cluster.nodes import NodeFacts
from bdr_console.engines import Probe
from bdr_console.engines.core.facts import backends_statement
from bdr_console.links.postgres import PostgresReader, Rows, Unreadable
from tests.links.servers import PASSWORD, Postgres

_ODD = {
    "search_path": "public",
    "standard_conforming_strings": "off",
    "quote_all_identifiers": "on",
    "transform_null_equals": "on",
    "TimeZone": "'Asia/Kathmandu'",
    "DateStyle": "'SQL, DMY'",
    "IntervalStyle": "sql_standard",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "row_security": "on",
    "client_encoding": "'LATIN1'",
    "statement_timeout": "'1ms'",
    "lock_timeout": "'1ms'",
    "idle_session_timeout": "'1min'",
    "idle_in_transaction_session_timeout": "'1min'",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
}
_ASK = r"""
SELECT 'a b' ~ '^a\sb$' AS pattern, 'x'::text = NULL AS never,
       timestamptz '2026-02-03 04:05:06+00' AS at, interval '1 day 02:03' AS span,
       interval '1 day 02:03' || '' AS printed,
       '\x00ff'::bytea AS bytes, 1.0::float8 / 3 AS third, pg_class.oid::regclass::text AS name,
       current_setting('transaction_isolation') AS isolation,
       current_setting('transaction_read_only') AS read_only,
       current_setting('idle_in_transaction_session_timeout') AS idle,
       current_setting('lc_messages') AS messages
  FROM pg_class WHERE relname = 'pg_class'
"""


async def test_settings_of_the_role_change_nothing_in_what_we_read(own_postgres: Postgres) -> None:
    role = "ALTER ROLE postgres IN DATABASE odd SET"
    own_postgres.run("CREATE DATABASE odd", *(f"{role} {name} = {value}" for name, value in _ODD.items()))
    answers = []
    for database in ("odd", "postgres"):
        reader = PostgresReader("node1", own_postgres.dsn(database=database))
        answers.append((await reader.fetch({"ask": _ASK}))["ask"])
        await reader.close()
    assert answers[0] == answers[1]
    assert not isinstance(answers[0], Unreadable)
    assert answers[0][0]["pattern"] is True
    assert (answers[0][0]["idle"], answers[0][0]["messages"]) == ("0", "C")
    assert answers[0][0]["printed"] == "1 day 02:03:00"


async def test_a_node_tells_its_own_default_isolation_although_our_session_has_another(
    own_postgres: Postgres,
) -> None:
    own_postgres.run(
        "CREATE DATABASE strict", "ALTER DATABASE strict SET default_transaction_isolation = serializable"
    )
    reader = PostgresReader("node1", own_postgres.dsn(database="strict"))
    facts = await Probe(reader).read()
    await reader.close()
    assert {p.name: p.value for p in facts.parameters}["default_transaction_isolation"] == "serializable"


_MADE = "ENCODING '{}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"


async def test_names_and_texts_of_another_encoding_cost_nothing_but_their_own_letters(
    own_postgres: Postgres,
) -> None:
    """A session has a user, an application name and a query with bytes that are no text in the node's own
    encoding; they are in catalogs and views that all databases share."""
    encodings = ("UTF8", "LATIN1", "EUC_JP", "WIN1252")
    own_postgres.run(
        f"CREATE DATABASE legacy {_MADE.format('LATIN1')}",
        *(f"CREATE DATABASE own_{encoding.lower()} {_MADE.format(encoding)}" for encoding in encodings),
    )
    # In UTF-8 the letter ends in 0x81, which EUC_JP and WIN1252 do not know.
    own_postgres.run(f"CREATE ROLE jos\u00c1 SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
    legacy = own_postgres.dsn("jos\u00c1", "legacy")
    with psycopg.connect(legacy, client_encoding="LATIN1", autocommit=True) as there:
        there.execute(f"CREATE DATABASE caf\u00e9 {_MADE.format('LATIN1')}")
        there.execute("SET application_name = 'caisse \u00e9'")
        there.execute("BEGIN")
        there.execute("SELECT pg_sleep(1.1) WHERE 'jos\u00e9' = 'jos\u00e9'")
        for encoding in encodings:
            facts, backends = await _everything(own_postgres, f"own_{encoding.lower()}")
            assert facts.unread == (), encoding
            assert facts.sessions is not None
            assert facts.sessions.idle_in_transaction == 1
            assert facts.activity is not None
            (transaction,) = facts.activity.transactions
            assert transaction.query.startswith("SELECT pg_sleep(1.1) WHERE 'jos\\xe9' = "), encoding
            assert transaction.user.startswith("jos"), encoding
            assert not isinstance(backends, Unreadable), encoding


async def _everything(postgres: Postgres, database: str) -> tuple[NodeFacts, Rows | Unreadable]:
    reader = PostgresReader("node1", postgres.dsn(database=database))
    try:
        facts = await Probe(reader).read([("jos\u00c1", "caf\u00e9")])
        found = await reader.fetch({"backends": backends_statement(reader.server_version)})
        return facts, found["backends"]
    finally:
        await reader.close()
