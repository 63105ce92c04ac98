"""No input makes a parser crash, and none brings an unsafe character through it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.inputs import inputs
from tests.hostile.targets import TARGETS


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@pytest.mark.parametrize("name", list(TARGETS))
def test_a_parser_answers_or_says_why_not_whatever_it_is_given(name: str) -> None:
    target = TARGETS[name]
    for seed in target.seeds:
        target.run(seed)

    @settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(data=inputs(target.seeds))
    def tried(data: bytes) -> None:
        target.run(data)

    tried()


@given(st.text())
def test_cleaned_text_is_clean_already(text: str) -> None:
    TARGETS["text"].run(text.encode("utf-8", "surrogatepass"))
