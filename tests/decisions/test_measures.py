"""Mart rows become sums: units, covariate and students, and many experiments at once are each as if alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pacer_pipelines.decisions.findings import find_all
from pacer_pipelines.decisions.marts import MartRows, MetricSum
from pacer_pipelines.decisions.measures import measure, measure_all, metrics_of
from pacer_pipelines.plan import Plan, load_plan
from pacer_pipelines.stats import Strata, cautious_effect, estimate_effect, relative_effect

from .made_weeks import made_weeks

PLAN = load_plan(Path(__file__).parents[2] / "experiments" / "judge-model-v2.toml")
EMPTY = MartRows((), (), (), (), ())


def with_guardrail(**guardrail: object) -> Plan:
    content = PLAN.model_dump(mode="json")
    content["guardrails"] = [*content["guardrails"], guardrail]
    return Plan.model_validate(content)


SLOW = with_guardrail(metric="latency", better="lower", margin={"relative": 0.10}, winsorise_at=2000)


def latency(milliseconds: tuple[float, float]) -> MartRows:
    """24 coaches, 200 requests of A and 60 of B each; microseconds, as the warehouse adds them."""
    rng = np.random.default_rng(3)
    rows = []
    for coach in range(24):
        for variant, n, mean in zip(("control", "treatment"), (200, 60), milliseconds, strict=True):
            total = float(np.round(1000 * n * (mean + rng.normal(0, 5))))
            rows.append(MetricSum("1", f"c{coach:02d}", "latency", variant, n, total))
    return replace(made_weeks(), metrics=made_weeks().metrics + tuple(rows))


def test_latency_is_told_in_milliseconds_and_alarms_beyond_its_margin() -> None:
    slower = next(item for item in find_all(latency((400, 520)), SLOW) if item.metric == "latency")
    assert slower.rate_control == pytest.approx(400, abs=3)
    assert slower.effect == pytest.approx(120, abs=5)
    # the margin is 10 % of 400 ms
    assert slower.margin == pytest.approx(40, abs=1)
    assert (slower.label, slower.alarm) == ("worse", True)


def test_a_faster_b_is_better_though_the_number_is_lower() -> None:
    faster = next(item for item in find_all(latency((400, 300)), SLOW) if item.metric == "latency")
    assert (faster.label, faster.alarm, faster.passes) == ("better", False, True)
    assert faster.relative == pytest.approx(-0.25, abs=0.01)


def test_the_covariate_reaches_the_estimator_in_its_own_unit() -> None:
    # thousandths of x: per coach x sums of 2 units, 1.5 and -0.5
    row = MetricSum("1", "c1", "good_rate", "control", 2, 1, 1000, 2_500_000, 1500)
    strata = replace(EMPTY, metrics=(row,)).strata("good_rate")
    assert strata is not None
    assert strata.covariate is not None
    assert [part.tolist() for part in (strata.covariate.x_control, strata.covariate.xx_control)] == [
        [1.0],
        [2.5],
    ]
    assert strata.covariate.xy_control.tolist() == [1.5]


def adjusting() -> Plan:
    content = PLAN.model_dump(mode="json")
    content["primary"]["covariate"] = "pre_period"
    return Plan.model_validate(content)


def test_a_plan_that_adjusts_says_whether_it_could() -> None:
    rows = made_weeks()
    # every second coach's students were rated better before the start, by half a point each
    known = tuple(
        row._replace(x=sign * 500 * row.n, xx=250_000 * row.n, xy=sign * 500 * row.y)
        for row in rows.metrics
        for sign in ((1 if row.variant == "control" else -1) if int(row.coach[1:]) % 2 else 1,)
    )
    plan = adjusting()
    told = find_all(replace(rows, metrics=known), plan)[0]
    assert told.note == "adjusted by each student's ratings before the start"
    assert find_all(rows, plan)[0].note == "not adjusted: nothing is known of ratings before the start"
    assert find_all(rows, PLAN)[0].note == ""
    assert told.effect != find_all(rows, PLAN)[0].effect


def test_students_who_cross_coaches_bring_the_larger_of_two_standard_errors() -> None:
    rows = made_weeks(students=True)
    by_coach = measure(replace(rows, students=()), PLAN)
    both = measure(rows, PLAN)
    for name in metrics_of(PLAN):
        alone, strata = by_coach.effects[name], rows.strata_by_student(name)
        assert alone is not None
        assert strata is not None
        student = estimate_effect(strata)
        assert student is not None
        # 24 coaches in 12 pairs of 2 students each
        assert (alone.clusters, student.clusters) == (24, 24)
        assert both.effects[name] == cautious_effect(alone, student)
        assert both.effects[name].se == max(alone.se, student.se)  # type: ignore[union-attr]
        assert student.estimate == pytest.approx(alone.estimate, abs=1e-12)
        by_either = [relative_effect(one, 3.0) for one in (rows.strata(name), strata) if one is not None]
        widest = max(one.high - one.low for one in by_either if one is not None)
        told = both.relative(name, 3.0)
        assert told is not None
        assert told.high - told.low == widest
    assert set(both.against_margin) == {"card_rate", "engagement", "failure_rate"}


def test_a_metric_without_rows_by_student_keeps_its_coach_error() -> None:
    rows = made_weeks(students=True)
    some = replace(rows, students=tuple(row for row in rows.students if row.metric != "engagement"))
    alone = measure(replace(rows, students=()), PLAN)
    assert measure(some, PLAN).effects["engagement"] == alone.effects["engagement"]


def test_a_stratum_whose_ratings_exceed_its_requests_is_not_read_per_request() -> None:
    """Without an exposure log a request may be rated under a coach who is not its own."""
    odd = tuple(
        MetricSum("1", "c99", metric, variant, n, y)
        for variant in ("control", "treatment")
        for metric, n, y in (("rating_rate", 3, 3), ("good_rate_mature", 5, 5))
    )
    rows = made_weeks()
    more = replace(rows, metrics=rows.metrics + odd)
    assert measure(more, PLAN).bound(-0.1) == measure(rows, PLAN).bound(-0.1)


def test_many_experiments_at_once_are_each_as_if_alone() -> None:
    worlds = [made_weeks(gain, seed=seed) for gain, seed in ((0.05, 1), (-0.05, 2), (0.0, 3))]
    tables = {}
    for metric in metrics_of(PLAN):
        parts = [world.strata(metric) for world in worlds]
        known = [part for part in parts if part is not None]
        number = np.repeat(np.arange(3), [part.cluster.size for part in known])
        tables[metric] = (joined(known), number)
    for world, (effects, against_margin) in zip(worlds, measure_all(tables, 3, PLAN), strict=True):
        alone = measure(world, PLAN)
        assert effects == alone.effects
        assert against_margin == alone.against_margin


def joined(parts: list[Strata]) -> Strata:
    names = ("cluster", "n_control", "y_control", "n_treatment", "y_treatment", "stratum")
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Strata(**columns, binary=parts[0].binary)


def test_without_rows_nothing_is_known() -> None:
    nothing = measure(EMPTY, PLAN)
    assert (nothing.effects, nothing.against_margin) == ({}, {})
    assert (nothing.by_decision(), nothing.bound(0.1), nothing.tipping()) == (None, None, None)
    assert nothing.relative("good_rate", 2.0) is None
