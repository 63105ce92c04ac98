"""What a libpq connection string says of the place it leads to. No secret leaves here."""

import configparser
import math
import os
from pathlib import Path

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from bdr_console.errors import ConsoleError
from bdr_console.links.resolve import addresses
from bdr_console.links.secret import Secret, reveal

Words = dict[str, str]
"""A connection string's keywords and their values; those that are secrets are `Secret`s."""
_SECRETS = ("password", "sslpassword", "oauth_client_secret")


def parse(name: str, dsn: str) -> Words:
    """The DSN's keywords, those of its service included; raises ConsoleError that never repeats the DSN."""
    try:
        words = {key: str(value) for key, value in conninfo_to_dict(dsn).items() if value is not None}
        return _hidden({**_service(words.get("service", "")), **words})
    except ProgrammingError as error:
        # libpq quotes the piece it did not understand, and that piece may be a password.
        what = str(error).split('"')[0].strip() or "not understood"
        raise ConsoleError(
            f"{name}: the DSN is not a libpq connection string ({what} ...)",
            "Write keywords (`host=10.0.0.1 port=5432 dbname=app user=monitor`) or a URI (postgresql://...).",
        ) from None


def _hidden(words: Words) -> Words:
    return {key: Secret(value) if key in _SECRETS else value for key, value in words.items()}


def revealed(words: Words) -> Words:
    """The keywords as libpq needs them, secrets in the open: for the call that connects, and no variable."""
    return {key: reveal(value) for key, value in words.items()}


def _service(name: str) -> Words:
    """What pg_service.conf says of a service; nothing when there is none, and libpq then says so itself.

    Read here, because libpq would look up the host's name while everything else waits.
    """
    folders = [os.environ.get("PGSYSCONFDIR", ""), "/etc/postgresql-common", "/etc"]
    own = os.environ.get("PGSERVICEFILE") or Path.home() / ".pg_service.conf"
    for path in [Path(own), *(Path(folder) / "pg_service.conf" for folder in folders if folder)]:
        services = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
        try:
            services.read(path, encoding="utf-8")
        except (OSError, UnicodeDecodeError, configparser.Error):
            continue
        if name and services.has_section(name):
            return dict(services.items(name))
    return {}


async def resolved(words: Words) -> Words:
    """The same keywords with the addresses of the hosts' names; raises OSError for a name without any."""
    if words.get("hostaddr") or ("service" in words and "host" not in words):
        return words
    found = [(host, port, place) for host, port in endpoints(words) for place in await addresses(host)]
    known = {
        **words,
        "host": ",".join(host for host, _, _ in found),
        "port": ",".join(port for _, port, _ in found),
    }
    if all(host == place for host, _, place in found):
        return known
    places = ("" if place.startswith(("/", "@")) else place for _, _, place in found)
    return {**known, "hostaddr": ",".join(places)}


def endpoints(words: Words) -> tuple[tuple[str, str], ...]:
    """(host, port) for every host that the keywords name; a directory stands for a UNIX socket."""
    default_host = os.environ.get("PGHOST", "") or os.environ.get("PGHOSTADDR", "")
    hosts = (words.get("host") or words.get("hostaddr") or default_host or "/var/run/postgresql").split(",")
    ports = (words.get("port") or os.environ.get("PGPORT") or "5432").split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    return tuple(zip(hosts, ports, strict=False))


def address(words: Words) -> str:
    """Where the keywords lead, for people: `10.0.0.1:5432`, a socket's path, or `service=app1`."""
    if "service" in words and "host" not in words and "hostaddr" not in words:
        return f"service={words['service']}"
    return ",".join(_place(host, port) for host, port in endpoints(words))


def _place(host: str, port: str) -> str:
    if host.startswith(("/", "@")):
        return f"{host}/.s.PGSQL.{port}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def limits(deadline: float) -> Words:
    """Keywords that make libpq and the kernel give up on a peer that says nothing, and UTF-8 the encoding."""
    return {
        "client_encoding": "UTF8",
        "connect_timeout": str(max(2, math.ceil(deadline))),
        "tcp_user_timeout": str(math.ceil(deadline * 1000)),
        "keepalives_idle": "5",
        "keepalives_interval": "2",
        "keepalives_count": "3",
    }
