"""Every form of an address is compared by one rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bdr_console.cluster.addresses import (
    address_places,
    canonical_endpoint,
    canonical_host,
    describe,
    machine_of,
    meet,
    places,
    split,
)

NAMES = {
    "": ("10.0.0.10", "fd00::10"),
    "front.example": ("10.0.0.10",),
    "db1": ("10.0.0.1", "fd00::1"),
    "odd": ("127.0.1.1",),
}


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("10.0.0.1:5432", "10.0.0.1", "5432"),
        ("[fd00::1]:5432", "fd00::1", "5432"),
        ("[fd00::1]", "fd00::1", "5432"),
        ("::1:5432", "::1", "5432"),
        ("fd00::1", "fd00::1", "5432"),
        ("10.0.0.1", "10.0.0.1", "5432"),
        ("*:5433", "*", "5433"),
        (":5433", "*", "5433"),
        ("ipv6@:5433", "*", "5433"),
        ("/run/pg:6000", "/run/pg", "6000"),
        ("unix@/run/pg/.s.PGSQL.6000", "/run/pg", "6000"),
        ("db1", "db1", "5432"),
    ],
)
def test_an_address_is_taken_apart_as_it_is_written(text: str, host: str, port: str) -> None:
    assert split(text) == (host, port)


HAPROXY = "127.0.0.1:5433"


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [
        (HAPROXY, "127.0.0.1", 5433),
        (HAPROXY, "127.0.0.1,127.0.0.2", 5433),
        (HAPROXY, "10.9.9.9, localhost", 5433),
        (HAPROXY, "LOCALHOST", "5433"),
        (HAPROXY, "::1", 5433),
        (HAPROXY, "[::1]", 5433),
        (HAPROXY, "::ffff:127.0.0.1", 5433),
        (HAPROXY, "10.0.0.10", 5433),
        (HAPROXY, "front.example", 5433),
        (HAPROXY, "odd", 5433),
        ("[::1]:5433", "::1", 5433),
        ("[fd00:0:0::1]:5433", "fd00::1", 5433),
        ("db1:5433", "10.0.0.1", 5433),
        ("10.0.0.1:5433", "db1", 5433),
        ("10.0.0.1:5432", "db1", None),
        ("*:5433", "10.0.0.77", 5433),
        ("0.0.0.0:5433", "::1", 5433),
        ("[::]:5433", "unresolved", 5433),
        ("unresolved:5433", "Unresolved", 5433),
        ("/tmp/bh:5433", "/tmp/bh/", 5433),
        ("unix@/tmp/bh/.s.PGSQL.5433", "/tmp/bh", 5433),
        ("/tmp/bh:5433", None, 5433),
    ],
)
def test_a_pool_leads_to_haproxy_however_its_host_is_written(
    listen: str, host: str | None, port: str | int | None
) -> None:
    assert meet(address_places(listen, "", NAMES), places(host, port, "", NAMES))
    assert meet(places(host, port, "", NAMES), address_places(listen, "", NAMES))


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [
        (HAPROXY, "127.0.0.1", 5434),
        (HAPROXY, "10.0.0.11", 5433),
        (HAPROXY, "/tmp/bh", 5433),
        (HAPROXY, "unresolved", 5433),
        ("*:5433", "127.0.0.1", 5432),
        ("*:5433", "/tmp/bh", 5433),
        ("/tmp/bh:5433", "/tmp/other", 5433),
        ("/tmp/bh:5433", None, 5434),
        ("10.0.0.1:5433", "10.0.0.2", 5433),
    ],
)
def test_a_pool_that_leads_elsewhere_is_not_taken_to_lead_here(
    listen: str, host: str | None, port: int
) -> None:
    assert not meet(address_places(listen, "", NAMES), places(host, port, "", NAMES))


def test_the_loopback_and_the_sockets_of_another_machine_are_its_own() -> None:
    here, there = places("localhost", 5432), places("127.0.0.1", 5432, "bastion")
    assert not meet(here, there)
    assert meet(there, places("::1", 5432, "bastion"))
    assert not meet(places("/run/pg", 5432), places("/run/pg", 5432, "bastion"))
    assert not meet(places(None, 5432), places("/run/pg", 5432, "bastion"))
    names = {"": ("10.0.0.10",), "bastion": ("10.0.0.20",)}
    assert meet(places("127.0.0.1", 5432, "bastion", names), places("10.0.0.20", 5432, "", names))
    assert meet(places("127.0.0.1", 5432, "10.0.0.10", names), places("::1", 5432, "", names)), (
        "our own address"
    )


@pytest.mark.parametrize(
    ("host", "via", "machine"),
    [
        ("127.0.0.1", None, ""),
        ("/run/pg", None, ""),
        ("", "bastion", "bastion"),
        ("localhost", "bastion", "bastion"),
        ("10.0.0.1", "bastion", "10.0.0.1"),
        ("DB1", None, "db1"),
    ],
)
def test_a_target_runs_on_the_machine_that_its_address_names(
    host: str, via: str | None, machine: str
) -> None:
    assert machine_of(host, via) == machine


def test_both_ends_of_a_connection_are_written_one_way() -> None:
    assert canonical_endpoint("::ffff:10.0.0.1", 40000) == canonical_endpoint("10.0.0.1", "40000")
    assert canonical_endpoint("FD00:0::1", 1) == "fd00::1:1"
    assert canonical_host("fe80::1%eth0") == "fe80::1"


def test_a_place_is_named_for_people() -> None:
    (loopback,) = places("localhost", 5432)
    (path,) = places("/run/pg", 5432, "db1")
    assert [describe(loopback), describe(path)] == ["loopback:5432", "/run/pg:5432 on db1"]


@given(st.text(max_size=40), st.text(max_size=10))
def test_no_text_breaks_the_comparison(address: str, host: str) -> None:
    one = address_places(address, host, NAMES)
    assert meet(one, one)
    assert all(map(describe, one))
    canonical_endpoint(*split(address))
