"""A snapshot is the same again after a trip through JSON."""

import pytest

from bdr_console.cluster.snapshot import from_json, to_json
from tests.cluster.builders import snapshot


def test_a_snapshot_survives_json() -> None:
    assert from_json(to_json(snapshot())) == snapshot()


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="validation error"):
        from_json('{"cluster": 5}')
