"""The PostgreSQL link on a real server."""

import asyncio
import os
from datetime import datetime

import psycopg
import pytest

from bdr_console.errors import ConsoleError
from bdr_console.links.errors import LinkError, postgres_reason, remedy_for
from bdr_console.links.postgres import PostgresReader, PostgresWriter, Refusal, Unreadable
from tests.links.servers import PASSWORD, PgBouncer, Postgres, directory, free_port
from tests.links.watching import heartbeat
from tests.waiting import eventually, wait_until


async def test_one_failed_statement_spoils_no_other(postgres: Postgres) -> None:
    reader = PostgresReader("node1", postgres.dsn())
    answers = await reader.fetch(
        {
            "number": "SELECT 1 AS n, 1.5::float8 AS f",
            "missing": "SELECT * FROM bdr.nowhere",
            "broken": "SELECT 1/0",
            "endless": "SELECT 'infinity'::timestamptz AS t",
            "moment": "SELECT now() AS t",
        }
    )
    await reader.close()
    assert answers["number"] == [{"n": 1, "f": 1.5}]
    assert answers["missing"] == Unreadable('relation "bdr.nowhere" does not exist', "42P01")
    assert answers["broken"] == Unreadable("division by zero", "22012")
    assert isinstance(answers["endless"], Unreadable)
    assert isinstance(answers["moment"], list)
    assert isinstance(answers["moment"][0]["t"], datetime)
    assert answers["moment"][0]["t"].tzinfo


async def test_a_readers_session_cannot_change_anything(postgres: Postgres) -> None:
    reader = PostgresReader("node1", postgres.dsn())
    answers = await reader.fetch(
        {
            "create": "CREATE TABLE public.never (n int)",
            "mode": "SELECT current_setting('transaction_read_only') AS mode",
            "show": "SELECT current_setting('search_path') path, current_setting('statement_timeout') t",
        }
    )
    await reader.close()
    assert answers["create"] == Unreadable("cannot execute CREATE TABLE in a read-only transaction", "25006")
    assert answers["mode"] == [{"mode": "on"}]
    assert answers["show"] == [{"path": "pg_catalog", "t": "1800ms"}]


async def test_a_reader_keeps_one_session_and_leaves_none_behind(own_postgres: Postgres) -> None:
    count = "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'test one session'"
    reader = PostgresReader("node1", own_postgres.dsn(), application_name="test one session")
    for _ in range(8):
        assert await reader.fetch({"sessions": count}) == {"sessions": [{"n": 1}]}
    await reader.close()

    def gone() -> bool:
        with psycopg.connect(own_postgres.dsn()) as connection:
            row = connection.execute(count.encode()).fetchone()
        return row == (0,)

    await asyncio.to_thread(wait_until, gone, "the session has ended")


async def test_what_is_asked_again_is_parsed_once_and_outlives_a_change_of_its_table(
    postgres: Postgres,
) -> None:
    postgres.run("CREATE TABLE public.shape (n int)", "INSERT INTO public.shape VALUES (1)")
    ask = {
        "rows": "SELECT n FROM public.shape",
        "kept": "SELECT count(*) AS kept FROM pg_prepared_statements WHERE statement LIKE '%public.shape'",
        "wrong": "SELECT 1/0 AS never",
        "nonsense": "SELEC 1",
    }
    reader = PostgresReader("node1", postgres.dsn())
    try:
        seen = [await reader.fetch(ask) for _ in range(4)]
        assert [answers["rows"] for answers in seen] == [[{"n": 1}]] * 4
        assert seen[0]["kept"] == [{"kept": 0}]
        assert seen[-1]["kept"] == [{"kept": 1}]
        for answers in seen:
            assert isinstance(answers["wrong"], Unreadable)
            assert "division by zero" in answers["wrong"].why
            assert isinstance(answers["nonsense"], Unreadable)
            assert "syntax error" in answers["nonsense"].why
        postgres.run("ALTER TABLE public.shape ALTER n TYPE text USING n || ' more'")
        for _ in range(3):
            assert (await reader.fetch(ask))["rows"] == [{"n": "1 more"}]
        postgres.run("DROP TABLE public.shape")
        gone = (await reader.fetch(ask))["rows"]
        assert isinstance(gone, Unreadable)
        assert gone.sqlstate == "42P01"
    finally:
        await reader.close()


