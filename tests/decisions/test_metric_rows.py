"""One metric as words: what it is called, what its numbers mean, and when there are none."""

from pathlib import Path

import pytest

from pacer_pipelines.decisions.metric_rows import metric_row
from pacer_pipelines.decisions.values import Finding
from pacer_pipelines.decisions.wording import effect_text, interval_text
from pacer_pipelines.plan import load_plan

PLAN = load_plan(Path(__file__).parents[2] / "experiments" / "judge-model-v2.toml")
KNOWN = Finding(
    "card_rate", "secondary", "non_inferior", "higher", effect=-0.003, interval=(-0.05, 0.045), n_control=9000,
    n_treatment=2500, rate_control=0.568, rate_treatment=0.567, coaches=24, z_star=5.0, bar=2.4, information=0.7,
)  # fmt: skip


def changed(**values: object) -> Finding:
    content = {name: getattr(KNOWN, name) for name in KNOWN.__slots__}
    return Finding(**{**content, **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "label"),
    [
        ({}, "non-inferior"),
        ({"alarm": True, "label": "worse"}, "worse: ALARM"),
        ({"metric": "rating_rate", "role": "health", "label": "worse"}, "rated less"),
        ({"metric": "rating_rate", "role": "health", "label": "inconclusive"}, "alike"),
        ({"metric": "rating_rate", "role": "health", "label": "non_inferior"}, "non-inferior"),
        ({"metric": "good_rate_mature", "role": "sensitivity", "passes": True}, "agrees"),
        ({"metric": "good_rate_mature", "role": "sensitivity", "passes": False}, "disagrees"),
        ({"metric": "good_rate_mature", "role": "sensitivity", "label": "no_data"}, "no data"),
    ],
)
def test_labels_are_words_of_their_role(values: dict[str, object], label: str) -> None:
    assert metric_row(changed(**values), PLAN).label == label


@pytest.mark.parametrize(
    ("metric", "better", "margin"),
    [("card_rate", "higher", "-10 %"), ("failure_rate", "lower", "+1 point"), ("good_rate", "higher", "-")],
)
def test_margins_are_those_of_the_plan_with_the_harmful_sign(metric: str, better: str, margin: str) -> None:
    assert metric_row(changed(metric=metric, better=better), PLAN).margin == margin


def test_an_absolute_margin_of_an_amount_has_its_unit() -> None:
    content = PLAN.model_dump(mode="json")
    slow = {"metric": "latency", "better": "lower", "margin": {"absolute": 50}, "winsorise_at": 2000}
    content["guardrails"] = [slow]
    plan = type(PLAN).model_validate(content)
    assert metric_row(changed(metric="latency", better="lower"), plan).margin == "+50 ms"


@pytest.mark.parametrize(
    ("values", "strength"),
    [
        ({}, "z* 5.00, promote bar 2.40, 70 % of the planned sample"),
        ({"information": None}, "z* 5.00, promote bar 2.40"),
        ({"z_star": None}, "-"),
    ],
)
def test_strength_is_told_as_far_as_it_is_known(values: dict[str, object], strength: str) -> None:
    assert metric_row(changed(**values), PLAN).strength == strength


def test_few_numbers_are_not_shown_anywhere() -> None:
    few = changed(n_treatment=9, relative=0.01)
    row = metric_row(few, PLAN)
    assert (row.effect, row.control, row.interval, row.relative, row.strength) == (
        "too few to show",
        *["-"] * 4,
    )
    assert (effect_text(few), interval_text(few)) == ("too few to show", "too few to show")


def test_nothing_is_told_of_nothing() -> None:
    nothing = Finding("card_rate", "secondary", "no_data", "higher")
    assert metric_row(nothing, PLAN).effect == "no data"
    assert (effect_text(nothing), interval_text(nothing)) == ("no data", "not known yet")
