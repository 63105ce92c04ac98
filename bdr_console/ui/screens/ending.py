"""Ending a session that is in the way of a run or of a plan: picked, confirmed with the exact command."""

from collections.abc import Callable, Iterable, Sequence

from bdr_console.runbooks.run import Holder, Offer
from bdr_console.ui.screens.live import LiveScreen
from bdr_console.ui.screens.question import Pick, Question
from bdr_console.ui.text.run import intervention_text, safe


def pick_session(
    screen: LiveScreen,
    offers: Iterable[Offer],
    holders: Sequence[Holder],
    confirmed: Callable[[Offer], None],
) -> None:
    """Let the operator pick one of `offers`, ask about exactly that one with the command it sends, and hand
    it to `confirmed` after a yes. What comes of the holders meanwhile changes neither."""
    choices = {safe(offer.label): offer for offer in offers if offer.subject}

    def picked(name: str | None) -> None:
        if name is not None:
            confirm(choices[name])

    def confirm(offer: Offer) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                confirmed(offer)

        text = intervention_text(holders, offer, screen.console.tones, Question.WIDTH)
        label = safe(offer.label)
        title = screen.watched.named(f"{label[:1].upper()}{label[1:]}?")
        screen.app.push_screen(Question(title, text), answered)

    if choices:
        screen.app.push_screen(Pick(screen.watched.named("End which session?"), tuple(choices)), picked)