async def test_a_missing_privilege_is_not_asked_for_every_second(own_postgres: Postgres) -> None:
    own_postgres.run(f"CREATE ROLE watcher LOGIN PASSWORD '{PASSWORD}'", "CREATE TABLE public.secret (n int)")
    reader = PostgresReader("node1", own_postgres.dsn("watcher"))
    for _ in range(5):
        answers = await reader.fetch({"secret": "SELECT * FROM public.secret", "one": "SELECT 1 AS n"})
        assert answers["secret"] == Unreadable("permission denied for table secret", "42501")
        assert answers["one"] == [{"n": 1}]
    await reader.close()
    assert own_postgres.log().count("permission denied for table secret") == 1


async def test_a_frozen_server_is_given_up_at_the_deadline_and_the_loop_stays_free(
    own_postgres: Postgres,
) -> None:
    reader = PostgresReader("node1", own_postgres.dsn(), deadline=0.5)
    await reader.fetch({"one": "SELECT 1 AS n"})
    own_postgres.freeze()
    try:
        async with heartbeat() as beats, asyncio.timeout(5):
            with pytest.raises(LinkError, match=r"node1 \(127.0.0.1:\d+\): reading: timed out after 0.5 s"):
                await reader.fetch({"one": "SELECT 1 AS n"})
            with pytest.raises(LinkError, match=r"connecting: timed out after 0.5 s"):
                await reader.fetch({"one": "SELECT 1 AS n"})
            held = asyncio.create_task(reader.fetch({"one": "SELECT 1 AS n"}))
            await asyncio.sleep(0)
            held.cancel()
            with pytest.raises(asyncio.CancelledError):
                await held
    finally:
        own_postgres.thaw()
    assert len(beats) > 20, "the event loop stood still"
    assert await reader.fetch({"one": "SELECT 1 AS n"}) == {"one": [{"n": 1}]}
    await reader.close()


async def test_closing_ends_a_read_that_hangs(own_postgres: Postgres) -> None:
    reader = PostgresReader("node1", own_postgres.dsn(), deadline=30.0)
    await reader.fetch({"one": "SELECT 1 AS n"})
    own_postgres.freeze()
    try:
        held = asyncio.create_task(reader.fetch({"one": "SELECT 1 AS n"}))
        await eventually(own_postgres.has_unread, "the statement is on its way")
        async with asyncio.timeout(5):
            await reader.close()
            with pytest.raises(LinkError):
                await held
    finally:
        own_postgres.thaw()


async def test_a_restarted_server_is_read_again_over_a_new_session(own_postgres: Postgres) -> None:
    reader = PostgresReader("node1", own_postgres.dsn())
    await reader.fetch({"one": "SELECT 1 AS n"})
    own_postgres.stop()
    with pytest.raises(LinkError):
        await reader.fetch({"one": "SELECT 1 AS n"})
    with pytest.raises(
        LinkError, match=r"connecting: connection refused|connecting: Connection refused"
    ) as refused:
        await reader.fetch({"one": "SELECT 1 AS n"})
    assert "Nothing listens there" in refused.value.remedy
    await asyncio.to_thread(own_postgres.start)
    assert await reader.fetch({"one": "SELECT 1 AS n"}) == {"one": [{"n": 1}]}
    await reader.close()


async def test_a_slow_statement_gives_up_by_itself_and_the_session_lives_on(postgres: Postgres) -> None:
    reader = PostgresReader("node1", postgres.dsn(), deadline=1.0)
    answers = await reader.fetch({"slow": "SELECT pg_sleep(30)", "pid": "SELECT 1 AS n"})
    assert answers["slow"] == Unreadable("canceling statement due to statement timeout", "57014")
    assert answers["pid"] == [{"n": 1}]
    await reader.close()


