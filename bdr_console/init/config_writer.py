"""The configuration as commented YAML, and its way to the disk."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from bdr_console.config import Settings
from bdr_console.errors import ConsoleError
from bdr_console.init.nodes import FoundNode
from bdr_console.paths import private_dir


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything that is to be written."""

    cluster: str
    environment: str
    via: str | None
    nodes: tuple[FoundNode, ...]
    servers: Mapping[str, str]
    """Node -> HAProxy's name for it, where that must be said."""
    proxies: Mapping[str, str]
    """Name -> socket."""
    poolers: Mapping[str, str]
    """Name -> DSN."""

    def text(self) -> str:
        """The file."""
        return "\n".join(_lines(self)) + "\n"

    def settings(self) -> Settings:
        """The same as settings; raises ValueError when they do not hold."""
        return Settings.model_validate(yaml.safe_load(self.text()))


def _lines(draft: Draft) -> Iterator[str]:
    yield "# bdr-console configuration, written by `bdr-console init`."
    yield "# Every key and its default: bdr-console config example."
    yield "# No password belongs in this file: put passwords in ~/.pgpass (mode 0600), or name a file with"
    yield "# password_file beside a dsn. After a change: bdr-console config check --connect"
    yield ""
    yield "clusters:"
    yield f"  {_scalar(draft.cluster)}:"
    environment = draft.environment or "lab"
    mark = "" if draft.environment else "# "
    yield f"    {mark}environment: {_scalar(environment)}    # shown in the header; prod is made unmistakable"
    if draft.via:
        yield f"    via: {_scalar(draft.via)}    # the SSH host through which everything below is reached"
    yield ""
    yield "    nodes:    # PostgreSQL, by the engine's names"
    for node in draft.nodes:
        yield f"      {_scalar(node.name)}:"
        if node.facts is None:
            yield f"        # not reached when this was written: {node.trouble}"
        else:
            yield f"        # {node.facts.engine}, PostgreSQL {node.facts.server_version}"
        yield f"        dsn: {_scalar(node.dsn)}"
        if node.name in draft.servers:
            yield f"        server: {_scalar(draft.servers[node.name])}    # HAProxy's name for it"
    yield ""
    if draft.proxies:
        yield "    proxies:    # every HAProxy that sends traffic to these nodes"
        for name, socket in draft.proxies.items():
            yield f"      {_scalar(name)}:"
            yield f"        socket: {_scalar(socket)}    # level admin for switchovers, level user to watch"
    else:
        yield "    # proxies:"
        yield "    #   haproxy1:"
        yield "    #     socket: /run/haproxy/admin.sock    # or HOST:PORT; a switchover needs level admin"
    yield ""
    if draft.poolers:
        yield "    poolers:    # every PgBouncer in front of those proxies, by its admin console"
        for name, dsn in draft.poolers.items():
            yield f"      {_scalar(name)}:"
            yield f"        dsn: {_scalar(dsn)}"
    else:
        yield "    # poolers:"
        yield "    #   pgbouncer1:"
        yield "    #     dsn: host=/run/postgresql port=6432 user=pgbouncer   # of admin_users, stats_users"


def _scalar(text: str) -> str:
    """One line of YAML that is read as exactly this text."""
    told: str = yaml.safe_dump(text, width=100_000, allow_unicode=True, default_flow_style=True)
    return told.removesuffix("\n").removesuffix("\n...")


def write(path: Path, text: str, *, force: bool) -> None:
    """Write the whole file at once, for its owner's eyes; raises ConsoleError.

    A file that is there already is replaced with `force` only.
    """
    try:
        if not path.parent.exists():
            private_dir(path.parent)
        handle, name = tempfile.mkstemp(prefix=".bdr-console-", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if force:
                Path(name).replace(path)
            else:
                os.link(name, path)  # unlike a rename it fails where something is there
        finally:
            Path(name).unlink(missing_ok=True)
    except FileExistsError:
        raise exists(path) from None
    except OSError as error:
        raise ConsoleError(
            f"{path} cannot be written: {error.strerror}", "Name another file with --output."
        ) from None


def exists(path: Path) -> ConsoleError:
    """What is said of a file that is not to be replaced."""
    return ConsoleError(
        f"{path} is there already, and is not replaced", "Name another file with --output, or say --force."
    )
