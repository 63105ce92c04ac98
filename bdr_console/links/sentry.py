"""A watchdog beside a PgBouncer that is reached through SSH: a small shell script on the SSH host.

Were it only here, a broken link in the middle of a PAUSE would keep clients waiting: nobody on this side
could send RESUME any more. The script needs `psql` there and nothing else. It reads from its input what it
would have to send, and when: it sends it when that time is up, or at once when its input ends.
"""

import asyncio
import contextlib
import re
import shlex
from collections.abc import Sequence

from bdr_console.cluster.text import clean
from bdr_console.links import conninfo
from bdr_console.links.errors import NotReached
from bdr_console.links.passwords import password_for
from bdr_console.links.pgbouncer_names import NAME
from bdr_console.links.secret import reveal
from bdr_console.links.ssh_route import SshRoute

_MAY = re.compile(rf"RESUME {NAME}|SET [a-z_]+ = '[A-Za-z0-9_.]*'")
"""What undoes a pause: clients go on, and pools have their size again."""
_READY = "ready"
_END_WITHIN = 2.0

# Input: the password; then `in SECONDS COMMAND;COMMAND`, `idle` or `done`, a line each. A password in the
# environment of psql is seen by its own user alone; as an argument everybody would see it. A pause goes by
# the second, so that none outlives the timer that is killed.
_SCRIPT = """
trap '' HUP PIPE
IFS= read -r password || exit 1
command -v psql >/dev/null 2>&1 || {{ echo "there is no psql"; exit 1; }}
echo {ready}
todo= timer=
send() {{
  tries=0
  while [ $tries -lt 60 ]; do
    said=$(PGPASSWORD=$password psql -X -w -q {options} -c "$1" 2>&1 </dev/null) && return
    case $said in *"is not paused"*|*"no such database"*) return;; esac
    tries=$((tries + 1))
    sleep 1
  done
}}
pause() {{
  left=$1
  while [ $left -gt 0 ]; do
    sleep 1
    left=$((left - 1))
  done
}}
act() {{
  set -f
  IFS=';'
  for command in $todo; do send "$command"; done
  unset IFS
  set +f
}}
while read -r word seconds rest; do
  [ -n "$timer" ] && kill "$timer" 2>/dev/null
  timer= todo=
  case $word in
    in) todo=$rest; (pause "$seconds"; act) >/dev/null 2>&1 & timer=$! ;;
    done) exit 0 ;;
  esac
done
[ -n "$timer" ] && kill "$timer" 2>/dev/null
act >/dev/null 2>&1
"""


_LOOK = "command -v psql >/dev/null 2>&1 && echo ready || echo 'there is no psql'"


async def why_none(through: SshRoute, deadline: float) -> str:
    """Why no sentry can be posted on the host; empty when one can."""
    try:
        reader, writer = await through.command(_LOOK, deadline)
        try:
            async with asyncio.timeout(deadline):
                said = (await reader.read(200)).decode("utf-8", "backslashreplace").strip()
        finally:
            writer.transport.abort()
    except NotReached as error:
        return error.reason
    except (TimeoutError, OSError):
        return "no answer in time"
    return "" if said == _READY else clean(said, 200) or "it runs no commands for this user"


class Sentry:
    """The script's other end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def post(cls, through: SshRoute, words: conninfo.Words, deadline: float) -> "Sentry":
        """Start the script on the host; raises NotReached when it cannot run there."""
        host, port = conninfo.endpoints(words)[0]
        options = f"-h {shlex.quote(host)} -p {shlex.quote(port)} -d {shlex.quote(words['dbname'])}"
        if user := words.get("user"):
            options += f" -U {shlex.quote(user)}"
        reader, writer = await through.command(_SCRIPT.format(options=options, ready=_READY), deadline)
        try:
            async with asyncio.timeout(deadline):
                secret = words.get("password") or password_for(words, host, port) or ""
                writer.write(f"{reveal(secret)}\n".encode("utf-8", "surrogateescape"))
                said = (await reader.readline()).decode("utf-8", "backslashreplace").strip()
        except (TimeoutError, OSError):
            said = "no answer in time"
        if said != _READY:
            writer.transport.abort()
            raise NotReached(clean(said, 200) or "it ended at once")
        return cls(reader, writer)

    def tell(self, commands: Sequence[str], seconds: float) -> None:
        """From now on it would send these in `seconds`, or when it loses us, each RESUME before each SET;
        none: nothing at all. Anything else is left out.

        Waits for nobody: what cannot be told it finds out by itself."""
        todo = sorted(filter(_MAY.fullmatch, commands), key=lambda command: command.startswith("SET "))
        self._say(f"in {max(1, round(seconds))} {';'.join(todo)}" if todo else "idle")

    async def stand_down(self) -> None:
        """It ends without sending anything; waits until it has, for a short while."""
        self._say("done")
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(_END_WITHIN):
                await self._reader.read()
        self.leave()

    def leave(self) -> None:
        """Let go of it: it sends at once what it was told last."""
        self._writer.transport.abort()

    def _say(self, line: str) -> None:
        with contextlib.suppress(OSError, RuntimeError):  # gone: it acts by itself
            self._writer.write(f"{line}\n".encode())
