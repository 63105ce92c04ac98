"""Which configured target an address leads to; names are looked up at the edge."""

from typing import Any

import pytest

from bdr_console.cluster.poolers import PoolDatabase, PoolerFacts
from bdr_console.config import ClusterSettings
from bdr_console.links import addresses
from bdr_console.links.addresses import AddressBook, is_own
from bdr_console.links.factory import Links
from bdr_console.links.postgres import PostgresReader


def book(settings: ClusterSettings) -> AddressBook:
    return AddressBook(settings, Links(settings).nodes(PostgresReader))


def test_a_server_is_matched_by_name_first_and_by_any_spelling_of_its_address() -> None:
    settings = ClusterSettings.model_validate(
        {
            "nodes": {
                "a": {"dsn": "host=10.0.0.1 port=5432", "server": "bdr_initial_node"},
                "b": {"dsn": "host=localhost port=5433"},
                "c": {"dsn": "host=fd00::0001 port=5432"},
                "d": {"dsn": "host=db.Example port=5432"},
                "e": {"dsn": "host=127.0.0.1 port=5434", "via": "bastion"},
            },
            "proxies": {
                "here": {"socket": "/run/a.sock"},
                "there": {"socket": "/run/a.sock", "via": "bastion"},
            },
        }
    )
    find, there = book(settings).node_of("here"), book(settings).node_of("there")
    assert find("bk", "bdr_initial_node", "127.0.0.1:5433") == "a"
    assert find("bk", "x", "10.0.0.1:5432") == "a"
    assert find("bk", "x", "127.0.0.1:5433") == "b"
    assert find("bk", "x", "[::1]:5433") == "b"
    assert find("bk", "x", "[fd00::1]:5432") == "c"
    assert find("bk", "x", "db.example:5432") == "d"
    assert find("bk", "x", "10.0.0.1:6000") is None
    assert find("bk", "x", None) is None
    assert find("bk", "x", "127.0.0.1:5434") is None, "that is the bastion's own loopback"
    assert there("bk", "x", "127.0.0.1:5434") == "e"
    assert there("bk", "x", "127.0.0.1:5433") is None


SETTINGS = ClusterSettings.model_validate(
    {
        "nodes": {
            "node1": {"dsn": "host=db1.example port=6001"},
            "node2": {"dsn": "host=/run/node2"},
        },
        "proxies": {
            "hap1": {"socket": "/run/a.sock", "listen": ["127.0.0.1:5433", "/tmp/bh:5433"]},
            "hap2": {"socket": "/run/b.sock", "listen": ["*:5500"]},
        },
        "poolers": {"pgb": {"dsn": "host=127.0.0.1 port=6432"}},
    }
)


@pytest.fixture(autouse=True)
def _resolver(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, ...]]:
    """A FAKE resolver: names of no real zone."""
    known = {"db1.example": ("192.0.2.1",), "pg.example": ("192.0.2.1",), "front": ("127.0.0.1", "::1")}

    async def look_up(host: str) -> tuple[str, ...]:
        if host in known or "." not in host.replace(".example", ""):
            if host not in known:
                raise OSError("does not resolve")
            return known[host]
        return (host,)

    monkeypatch.setattr(addresses, "addresses", look_up)
    return known


@pytest.mark.parametrize(
    ("host", "port", "proxies", "nodes"),
    [
        ("127.0.0.1", 5433, ("hap1",), ()),
        ("127.0.0.1,127.0.0.2", 5433, ("hap1",), ()),
        ("localhost", 5433, ("hap1",), ()),
        ("front", 5433, ("hap1",), ()),
        ("::1", 5433, ("hap1",), ()),
        ("/tmp/bh", 5433, ("hap1",), ()),
        (None, 5433, ("hap1",), ()),
        ("10.1.2.3", 5500, ("hap2",), ()),
        ("pg.example", 6001, (), ("node1",)),
        ("192.0.2.1", 6001, (), ("node1",)),
        ("/run/node2", 5432, (), ("node2",)),
        ("/run/node2", None, (), ("node2",)),
        ("10.1.2.3", 5433, (), ()),
    ],
)
async def test_a_database_of_a_pooler_leads_to_the_haproxies_and_nodes_at_its_address(
    host: str | None, port: int | None, proxies: tuple[str, ...], nodes: tuple[str, ...]
) -> None:
    facts = PoolerFacts("1.25.2", (), (PoolDatabase("app", host, port, False, False, 20, 0),))
    (found,) = (await book(SETTINGS).routed("pgb", facts)).databases
    assert (found.proxies, found.nodes) == (proxies, nodes)


async def test_a_name_is_looked_up_once_and_a_resolver_that_hangs_is_waited_for_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def look_up(host: str) -> Any:
        import asyncio

        asked.append(host)
        await asyncio.Event().wait()

    monkeypatch.setattr(addresses, "addresses", look_up)
    monkeypatch.setattr(addresses, "_PATIENCE", 0.01)
    found = book(SETTINGS)
    await found.learn(["front"])
    before = len(asked)
    await found.learn(["front"])
    assert len(asked) == before
    assert "front" in asked


def test_loopback_is_no_address_of_this_machine_alone() -> None:
    assert not is_own("127.0.0.1")
    assert not is_own("192.0.2.55")