@pytest.mark.parametrize(
    ("user", "database", "reason", "remedy"),
    [
        (
            "nobody_here",
            "postgres",
            'login refused: password authentication failed for user "nobody_here"',
            "~/.pgpass",
        ),
        ("postgres", "no_such_db", 'database "no_such_db" does not exist', "Correct the database or user"),
    ],
)
async def test_a_wrong_user_or_database_is_named_with_what_to_do(
    postgres: Postgres, user: str, database: str, reason: str, remedy: str
) -> None:
    reader = PostgresReader("node1", postgres.dsn(user, database))
    with pytest.raises(LinkError) as caught:
        await reader.fetch({"one": "SELECT 1"})
    assert caught.value.reason == reason
    assert remedy in caught.value.remedy


async def test_unreachable_places_are_named_with_what_to_do() -> None:
    for dsn, reason, remedy in (
        (f"host=127.0.0.1 port={free_port()}", "Connection refused", "Nothing listens there"),
        ("host=/nowhere/at/all user=u", "No such file or directory", "There is no such socket"),
        ("host=no.such.host.invalid", "does not resolve", "does not resolve"),
    ):
        with pytest.raises(LinkError) as caught:
            await PostgresReader("node1", dsn).fetch({"one": "SELECT 1"})
        assert reason in caught.value.reason
        assert remedy in caught.value.remedy


