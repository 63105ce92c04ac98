"""Every parser of what others write, as a function of bytes: it answers, or it says that it cannot."""

import itertools
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any
from unittest import mock

from bdr_console.cluster.snapshot import from_json, to_json
from bdr_console.cluster.text import clean
from bdr_console.cluster.verdict.alarm import Ack
from bdr_console.cluster.verdict.changes import Event
from bdr_console.cluster.verdict.findings import Level, Thresholds
from bdr_console.config import load
from bdr_console.errors import ConsoleError
from bdr_console.event_store.acks import acks_of, text_of
from bdr_console.event_store.record import Record, line_of, record_of
from bdr_console.links import conninfo, haproxy_text
from bdr_console.links.haproxy_facts import backends_of, proxy_facts
from bdr_console.links.pgbouncer_rows import Row, connections, pooler_facts
from bdr_console.recording.frames import TEXT_LIMIT, Mark, packed, unpacked
from bdr_console.recording.reader import Recording
from bdr_console.recording.records import Header
from bdr_console.recording.start import header_frame
from bdr_console.runbooks.execute import resume
from bdr_console.runbooks.journal.events import event_of
from bdr_console.runbooks.journal.journal_file import JOURNAL, JournalFollower, read_events
from bdr_console.runbooks.journal.report import as_data, markdown, report
from bdr_console.runbooks.journal.run_text import ending, news
from bdr_console.runbooks.model import plan_id
from bdr_console.runbooks.operator_lock import lock_holder_name
from bdr_console.ui.replay.source import RecordedRuns, RecordedTimeline
from bdr_console.ui.text.run import message_text, offers_text, run_title, step_text
from bdr_console.ui.theming.styles import DEFAULTS, UNICODE, Styles
from tests.cluster.builders import NOW
from tests.recording.made import frames
from tests.runbooks.test_run_from_journal import beginning, event
from tests.ui.scenes import silent, snapshot

