"""A name never becomes a command: what goes to HAProxy and PgBouncer is one known command, or nothing."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bdr_console.config import ClusterSettings
from bdr_console.errors import ConsoleError
from bdr_console.links.haproxy import HaproxyAdmin, HaproxyReader
from bdr_console.links.pgbouncer import PgBouncerAdmin
from bdr_console.runbooks.operator_lock import shown_name

NASTY = st.text(alphabet=st.sampled_from(list("ab1._-:;\n\r '\"/\\\t\u00b2\u0663\u4e2d<")), max_size=12)
PLAIN = re.compile(r"[A-Za-z0-9_.:-]+")
FEW = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


class Sent(Exception):  # noqa: N818 - says that a command would have gone out
    """A command went out."""


class DeafHaproxy(HaproxyAdmin):
    """Stands for a HAProxy: says what would have been sent."""

    async def _exchange(self, line: str) -> str:
        raise Sent(line)


class DeafPgBouncer(PgBouncerAdmin):
    """Stands for a PgBouncer: says that something would have been sent."""

    async def _open(self):  # type: ignore[no-untyped-def]
        raise Sent


@FEW
@given(backend=NASTY, server=NASTY)
async def test_haproxy_is_sent_one_command_on_plain_names_or_nothing(backend: str, server: str) -> None:
    admin = DeafHaproxy("ha", "/nowhere")
    for command in (f"disable server {backend}/{server}", f"set server {backend}/{server} state maint"):
        with pytest.raises((Sent, ConsoleError)) as caught:
            await admin.act(command)
        if caught.type is Sent:
            assert PLAIN.fullmatch(backend)
            assert PLAIN.fullmatch(server)
    with pytest.raises((Sent, ConsoleError)) as caught:
        await admin.show(f"show table {backend}")
    if caught.type is Sent:
        assert PLAIN.fullmatch(backend)


@FEW
@given(name=NASTY, quoted=st.booleans())
async def test_pgbouncer_is_sent_one_command_on_one_name_or_nothing(name: str, quoted: bool) -> None:
    admin = DeafPgBouncer("pgb", "host=127.0.0.1")
    with pytest.raises((Sent, ConsoleError)) as caught:
        await admin.act(f'PAUSE "{name}"' if quoted else f"PAUSE {name}")
    if caught.type is not Sent:
        return
    if not quoted and len(name) > 2 and name[0] == name[-1] == '"':
        name, quoted = name[1:-1], True  # the name brought its own quotes
    if quoted:  # any name, as long as nothing ends the quotes or the command, and its line cannot be mistaken
        assert '"' not in name.replace('""', "")
        assert not set(name) & set("\n\r\t;\\")
    else:
        assert PLAIN.fullmatch(name)


@FEW
@given(name=NASTY)
def test_a_configured_name_is_plain_or_refused(name: str) -> None:
    told = {"nodes": {name: {"dsn": "host=127.0.0.1"}}}
    try:
        ClusterSettings.model_validate(told)
    except ValueError:
        return
    assert PLAIN.fullmatch(name)


@FEW
@given(doing=NASTY, who=st.text(max_size=80), step=NASTY)
def test_what_the_lock_shows_of_us_cannot_end_its_quotes(doing: str, who: str, step: str) -> None:
    shown = shown_name(doing, who, step)
    assert re.fullmatch(r"[ -&(-\[\]-~]{0,63}", shown), shown


@pytest.mark.parametrize(
    "command",
    [
        "show env",
        "show errors",
        "show map",
        "show ssl cert",
        "show table a b",
        "show table a\n",
        "show info ",
    ],
)
async def test_nothing_else_is_shown_of_haproxy(command: str) -> None:
    with pytest.raises(ConsoleError, match="not among the commands"):
        await HaproxyReader("ha", "/nowhere").show(command)
