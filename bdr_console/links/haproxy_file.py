"""HAProxy's configuration file, read where its runtime socket is: on this machine, or on the SSH host."""

import asyncio
import os
import shlex
import time
from dataclasses import dataclass
from pathlib import Path

from bdr_console.cluster.addresses import is_loopback_host, split
from bdr_console.cluster.proxies import ProxyFile
from bdr_console.cluster.text import clean, format_seconds
from bdr_console.links.errors import NotReached
from bdr_console.links.haproxy_config import parse_haproxy_config
from bdr_console.links.ssh_route import SshRoute

_LARGEST = 4 * 1024**2
"""Bytes; of a larger file nothing is told."""
_READ = f"""
f={{path}}
if [ ! -e "$f" ]; then echo "no such file or directory"
elif [ -d "$f" ]; then echo "is a directory"
elif [ ! -r "$f" ]; then echo "permission denied"
else echo "$(date +%s) $(stat -c %Y -- "$f")"; exec head -c {_LARGEST + 1} -- "$f"
fi
"""


@dataclass(frozen=True, slots=True)
class _Content:
    text: str
    age: float | None
    """Seconds since it was changed; None where that host does not say."""


async def read_config_file(
    path: str, socket: str, through: SshRoute | None, uptime: int, deadline: float
) -> ProxyFile:
    """What the configuration file at `path` says, for a HAProxy that is up for `uptime` seconds.

    A file that was changed after HAProxy had started is not what it runs with. Never raises: `problem` of
    the result says why nothing can be told.
    """
    shown = through.shown(path) if through else path
    host = "" if socket.startswith("/") else split(socket)[0]
    if host and host != "localhost" and not is_loopback_host(host):
        here = "the SSH host" if through else "this machine"
        why = f"the socket is on {host}, and the file would be read on {here}"
        return ProxyFile(shown, problem=f"{shown}: {why}")
    try:
        async with asyncio.timeout(deadline):
            content = await (_remote(path, through, deadline) if through else asyncio.to_thread(_read, path))
    except NotReached as error:
        return ProxyFile(shown, problem=f"{shown}: {error.reason}")
    except TimeoutError:
        return ProxyFile(shown, problem=f"{shown}: not read within {deadline:.1f} s")
    except (OSError, ValueError) as error:
        reason = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
        return ProxyFile(shown, problem=f"{shown}: {clean(reason, 200)}")
    if content.age is not None and content.age < uptime:
        changed = f"{shown} was changed {format_seconds(content.age)} ago"
        return ProxyFile(
            shown, problem=f"{changed}, after HAProxy had started ({format_seconds(float(uptime))} ago)"
        )
    return await asyncio.to_thread(parse_haproxy_config, content.text, shown)


def _read(path: str) -> _Content:
    with Path(path).open("rb") as file:
        age = max(time.time() - os.fstat(file.fileno()).st_mtime, 0.0)
        return _content(file.read(_LARGEST + 1), age)


async def _remote(path: str, through: SshRoute, deadline: float) -> _Content:
    reader, writer = await through.command(_READ.format(path=shlex.quote(path)), deadline)
    try:
        first = (await reader.readline()).decode("utf-8", "backslashreplace").split()
        times = [int(word) for word in first if word.isdecimal()]
        if not times or len(times) != len(first):
            raise ValueError(" ".join(first) or "that host runs no commands for this user")
        return _content(await reader.read(-1), float(max(times[0] - times[1], 0)) if times[1:] else None)
    finally:
        writer.transport.abort()


def _content(data: bytes, age: float | None) -> _Content:
    if len(data) > _LARGEST:
        raise ValueError(f"larger than {_LARGEST // 1024**2} MiB")
    return _Content(data.decode("utf-8", "backslashreplace"), age)
