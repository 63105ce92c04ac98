"""Replication lag on purpose: pglogical applies each transaction of a link only so long after its commit."""

from bdr_console.errors import ConsoleError
from bdr_console.lab import postgres, processes, replication
from bdr_console.lab.layout import Layout

DEFAULT_MS = 1000
_LONGEST_MS = 60_000


def parse(target: str) -> tuple[str, int]:
    """`node1:node2=100` -> the link and the delay in milliseconds; 1000 when none is named."""
    link, equals, text = target.partition("=")
    if not equals:
        return link.strip(), DEFAULT_MS
    if not text.strip().isdigit() or not 0 < int(text) <= _LONGEST_MS:
        raise ConsoleError(
            f"'{text.strip()}' is no delay", f"Write milliseconds from 1 to {_LONGEST_MS}: node1:node2=100."
        )
    return link.strip(), int(text)


def set_delay(layout: Layout, origin: str, receiver: str, milliseconds: int) -> None:
    """Set the delay of one link (0 ends it) and return when its apply worker works with it."""
    name = replication.subscription(layout, origin, receiver)
    with postgres.session(layout, layout.node(receiver)) as connection:
        changed = connection.execute(
            "UPDATE pglogical.subscription SET sub_apply_delay = make_interval(secs => %s)"
            " WHERE sub_name = %s AND sub_apply_delay <> make_interval(secs => %s)",
            (milliseconds / 1000, name, milliseconds / 1000),
        ).rowcount
        if not changed:
            return
        for word in ("disable", "enable"):
            connection.execute(f"SELECT bdr.alter_subscription_{word}(%s, true)", (name,))

            def so(wanted: str = "disabled" if word == "disable" else "replicating") -> bool:
                return connection.execute(
                    "SELECT subscription_status FROM bdr.subscription_summary WHERE sub_name = %s", (name,)
                ).fetchone() == (wanted,)

            if not processes.wait(so, 20):
                raise ConsoleError(f"the apply worker of {origin}->{receiver} did not {word}")


def end_all(layout: Layout) -> None:
    """End every delay."""
    for receiver in layout.nodes:
        with postgres.session(layout, receiver) as connection:
            rows = connection.execute(
                "SELECT origin_name FROM bdr.subscription_summary WHERE sub_apply_delay <> interval '0'"
            ).fetchall()
        for (origin,) in rows:
            set_delay(layout, str(origin), receiver.name, 0)
