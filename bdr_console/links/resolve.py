"""Host names -> addresses, without a thread that anybody has to wait for.

asyncio asks its shared pool of a few threads; a resolver that hangs would fill the pool, starve the
other targets and hold up the program's end. Here each name has one daemon thread at most.
"""

import asyncio
import ipaddress
import socket
import threading
from concurrent.futures import Future

_pending: dict[str, Future[tuple[str, ...]]] = {}
_lock = threading.Lock()


async def addresses(host: str) -> tuple[str, ...]:
    """The IP addresses of a host, in the resolver's order; an address or a socket's path is its own.

    Raises OSError when the name does not resolve. Cancelling the caller leaves the thread to end by itself.
    """
    if not host or host.startswith(("/", "@")) or _is_address(host):
        return (host,)
    with _lock:
        asked = _pending.get(host)
        if asked is None:
            asked = _pending[host] = Future()
            asked.set_running_or_notify_cancel()  # now a caller that gives up cancels nobody else's wait
            threading.Thread(target=_look_up, args=(host, asked), name=f"resolve {host}", daemon=True).start()
    return await asyncio.wrap_future(asked)


def _look_up(host: str, answer: Future[tuple[str, ...]]) -> None:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        failure = OSError(f"the name {host!r} does not resolve: {reason or error}")
        with _lock:
            _pending.pop(host, None)
        answer.set_exception(failure)
        return
    with _lock:
        _pending.pop(host, None)
    answer.set_result(tuple(dict.fromkeys(str(entry[4][0]) for entry in found)))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