async def test_a_refused_password_names_pgpass_and_never_the_password(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSFILE", "/nowhere")
    dsn = postgres.dsn().replace(f" password={PASSWORD}", "")
    for secret in ("", " password=hush-hush"):
        with pytest.raises(LinkError) as caught:
            await PostgresReader("node1", dsn + secret).fetch({"one": "SELECT 1"})
        assert ".pgpass" in caught.value.remedy
        assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "dsn", ["host=a hush-hush word", "host='a", "pasword=hush-hush", "postgresql://u:hush-hush@h:x y/"]
)
def test_a_malformed_dsn_is_refused_without_repeating_it(dsn: str) -> None:
    with pytest.raises(ConsoleError) as caught:
        PostgresReader("node1", dsn)
    assert caught.value.problem.startswith("node1: the DSN is not a libpq connection string")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("dsn", "address"),
    [
        ("host=10.0.0.1 port=5433 user=u", "10.0.0.1:5433"),
        ("postgresql://u@db.example:6000/app", "db.example:6000"),
        ("host=a,b port=1,2", "a:1,b:2"),
        ("host=a,b", "a:5432,b:5432"),
        ("host=fd00::1", "[fd00::1]:5432"),
        ("host=/run/pg port=5433", "/run/pg/.s.PGSQL.5433"),
        ("service=app1", "service=app1"),
    ],
)
def test_the_address_shown_is_where_the_dsn_leads(
    dsn: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.startswith("PG"):
            monkeypatch.delenv(name)
    assert PostgresReader("n", dsn).address == address


async def test_bytes_that_are_no_utf8_and_control_characters_do_not_break_a_reading(
    own_postgres: Postgres,
) -> None:
    own_postgres.run(
        "CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    with psycopg.connect(own_postgres.dsn(database="ascii"), autocommit=True) as connection:
        connection.execute(b"CREATE TABLE public.t AS SELECT E'a\\xff\\x1bb'::text AS x")
    reader = PostgresReader("node1", own_postgres.dsn(database="ascii"))
    answers = await reader.fetch({"raw": "SELECT x FROM public.t", "one": "SELECT 1 AS n"})
    await reader.close()
    assert answers["one"] == [{"n": 1}]
    assert answers["raw"] == [{"x": "a\\xff\x1bb"}], "cleaning is for where rows become types"


async def test_a_writer_changes_what_it_is_told_to_and_says_what_was_refused(own_postgres: Postgres) -> None:
    writer = PostgresWriter("node1", own_postgres.dsn(), application_name="bdr-console run x")
    await writer.execute("CREATE TABLE public.marker (origin text, n int)")
    assert await writer.execute("INSERT INTO public.marker VALUES (%s, %s) RETURNING n", ["o'brien", 5]) == [
        {"n": 5}
    ]
    with pytest.raises(LinkError, match=r'relation "public\.nowhere" does not exist'):
        await writer.execute("DELETE FROM public.nowhere")
    assert await writer.execute("SELECT origin FROM public.marker") == [{"origin": "o'brien"}]
    await writer.close()


async def test_a_pooler_in_place_of_a_node_is_refused_by_its_own_rules(postgres: Postgres) -> None:

    with directory() as path:
        pooler = PgBouncer(path, f"* = host=127.0.0.1 port={postgres.port}").start()
        try:
            reader = PostgresReader("node1", pooler.dsn() + " dbname=postgres")
            with pytest.raises(LinkError, match="unsupported startup parameter") as caught:
                await reader.fetch({"one": "SELECT 1"})
            assert "must lead to PostgreSQL itself" in caught.value.remedy
        finally:
            pooler.stop()


async def test_rows_without_end_cost_the_session_and_no_more(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bdr_console.links.session._LARGEST", 2 * 1024**2)
    reader = PostgresReader("node1", postgres.dsn(), deadline=20.0)
    try:
        with pytest.raises(LinkError, match="the answer is larger than 2 MiB"):
            await reader.fetch({"large": "SELECT repeat('x', 1000) FROM generate_series(1, 20000)"})
        assert (await reader.fetch({"one": "SELECT 1 AS n"}))["one"] == [{"n": 1}]
        for _ in range(3):  # what counts is one exchange
            assert await reader.fetch({"some": "SELECT repeat('x', 1000000) AS x"})
    finally:
        await reader.close()


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("connection not in pipeline mode", "the server closed the connection"),
        ("no connection to the server", "the server closed the connection"),
        ("SSL SYSCALL error: EOF detected", "the server closed the connection"),
        ("server closed the connection unexpectedly\n\tThis probably means",
         "the server closed the connection"),
        ("could not receive data from server: Connection reset by peer", "connection reset by peer"),
        ("FATAL:  terminating connection due to administrator command",
         "terminating connection due to administrator command"),
        ('connection failed: FATAL:  password authentication failed for user "u"',
         'login refused: password authentication failed for user "u"'),
        ('FATAL:  role "u" is not permitted to log in', 'login refused: role "u" is not permitted to log in'),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"',
         'login refused: no pg_hba.conf entry for host "10.0.0.1"'),
        ('FATAL:  database "shop" does not exist', 'database "shop" does not exist'),
    ],
)  # fmt: skip
def test_no_word_of_a_library_reaches_the_operator(message: str, reason: str) -> None:
    assert postgres_reason(message) == reason
    assert remedy_for(reason)


def test_what_is_refused_is_sent_again_soon_and_then_ever_more_seldom() -> None:
    answer, refusal, pauses = Unreadable("permission denied", "42501"), None, []
    for _ in range(12):
        refusal = Refusal.after(refusal, 100.0, answer)
        pauses.append(refusal.until - 100.0)
    assert pauses[:4] == [2.0, 4.0, 8.0, 16.0]
    assert pauses[-1] == 600.0


async def test_what_was_granted_meanwhile_is_read_when_the_operator_asks_again(
    own_postgres: Postgres,
) -> None:
    own_postgres.run(f"CREATE ROLE later LOGIN PASSWORD '{PASSWORD}'", "CREATE TABLE public.kept (n int)")
    reader = PostgresReader("node1", own_postgres.dsn("later"))
    ask = {"rows": "SELECT n FROM public.kept"}
    assert isinstance((await reader.fetch(ask))["rows"], Unreadable)
    own_postgres.run("GRANT SELECT ON public.kept TO later")
    assert isinstance((await reader.fetch(ask))["rows"], Unreadable), "not asked yet"
    reader.ask_again()
    assert (await reader.fetch(ask))["rows"] == []
    await reader.close()
