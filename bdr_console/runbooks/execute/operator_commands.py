"""What the operator says to a run: which words are offered now, and the one that waits to be done."""

import asyncio
import contextlib
from typing import Protocol

from bdr_console.cluster.text import clean
from bdr_console.runbooks.journal.journal_file import Journal
from bdr_console.runbooks.model.run import Offer
from bdr_console.runbooks.model.step import Intervention, Observation

ABORT = Offer("abort", "abort and put everything back")
WAIT = Offer("wait", "wait longer")
RETRY = Offer("wait", "try again")
GO = Offer("go", "go on: bring the node back")
ISOLATE = Offer("abort", "put the node back at once, without the checks of its readiness")
AGAIN = Offer("again", "take the node out again")

Answer = tuple[bool, str]
"""Whether the word was accepted, and what there is to say about it."""


class TakesWords(Protocol):
    """Takes a word, who says it, and why."""

    def __call__(self, word: str, who: str, why: str = "") -> Answer:
        """Answer at once; what the word asks for is done when its turn comes."""


class PendingWord:
    """The offers of one engine, and the word that was taken last. At most one waits; only an abort overtakes
    another."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._arrived = asyncio.Event()
        self.offers: tuple[Offer, ...] = ()
        self.interventions: dict[str, Intervention] = {}
        """Words with an argument that are or were offered in this step."""
        self.word: str | None = None
        self.chosen: tuple[Intervention, str] | None = None
        """What the word is about, as it was when it was said, and who said it."""
        self.why_aborted = "Aborted by the operator."
        self.why_left = ""

    def take_word(self, word: str, who: str, why: str = "") -> Answer:
        """Take a word of the operator. `why` is told at the end of a run that an abort ends."""
        if word == "status":
            return True, ", ".join(
                f"{offer.word}: {offer.label}" for offer in self.offers
            ) or "nothing to say now"
        if word.partition(" ")[0] == "leave":
            word, _, reason = word.partition(" ")
            if not reason.strip():
                return False, "it needs a reason: leave REASON"
            why = clean(reason, 300)
        accepted, text = self._judge(word)
        if accepted:
            self.word = word
            self.chosen = (self.interventions[word], who) if word in self.interventions else None
            if word == "abort" and why:
                self.why_aborted = why
            if word == "leave":
                self.why_left = f"{why} ({who})"
            self._arrived.set()
        noted = f"{text}: {why}" if word == "leave" else text
        self._journal.write("word", word=word, who=who, accepted=accepted, text=noted)
        return accepted, text

    def _judge(self, word: str) -> Answer:
        offered = {offer.word: offer.label for offer in self.offers}
        if word not in offered:
            if word in self.interventions:
                return False, "it is gone already: nothing was sent"
            return False, f"it is not offered now (offered: {', '.join(offered) or 'nothing'})"
        if self.word is not None and (word != "abort" or self.word == "abort"):
            return False, f"'{self.word}' was said a moment ago and is being done"
        return True, offered[word]

    def pop(self) -> str | None:
        """The word that waits, which waits no longer."""
        word, self.word = self.word, None
        self._arrived.clear()
        return word

    async def wait(self, seconds: float) -> None:
        """Wait so long, or until a word arrives."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._arrived.wait()


class OperatorCommands:
    """The operator's end of one run: passes words to the engine at work, and takes an abort where none is."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.engine: TakesWords | None = None
        """What takes words for the engine at work."""
        self.aborted = ""
        """Who said abort between two turns."""

    def take_word(self, word: str, who: str) -> Answer:
        """As `PendingWord.take_word`."""
        if self.engine is not None:
            return self.engine(word, who)
        if word == "status":
            return True, "abort: stop before the next step"
        accepted = word == "abort"
        if accepted:
            self.aborted = who
        text = "stop here" if accepted else "it is not offered now (offered: abort)"
        self._journal.write("word", word=word, who=who, accepted=accepted, text=text)
        return accepted, text


def offers_beside(seen: Observation) -> tuple[Offer, ...]:
    """What may be said instead of waiting, by the latest look."""
    again = (AGAIN,) if seen.alarm else ()
    leave = (Offer("leave", seen.leave),) if seen.leave else ()
    anyway = (Offer("go", seen.anyway),) if seen.anyway else ()
    return (*again, *leave, *anyway)


def waiting_message(seen: Observation, problem: str, patience: float, *, overdue: bool) -> str:
    """The sentence while a proof is awaited."""
    first = seen.evidence[0] if seen.evidence else seen.proof.value
    if problem:
        return problem
    if seen.alarm:
        return seen.alarm
    if overdue:
        return f"{patience:.0f} s are over and it still waits: {first}. Wait longer, or abort."
    return first
