"""A PgBouncer that was paused through SSH is resumed on the far side, whatever becomes of the link."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from bdr_console.links.errors import LinkError
from bdr_console.links.factory import Links
from bdr_console.links.pgbouncer import PgBouncerAdmin, PgBouncerReader
from bdr_console.links.sentry import Sentry
from tests.links.servers import PASSWORD, PgBouncer, Postgres, directory
from tests.links.ssh.conftest import behind
from tests.links.ssh.sshd import Sshd
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(60)


class Paused:
    """A PgBouncer whose database is paused, and the watchdog beside it."""

    def __init__(self, sentry: Sentry, direct: PgBouncerReader) -> None:
        self.sentry = sentry
        self._direct = direct

    async def lasts(self) -> bool:
        rows = await self._direct.show("DATABASES")
        return next(row["paused"] for row in rows if row["name"] == "my-app") == "1"

    async def setting(self, key: str) -> str:
        return next(row["value"] for row in await self._direct.show("CONFIG") if row["key"] == key)

    async def is_over(self) -> None:
        async def over() -> bool:
            return not await self.lasts()

        await eventually(over, "clients go on", seconds=30)


@pytest.fixture
async def paused(bastion: Sshd, postgres: Postgres) -> AsyncIterator[Paused]:
    """Paused through the bastion, with a watchdog that would resume in a minute."""
    with directory() as path:
        server = PgBouncer(path, f"my-app = host=127.0.0.1 port={postgres.port} dbname=postgres").start()
        dsn = f"host=127.0.0.1 port={server.port} user=operator"
        links = Links(behind(bastion, poolers={"pgb": {"dsn": dsn}}), deadline=8)
        console = links.poolers(PgBouncerAdmin)["pgb"]
        direct = PgBouncerReader("pgb", server.dsn(), deadline=8)
        sentry = await console.post_sentry()
        assert sentry is not None
        try:
            sentry.tell(["SET server_login_retry = '7'", 'RESUME "my-app"', 'PAUSE "my-app"'], 60)
            await console.act('PAUSE "my-app"')
            made = Paused(sentry, direct)
            assert await made.lasts()
            assert PASSWORD not in _command_lines()
            yield made
        finally:
            sentry.leave()
            await console.close()
            await direct.close()
            await links.close()
            server.stop()


def _command_lines() -> str:
    return "\n".join(
        path.read_bytes().decode(errors="replace")
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if _readable(path)
    )


def _readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def _shells(bastion: Sshd) -> set[int]:
    """What runs the script there: the shell itself, and the one that waits for the time to be up."""
    found = set()
    for pid in bastion.family():
        with suppress(psutil.Error):
            if psutil.Process(pid).name() in ("sh", "dash", "bash"):
                found.add(pid)
    return found


async def test_a_broken_link_resumes_at_once_and_puts_settings_back(paused: Paused, bastion: Sshd) -> None:
    bastion.kill()
    await paused.is_over()

    async def put_back() -> bool:
        return await paused.setting("server_login_retry") == "7"

    await eventually(put_back, "the setting is back")


async def test_a_link_that_hangs_resumes_when_the_time_is_up(paused: Paused, bastion: Sshd) -> None:
    before = _shells(bastion)
    paused.sentry.tell(['RESUME "my-app"'], 1)
    await eventually(lambda: _shells(bastion) - before, "it was told: it has another timer")
    bastion.freeze(bastion.serving())
    try:
        await paused.is_over()
    finally:
        bastion.thaw()


async def test_one_that_was_told_that_all_is_well_does_nothing(paused: Paused, bastion: Sshd) -> None:
    await paused.sentry.stand_down()
    await eventually(lambda: not _shells(bastion), "nothing runs there any more")
    bastion.kill()
    assert await paused.lasts()


async def test_without_psql_there_the_reason_is_said(
    make_sshd: Callable[..., Sshd], pgbouncer: PgBouncer, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").symlink_to("/bin/sh")
    server = make_sshd(f"SetEnv PATH={tmp_path / 'bin'}")
    dsn = f"host=127.0.0.1 port={pgbouncer.port} user=operator"
    links = Links(behind(server, poolers={"pgb": {"dsn": dsn}}), deadline=8)
    try:
        with pytest.raises(LinkError, match="there is no psql"):
            await links.poolers(PgBouncerAdmin)["pgb"].post_sentry()
    finally:
        await links.close()