ROOT = Path(__file__).parent.parent.parent
CAPTURES = ROOT / "tests/captures"
_HAPROXY = CAPTURES / "haproxy-2.8.0/one-session"
_UNSEEN = range(0x80, 0xA0)
_BIDI = frozenset(
    "\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)


@dataclass(frozen=True)
class Target:
    """One parser and texts that it understands, to begin from."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def unsafe(text: str) -> str:
    """The characters of `text` that must not reach a terminal."""
    return "".join(c for c in text if ord(c) < 32 or ord(c) == 127 or ord(c) in _UNSEEN or c in _BIDI)


def texts(value: Any) -> Iterator[str]:
    """Every text in a value of ours."""
    if isinstance(value, str) and not isinstance(value, Enum):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(key)
            yield from texts(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from texts(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from texts(getattr(value, field.name))


def _all_safe(value: Any) -> None:
    for text in texts(value):
        assert not unsafe(text), text
        assert len(text) < 50_000, len(text)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")  # as the links decode


def _haproxy(name: str) -> bytes:
    return (_HAPROXY / name).read_bytes()


def _info(data: bytes) -> None:
    try:
        _all_safe(haproxy_text.parse_info(_text(data)))
    except haproxy_text.NotHaproxyError as error:
        _all_safe(str(error))


def _stat(data: bytes) -> None:
    info, state = _haproxy("show-info.txt").decode(), _haproxy("show-servers-state.txt").decode()
    try:
        rows = haproxy_text.parse_stat(_text(data))
        found = backends_of(rows, state, lambda *_: "node1")
        for name in found:
            assert name.isascii()
            assert not set(name) & set(" ;\n'\"")
        tables = {name: _haproxy("show-table-bk_db.txt").decode() for name in found}
        _all_safe(proxy_facts(info, rows, state, tables, found, lambda *_: "node1"))
    except haproxy_text.NotHaproxyError as error:
        _all_safe(str(error))


def _state(data: bytes) -> None:
    bits = haproxy_text.parse_servers_state(_text(data))
    _all_safe([(*key, value.address or "") for key, value in (bits or {}).items()])


def _table(data: bytes) -> None:
    _all_safe(haproxy_text.parse_table(_text(data), {"1": "a"}))


def _sessions(data: bytes) -> None:
    _all_safe(haproxy_text.parse_sessions(_text(data)))


def _pooler_rows(data: bytes) -> None:
    """The links give rows of texts; a list of lists of pairs is read as such rows."""
    try:
        told = json.loads(data)
        rows: list[Row] = [
            {str(key): _text(str(item).encode("utf-8", "replace")) for key, item in row.items()}
            for row in told
        ]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return
    _all_safe(pooler_facts("1.21.0", True, rows, rows, rows))
    _all_safe(connections(rows))


_STYLES = Styles(DEFAULTS, ansi=False)


def _journal(data: bytes) -> None:
    """As a follower, a report, a second runner and the screen read it."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        (Path(name) / JOURNAL).write_bytes(data)
        view = JournalFollower(Path(name)).poll()
        events = read_events(Path(name))
    made = report(events, view)
    resume.past(events)
    if view is None or made is None:
        return
    _all_safe(view)
    as_data(made)
    _all_safe([news(None, view), ending(view), markdown(made).split("\n")])
    for width in (60, 140):
        shown = [step_text(i, s, view, NOW, _STYLES, UNICODE, width) for i, s in enumerate(view.steps, 1)]
        shown += [run_title(view, _STYLES, UNICODE, NOW), message_text(view, _STYLES)]
        shown += [offers_text(view, _STYLES, read_only=False)]
        for text in shown:
            assert not unsafe(text.plain.replace("\n", ""))


def _event(data: bytes) -> None:
    found = event_of(data)
    if found is not None:
        _all_safe({key: value for key, value in found.items() if key not in ("plan", "answer")})


def _event_log(data: bytes) -> None:
    for line in data.split(b"\n"):
        if (found := record_of(line)) is not None:
            _all_safe(found)
            again = record_of(line_of(found))
            assert again is not None
            assert abs((again.event.at - found.event.at).total_seconds()) < 1


def _acks(data: bytes) -> None:
    if (found := acks_of(data)) is not None:
        _all_safe([(*key, ack.who, ack.reason) for key, ack in found.items()])
        assert acks_of(text_of(found)) is not None


def _snapshot(data: bytes) -> None:
    try:
        found = from_json(data)
    except ValueError:
        return
    to_json(found)


def _config(data: bytes) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        path = Path(name) / "config.yaml"
        path.write_bytes(data)
        try:
            settings = load(path)
        except ConsoleError as error:
            said = str(error)
        else:
            said = ""
    assert len(said) < 100_000, len(said)
    if said:
        return
    for cluster in settings.clusters.values():
        for key in (*cluster.nodes, *cluster.proxies, *cluster.poolers):
            assert key.isascii()
            assert not set(key) & set(" ;\n'\"")


def _conninfo(data: bytes) -> None:
    said = ""
    try:
        words = conninfo.parse("node1", _text(data))
        conninfo.endpoints(words)
        conninfo.address(words)
    except ConsoleError as error:
        said = str(error)
    assert "hunter2" not in said


def _plan(data: bytes) -> None:
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm") as name,
        mock.patch.dict("os.environ", BDR_CONSOLE_STATE=name),
    ):
        kept = plan_id.keep("lab", "node1", {"a": "b"}, NOW)
        path = Path(name) / "plans" / f"{kept.id}.json"
        path.write_bytes(data)
        for given in (kept.id, _text(data)[:40]):
            try:
                plan_id.recall(given, "node1", "lab", NOW)
            except ConsoleError:
                continue
        plan_id.keep("lab", "node2", {"a": "b"}, NOW)


def _clean(data: bytes) -> None:
    shown = clean(data)
    _all_safe(shown)
    assert clean(shown) == shown or len(shown) > 4096
    _all_safe(lock_holder_name(shown))


def _lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in events)


