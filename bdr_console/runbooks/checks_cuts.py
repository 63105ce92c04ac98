"""The preflight of HAProxy options that cut sessions when a server is disabled or enabled. Pure.

A quiesce sends `disable server` when no transaction is open, so that on-marked-down hurts nobody there. On
the way back clients are at work on the other servers, whatever the mode was: on-marked-up cuts each of them.
"""

from collections.abc import Iterator

from bdr_console.cluster.text import counted
from bdr_console.runbooks.cut_risk import Cut, CutRisk, cut_risk
from bdr_console.runbooks.reading import Reading
from bdr_console.runbooks.run import Check, Outcome
from bdr_console.runbooks.seen import unpooled
from bdr_console.runbooks.step import Plan

_WHY = "When HAProxy cuts a session, the transaction that is open on it fails."


def session_cuts(reading: Reading, made: Plan) -> Iterator[Check]:
    """Whether `disable server` and `enable server` leave open transactions alone, on each HAProxy."""
    for proxy in dict.fromkeys(act.target for act in made.step("disable").acts):
        if reading.proxy(proxy) is not None:
            yield _check(reading, made, proxy)


def _check(reading: Reading, made: Plan, proxy: str) -> Check:
    out = tuple(act.subject for act in made.step("disable").acts if act.target == proxy)
    back = {act.subject for act in made.step("enable").acts if act.target == proxy}
    risk = cut_risk(reading, proxy, out)
    mode = made.choice.mode if made.choice else ""
    title = f"{proxy} cuts no transaction at `disable server` and `enable server`"
    # What this run did not disable it does not enable.
    at_enable = risk.at_enable if back else ()
    at_disable = risk.at_disable if mode == "gradual" else ()
    if at_disable or at_enable:
        seen = "; ".join(cut.text for cut in (*at_disable, *at_enable))
        return Check(title, Outcome.FAIL, seen, _WHY, _remedy(proxy, risk.path, at_disable, at_enable))
    options = ["on-marked-down shutdown-sessions (cuts at `disable server`)"] if mode == "gradual" else []
    if risk.backups and back:
        options.append("on-marked-up shutdown-backup-sessions (cuts at `enable server`)")
    if risk.unknown and options:
        remedy = f"Look in haproxy.cfg for {' and '.join(options)}"
        if proxy not in reading.files:
            remedy += f", or have the console do so: proxies.{proxy}.config_file"
        return Check(title, Outcome.WARN, risk.unknown, _WHY, f"{remedy}.")
    past = unpooled(reading, [(proxy, subject) for subject in out])
    told = "; ".join(cut.text for cut in risk.at_disable)
    if told and past:
        seen = f"{told}, also of {counted(len(past), 'client')} past PgBouncer, whom no pause reaches"
        return Check(title, Outcome.WARN, seen, _WHY, "Have them disconnect first.")
    if told:
        return Check(title, Outcome.PASS, f"{told}, when no transaction is open")
    return Check(title, Outcome.PASS, _nothing(reading, proxy, mode, risk))


def _nothing(reading: Reading, proxy: str, mode: str, risk: CutRisk) -> str:
    file = reading.files.get(proxy)
    if file is not None and not risk.unknown:
        return f"{file.path} has neither option for these servers"
    nobody = "no transaction is open" if mode == "quiesce" else "no session is there"
    return f"{nobody} at `disable server`, and no backup server is cut at `enable server`"


def _remedy(proxy: str, path: str, at_disable: tuple[Cut, ...], at_enable: tuple[Cut, ...]) -> str:
    lines = sorted({cut.line for cut in (*at_disable, *at_enable)})
    where = f"line{'s' if len(lines) > 1 else ''} {' and '.join(map(str, lines))} of {path}"
    delete = f"elete the option from {where} and reload {proxy} before the switchover."
    if at_disable and not at_enable:
        return f"Choose mode quiesce, in which no transaction is open at `disable server`; or d{delete}"
    return f"D{delete}"
