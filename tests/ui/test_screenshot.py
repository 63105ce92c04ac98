"""The picture for the README is made by the program itself."""

import xml.etree.ElementTree as ET

import pytest
from bdr_console.ui.screenshot import svg

from bdr_console.errors import ConsoleError
from tests.ui.driving import FakeActs
from tests.ui.scenes import NOW, FixedSource, never_read, snapshot


async def test_the_picture_shows_every_pane_once_every_target_was_read() -> None:
    source = FixedSource(never_read(snapshot()), snapshot())
    made = await svg(source, cluster="lab", acts=FakeActs(), clock=lambda: NOW)
    words = "".join(ET.fromstring(made).itertext()).replace("\xa0", " ")  # noqa: S314 - our own output
    for said in ("Nodes", "HAProxy", "PgBouncer", "● up", "← sticky 127.0.0.1"):
        assert said in words


async def test_no_picture_is_made_of_a_cluster_that_does_not_answer() -> None:
    with pytest.raises(ConsoleError, match="not every target of 'lab' answered"):
        await svg(FixedSource(never_read(snapshot())), cluster="lab", deadline=0.3)