_JOURNAL = _lines(
    beginning(),
    event(1, "step", step="disable", status="running", deadline=10.0),
    event(2, "evidence", step="disable", lines=["one left"], proof="unmet", holders=[{"id": "node1:7:a"}]),
    event(3, "intent", step="disable", host="haproxy1", command="disable server b/s"),
    event(3, "answer", step="disable", host="haproxy1", command="disable server b/s", answer="\n", ms=2),
    event(4, "status", status="holding", message="out", offers=[{"word": "go", "label": "Go"}]),
    event(5, "turn", node="node2", steps=[], left=["node3"]),
    event(
        5,
        "impact",
        node="node1",
        way="out",
        since=NOW.isoformat(),
        every=0.1,
        poolers={},
        sessions={"a": [1, None]},
    ),
    event(6, "end", status="done", message="back", leftovers=[]),
)
_KEPT = json.dumps(
    {"id": "0123456789ab", "made_at": datetime(2026, 1, 1, tzinfo=UTC).isoformat(), "cluster": "lab",
     "node": "node1", "seen": {"a": "b"}, "terms": {}}
).encode()  # fmt: skip
_EVENT = Event(NOW, Level.CRIT, "node1 -> node2", "lags 48 MiB", "link.lag")
_POOLS = [
    {"database": "app", "user": "u", "cl_active": "1", "cl_waiting": "0", "sv_active": "1", "maxwait": "0",
     "maxwait_us": "5", "pool_mode": "transaction", "close_needed": "1", "name": "app", "host": "127.0.0.1",
     "port": "5432", "paused": "0", "disabled": "0", "pool_size": "20", "remote_pid": "77", "wait": "1"}
]  # fmt: skip


def _recording(data: bytes) -> None:
    """The lines of a frame as a replay reads, judges and shows them; then the same bytes as a whole file."""
    marks = Mark.KEY | Mark.EVENTS | Mark.RUNS
    framed = header_frame(_HEADER).data + packed(data[:TEXT_LIMIT], NOW, NOW, marks)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        for given in (framed, data):
            path = Path(name) / "given"
            path.write_bytes(given)
            said = ""
            try:
                with Recording(path) as made:
                    _replayed(made)
            except ConsoleError as error:
                said = str(error)
            assert not unsafe(said.replace("\n", ""))


def _replayed(made: Recording) -> None:
    timeline = RecordedTimeline(made.header.thresholds)
    for shown in itertools.islice(made.snapshots(made.began), 50):
        timeline.take(shown)
        timeline.at(shown.taken_at)
        _all_safe(shown)
    timeline.recall(made.events)
    _all_safe((made.events, made.notes))
    _all_safe(RecordedRuns(made.runs, lambda: made.ended).recent())


_HEADER = Header("lab", "prod", NOW, Thresholds(), "0")
_FRAMED = frames([snapshot(NOW), silent(snapshot(NOW + timedelta(seconds=3)), "node2")])
_RECORDED = b"".join(unpacked(frame.data) for frame in _FRAMED)

TARGETS: dict[str, Target] = {
    "text": Target(_clean, (b"plain", "caf\u00e9 \u4e2d\u6587 \u202e\x1b]52;c;x\x07".encode(), b"\xff\xfe")),
    "haproxy show info": Target(_info, (_haproxy("show-info.txt"),)),
    "haproxy show stat": Target(_stat, (_haproxy("show-stat.csv"),)),
    "haproxy show servers state": Target(_state, (_haproxy("show-servers-state.txt"),)),
    "haproxy show table": Target(_table, (_haproxy("show-table-bk_db.txt"),)),
    "haproxy show sess": Target(_sessions, (_haproxy("show-sess.txt"),)),
    "pgbouncer rows": Target(_pooler_rows, (json.dumps(_POOLS).encode(),)),
    "journal": Target(_journal, (_JOURNAL,)),
    "journal event": Target(_event, tuple(_JOURNAL.splitlines())),
    "event log": Target(_event_log, (line_of(Record(_EVENT, "ana@bastion:7")),)),
    "acknowledgements": Target(
        _acks, (text_of({_EVENT.key: Ack(_EVENT.key, Level.CRIT, "ana@bastion", "known", NOW, NOW)}),)
    ),
    "snapshot": Target(_snapshot, (to_json(snapshot()).encode(),)),
    "recording": Target(_recording, (_RECORDED, b"".join(f.data for f in (header_frame(_HEADER), *_FRAMED)))),
    "configuration": Target(_config, ((ROOT / "config.example.yaml").read_bytes(),)),
    "connection string": Target(
        _conninfo,
        (
            b"host=10.0.0.1,10.0.0.2 port=5432 dbname=app user=m password=hunter2",
            b"postgresql://u:hunter2@h:1/d",
        ),
    ),
    "kept plan": Target(_plan, (_KEPT,)),
}
