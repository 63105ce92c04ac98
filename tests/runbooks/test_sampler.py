"""Sampling what clients feel must cost figures, never the run, when nobody answers."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from bdr_console.config import load
from bdr_console.runbooks.execute.cluster_reader import ClusterReader
from bdr_console.runbooks.execute.sampler import Sampler
from bdr_console.runbooks.journal.impact import measures
from bdr_console.runbooks.journal.journal_file import Journal, read_events
from tests.runbooks.test_run_from_journal import beginning
from tests.test_cli import config

pytestmark = pytest.mark.timeout(30)


async def test_a_pgbouncer_that_does_not_answer_is_not_measured(tmp_path: Path) -> None:
    settings = load(config(tmp_path)).clusters["shop"]
    journal = Journal(tmp_path, "r1")
    journal.write("run", **{k: v for k, v in beginning().items() if k not in ("t", "run", "event")})
    survey = ClusterReader("shop", settings)
    sampler = Sampler(survey, "node1", journal)
    task = asyncio.create_task(sampler.see_through())
    async with asyncio.timeout(20):
        await sampler.begun.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await survey.close()
    told = [event for event in read_events(tmp_path) if event["event"] == "impact"]
    assert told[-1]["poolers"]["pgb1"]["looks"] == 0
    assert told[-1]["poolers"]["pgb1"]["missed"] > 0
    assert all(measure.value is None for measure in measures(read_events(tmp_path), "node1"))
