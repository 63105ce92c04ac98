"""The plan, or the rest of a run, as text with the equivalent shell commands: for a change ticket, or for the
night when no console works."""

import re
import shlex
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from bdr_console import paths
from bdr_console.paths import write_private
from bdr_console.runbooks.model.run import (
    Check,
    Command,
    Proof,
    RunView,
    StepStatus,
    StepView,
    point_of_no_return,
)
from bdr_console.runbooks.model.step import Plan

_BEHIND = (StepStatus.DONE, StepStatus.SKIPPED)
_PLACE = re.compile(r"^(?P<name>\S+) \((?P<address>.*)\)$")


def paper(made: Plan, checks: tuple[Check, ...] = ()) -> str:
    """The plan with its checks, step by step."""
    lines = [
        f"Switchover of {made.node}, cluster {made.cluster}"
        + (f" ({made.environment})" if made.environment else "")
    ]
    lines += [f"  {note}" for note in made.notes]
    if checks:
        lines += ["", "Checks"]
        for check in checks:
            lines.append(f"  [{check.outcome.value}] {check.headline}")
            if check.outcome.value != "pass" and check.remedy:
                lines.append(f"      {check.remedy}")
    return "\n".join([*lines, "", *_steps(made.views(), made.node)]) + "\n"


def rest(view: RunView) -> str:
    """What is left of a run; the steps behind it are ticked."""
    what = f"{view.runbook.capitalize()} of {view.subject}"
    title = f"{what}, cluster {view.cluster}, run {view.run_id}: {view.status.value}"
    left = [f"  Left over: {line}" for line in view.leftovers]
    return "\n".join([title, *left, "", *_steps(view.steps, view.node)]) + "\n"


def from_what_is_seen(made: Plan, steps: tuple[StepView, ...], left: tuple[str, ...]) -> str:
    """What is left of a run that nobody carries on; steps whose condition holds are ticked."""
    ticked = tuple(replace(s, status=StepStatus.DONE) if s.proof is Proof.MET else s for s in steps)
    title = f"Switchover of {made.node}, cluster {made.cluster}: what is left of it, from what is seen"
    lines = [title, *(f"  In force: {line}" for line in left), "", *_steps(ticked, made.node)]
    return "\n".join(lines) + "\n"


def write(name: str, text: str, now: datetime) -> Path:
    """Write a paper to a file that only its owner can read, and return where. Raises ConsoleError."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    directory = paths.private_dir(paths.state_dir() / "paper")
    path = directory / f"{now.astimezone():%Y%m%dT%H%M%S}-{plain}.txt"
    return write_private(path, f"Written {now.astimezone():%Y-%m-%d %H:%M:%S %Z}\n\n{text}")


def _steps(steps: tuple[StepView, ...], node: str) -> list[str]:
    lines = []
    for number, step in enumerate(steps, start=1):
        if step.no_return:
            lines.append(f"--- {point_of_no_return(node)} ---")
        lines.append(f"[{'x' if step.status in _BEHIND else ' '}] {number}. {step.title}")
        if step.status in _BEHIND:
            continue
        lines += [f"        {shell(command)}" for command in step.commands]
        lines += [f"        to take it back: {shell(command)}" for command in step.undo]
    return lines


def shell(command: Command) -> str:
    """The shell command that sends the same to the same place, through the same SSH host; run it on a host
    that reaches it."""
    match = _PLACE.match(command.host)
    place, _, via = (match["address"] if match else command.host).partition(" via ")
    sent = _sent(command, *place.rpartition("@")[::2])
    return f"ssh {shlex.quote(via.split()[0])} {shlex.quote(sent)}" if via else sent


def _sent(command: Command, user: str, address: str) -> str:
    haproxy = command.text.startswith(("enable ", "disable ", "set ", "clear ", "shutdown "))
    if haproxy:
        to = f"UNIX-CONNECT:{address}" if address.startswith("/") else f"TCP:{address}"
        return f"echo {shlex.quote(command.text)} | socat - {shlex.quote(to)}"
    database = "pgbouncer"
    if command.text.startswith("SELECT "):  # to a node, whose address ends with the database
        address, _, database = address.rpartition("/")
    socket = re.match(r"^(?P<host>/.*)/\.s\.PGSQL\.(?P<port>\d+)$", address)
    host, _, port = (socket["host"], "", socket["port"]) if socket else address.rpartition(":")
    where = f"-h {shlex.quote(host.strip('[]'))} -p {shlex.quote(port)}"
    where += f" -U {shlex.quote(user)}" if user else ""
    return f"psql {where} -d {shlex.quote(database)} -c {shlex.quote(command.text)}"
