"""When somebody is told of trouble, how often, and until when."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bdr_console.cluster.verdict.alarm import Ack
from bdr_console.cluster.verdict.alarms import Alarm, AlarmBoard, AlarmRules
from bdr_console.cluster.verdict.changes import Event
from bdr_console.cluster.verdict.findings import Finding, Key, Level, Thresholds, Verdict

NOW = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)
LAG = ("link", "node1 -> node2")
GONE = ("node.unreachable", "node2")
N, U, W, C = Level.OK, Level.UNKNOWN, Level.WARN, Level.CRIT


def lag(level: Level, text: str = "lags") -> Finding:
    return Finding(level, LAG[1], text, "link.lag")


def lost(level: Level = Level.CRIT) -> Finding:
    return Finding(level, "node2", "no answer", "node.unreachable")


def verdict(*findings: Finding) -> Verdict:
    found = tuple(finding for finding in findings if finding.level)
    return Verdict(max((f.level for f in found), default=Level.OK), found)


@dataclass
class Watch:
    """A board and everything it has said."""

    board: AlarmBoard = field(default_factory=AlarmBoard)
    second: float = 100.0
    """Of the next look; the first ones of a console are another matter."""
    said: list[str] = field(default_factory=list)
    rung: list[Key] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.board.observe(verdict(), NOW)

    @property
    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.second)

    def look(
        self,
        *findings: Finding,
        seconds: float = 1.0,
        changes: Iterable[Event] = (),
        eased: Iterable[Finding] = (),
    ) -> "Watch":
        """What is seen for so long, one look a second."""
        for _ in range(round(seconds)):
            heard = self.board.observe(verdict(*findings), self.now, changes, lambda: verdict(*eased))
            self.said += [event.text for event in heard.events]
            self.rung += heard.ringing
            self.second += 1
        return self

    def alarm(self, key: Key = LAG) -> Alarm | None:
        return next((alarm for alarm in self.board.at(self.now) if alarm.key == key), None)

    def acknowledge(self, key: Key, level: Level, minutes: float | None = None) -> None:
        until = self.now + timedelta(minutes=minutes) if minutes else None
        self.board.acknowledge(Ack(key, level, "ana@bastion", "known", self.now, until))


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ([(W, 4)], []),
        ([(W, 6)], ["lags"]),
        ([(C, 1)], ["lags"]),
        ([(W, 4), (N, 1), (W, 4)], []),
        ([(W, 6), (N, 9)], ["lags"]),
        ([(W, 6), (N, 11)], ["lags", "over after 5 s: lags"]),
        ([(W, 6), (N, 9), (W, 20)], ["lags"]),
        ([(W, 6), (C, 1)], ["lags", "now critical: lags"]),
        ([(C, 1), (W, 9)], ["lags"]),
        ([(C, 1), (W, 11)], ["lags", "no more than a warning now: lags"]),
        ([(C, 1), (W, 9), (C, 1)], ["lags"]),
        ([(C, 1), (N, 20), (C, 1)], ["lags", "over after 0 s: lags", "lags"]),
        ([(U, 6), (W, 6)], ["lags", "now a warning: lags"]),
    ],
)
def test_what_is_said_of_a_finding_that_comes_and_goes(
    seen: list[tuple[Level, int]], said: list[str]
) -> None:
    watch = Watch()
    for level, seconds in seen:
        watch.look(lag(level), seconds=seconds)
    assert watch.said == said


def test_an_alarm_says_since_when_it_lasts() -> None:
    watch = Watch().look(lag(W), seconds=243)
    alarm = watch.alarm()
    assert alarm is not None
    clock = f"{alarm.since.astimezone():%H:%M:%S}"
    assert alarm.since_words(watch.now) == f"since {clock}, 4m 03s"


def test_what_was_there_at_the_first_look_began_before_it_and_is_no_change() -> None:
    board = AlarmBoard()
    heard = board.observe(verdict(lost()), NOW)
    assert heard.events == ()
    assert heard.ringing == (GONE,)
    (alarm,) = board.at(NOW)
    assert alarm.since_words(NOW + timedelta(seconds=5)).startswith("since before ")


def test_a_figure_around_its_limit_is_one_alarm_as_long_as_it_stays_within_the_margin() -> None:
    watch = Watch().look(lag(W), seconds=6)
    for _ in range(50):
        watch.look(seconds=12, eased=[lag(W, "lags 9.6 MiB")]).look(lag(W, "lags 10.4 MiB"), seconds=3)
    assert watch.said == ["lags"]
    assert watch.board.held(verdict()).findings == ()
    watch.look(eased=[lag(W, "lags 9.6 MiB")])
    held = watch.board.held(verdict())
    assert (held.level, held.findings[0].text) == (W, "lags 9.6 MiB")
    watch.look(seconds=11)
    assert watch.alarm() is None
    assert watch.said[1:] == ["over after 12m 36s: lags 9.6 MiB"]


def test_limits_are_eased_all_but_the_count_of_conflicts() -> None:
    eased = Thresholds().eased(0.1)
    assert eased.lag_bytes_warn == pytest.approx(9 * 1024**2)
    assert eased.lag_seconds_crit == pytest.approx(270)
    assert eased.conflicts_warn == Thresholds().conflicts_warn


def test_what_flaps_is_one_line_and_one_alarm_until_it_is_quiet() -> None:
    watch = Watch()
    for _ in range(40):
        watch.look(lag(C), seconds=12).look(seconds=12)
    raised = [text for text in watch.said if not text.startswith(("over", "flapping"))]
    assert len(raised) == 3, "only before it was known that it flaps"
    assert [text for text in watch.said if text.startswith("flapping")] == [
        "flapping: 4 times in 5 min: lags"
    ]
    alarm = watch.alarm()
    assert alarm is not None
    assert alarm.text == "flapping: 12 times in 5 min: lags"
    watch.look(seconds=400)
    assert watch.alarm() is None
    assert watch.said[-1] == "no longer flapping after 14m 35s, the last time for 11 s: lags"


def test_a_fault_of_another_kind_is_news_while_the_link_flaps() -> None:
    """A link whose lag comes and goes has its own line and alarm when it goes down."""
    watch = Watch()
    for _ in range(5):
        watch.look(lag(W), seconds=8).look(seconds=12)
    watch.said.clear()
    down = Finding(C, LAG[1], "slot inactive", "link.down")
    change = Event(watch.now, C, LAG[1], "down: slot inactive", "link.down")
    watch.look(down, changes=[change]).look(down, seconds=20)
    assert watch.said == ["down: slot inactive"], "once, by the change"
    alarm = watch.alarm()
    assert alarm is not None
    assert (alarm.finding.level, alarm.text) == (C, "slot inactive"), "it does not flap"


def test_faults_of_different_kinds_are_not_counted_together() -> None:
    watch = Watch()
    kinds = [Finding(C, LAG[1], text, f"link.{text}") for text in ("down", "paused", "lag", "stuck")]
    for kind in kinds:
        watch.look(kind, seconds=5).look(seconds=20)
    assert not [text for text in watch.said if text.startswith("flapping")]


def test_short_blips_are_no_alarm_until_there_are_many_of_them() -> None:
    watch = Watch()
    for _ in range(3):
        watch.look(lag(W), seconds=2).look(seconds=20)
    assert watch.said == []
    watch.look(lag(W), seconds=2)
    assert watch.said == ["flapping: 4 times in 5 min: lags"]


def test_a_change_of_something_that_flaps_is_no_line_of_its_own() -> None:
    watch = Watch()
    for _ in range(6):
        down = Event(watch.now, C, "node2", "lost: no answer", "node.unreachable")
        watch.look(lost(), changes=[down]).look(lost(), seconds=5)
        back = Event(watch.now, N, "node2", "answers again", "node.unreachable")
        watch.look(changes=[back]).look(seconds=5)
    assert watch.said.count("lost: no answer") == 3
    assert watch.said.count("answers again") == 3
    assert len([text for text in watch.said if text.startswith("flapping")]) == 1


def test_what_a_change_has_told_is_not_told_again_but_rings() -> None:
    watch = Watch()
    watch.look(lost(), changes=[Event(watch.now, C, "node2", "lost: no answer", "node.unreachable")])
    assert watch.said == ["lost: no answer"]
    assert watch.rung == [GONE]
    watch.look(lost(), seconds=60)
    watch.look(changes=[Event(watch.now, N, "node2", "answers again", "node.unreachable")])
    watch.look(seconds=30)
    assert watch.said == ["lost: no answer", "answers again"]
    assert watch.alarm(GONE) is None


def test_a_link_that_lagged_and_is_down_is_one_alarm_that_got_worse() -> None:
    watch = Watch().look(lag(W), seconds=6)
    watch.look(Finding(C, LAG[1], "slot inactive", "link.down"))
    assert watch.said == ["lags", "now critical: slot inactive"]
    assert len(watch.board.at(watch.now)) == 1


def test_what_cannot_be_seen_is_not_over() -> None:
    old = Finding(W, "node2", "oldest transaction open for 1m", "node.transaction")
    waits = Finding(W, "pgb/app", "3 clients wait", "pool.waiting:app")
    watch = Watch().look(old, waits, seconds=6)
    watch.look(lost(), Finding(C, "pgb", "no answer", "pooler.unreachable"), seconds=300)
    assert not [text for text in watch.said if text.startswith("over")]
    alarm = watch.alarm(("node.transaction", "node2"))
    assert alarm is not None
    assert not alarm.present
    watch.look(seconds=30)
    assert watch.board.at(watch.now) == ()


# Acknowledging ---------------------------------------------------------------------------------------


def test_an_acknowledged_alarm_is_still_there_with_who_and_why() -> None:
    watch = Watch().look(lag(C))
    watch.acknowledge(LAG, C)
    watch.look(lag(C), lost(W), seconds=6)
    first, second = watch.board.at(watch.now)
    assert first.key == GONE, "what nobody has acknowledged comes first, even if it is less bad"
    assert second.ack is not None
    assert second.ack.words == "ack by ana: known"


def test_an_acknowledgement_ends_with_its_alarm() -> None:
    watch = Watch().look(lag(C))
    watch.acknowledge(LAG, C)
    watch.look(lag(C), seconds=60).look(seconds=5)
    assert LAG in watch.board.acks, "it may come back before it is over"
    watch.look(seconds=10)
    assert watch.board.acks == {}
    assert watch.board.ended == {LAG}
    watch.look(lag(C))
    assert watch.rung == [LAG, LAG]


def test_a_snooze_rings_again_when_its_time_is_up() -> None:
    watch = Watch().look(lag(C))
    watch.acknowledge(LAG, C, minutes=15)
    watch.look(lag(C), seconds=899)
    assert watch.rung == [LAG]
    watch.look(lag(C), seconds=3)
    assert watch.rung == [LAG, LAG]
    assert watch.said[-1] == "no longer acknowledged (the time is up): lags"


def test_a_warning_that_was_acknowledged_rings_when_it_becomes_critical() -> None:
    watch = Watch().look(lag(W), seconds=6)
    watch.acknowledge(LAG, W)
    watch.look(lag(W), seconds=30)
    assert watch.rung == [LAG]
    watch.look(lag(C))
    assert watch.rung == [LAG, LAG]
    alarm = watch.alarm()
    assert alarm is not None
    assert alarm.ack is None


def test_an_acknowledgement_of_an_earlier_console_waits_for_its_alarm_to_be_seen_again() -> None:
    board = AlarmBoard()
    board.acks[LAG] = Ack(LAG, C, "ana@bastion", "known", NOW)
    for second in range(8):
        board.observe(verdict(), NOW + timedelta(seconds=second))
    heard = board.observe(verdict(lag(C)), NOW + timedelta(seconds=9))
    assert heard.ringing == ()
    other = AlarmBoard()
    other.acks[LAG] = Ack(LAG, C, "ana@bastion", "known", NOW)
    for second in range(40):
        other.observe(verdict(), NOW + timedelta(seconds=second))
    assert other.acks == {}
    assert other.ended == {LAG}


def test_an_acknowledgement_can_be_withdrawn() -> None:
    watch = Watch().look(lag(C))
    watch.acknowledge(LAG, C)
    event = watch.board.withdraw(LAG, "bo@bastion", watch.now)
    assert event is not None
    assert event.text == "acknowledgement withdrawn by bo@bastion"
    assert watch.board.withdraw(LAG, "bo@bastion", watch.now) is None


def test_a_clock_that_is_set_back_begins_anew() -> None:
    watch = Watch().look(lag(C), seconds=30)
    watch.board.observe(verdict(), NOW - timedelta(hours=1))
    assert watch.board.at(NOW) == ()


# Whatever happens --------------------------------------------------------------------------------------

LOOKS = st.lists(
    st.tuples(
        st.sampled_from((N, U, W, C)),  # the link
        st.sampled_from((N, C)),  # node2
        st.sampled_from((1, 3, 6, 12, 120)),
        st.sampled_from((None, None, None, "ack", "snooze", "withdraw")),
    ),
    max_size=40,
)


@given(LOOKS)
def test_no_alarm_is_raised_twice_without_having_been_over(
    looks: list[tuple[Level, Level, int, str | None]],
) -> None:
    board, now = AlarmBoard(AlarmRules()), NOW + timedelta(minutes=1)
    board.observe(verdict(), NOW)
    up: set[Key] = set()
    for link, node, seconds, _ in looks:
        for _ in range(min(seconds, 15)):
            now += timedelta(seconds=seconds / min(seconds, 15))
            heard = board.observe(verdict(lag(link), lost(node)), now)
            for event in heard.events:
                if event.text.startswith(("over after", "no longer flapping")):
                    assert event.key in up
                    up.remove(event.key)
                elif event.text in ("lags", "no answer"):
                    assert event.key not in up
                    up.add(event.key)
                elif event.text.startswith("flapping"):
                    up.add(event.key)
            assert {alarm.key for alarm in board.at(now)} == up


@given(LOOKS)
def test_an_acknowledged_alarm_never_rings(looks: list[tuple[Level, Level, int, str | None]]) -> None:
    board, now = AlarmBoard(), NOW
    for link, node, seconds, word in looks:
        for alarm in board.at(now):
            if word == "withdraw":
                board.withdraw(alarm.key, "ana@bastion", now)
            elif word:
                until = now + timedelta(seconds=30) if word == "snooze" else None
                board.acknowledge(Ack(alarm.key, alarm.finding.level, "ana@bastion", "known", now, until))
        for _ in range(min(seconds, 15)):
            now += timedelta(seconds=seconds / min(seconds, 15))
            heard = board.observe(verdict(lag(link), lost(node)), now)
            acknowledged = {alarm.key for alarm in board.at(now) if alarm.ack}
            assert not acknowledged & set(heard.ringing)
            for key, ack in board.acks.items():
                assert ack.until is None or now < ack.until, key
