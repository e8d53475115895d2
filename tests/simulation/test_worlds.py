"""Simulated worlds are what they say they are, and are judged as their marts would be."""

from datetime import timedelta

import numpy as np
import pytest

from pacer_pipelines.decisions.evidence import Inputs
from pacer_pipelines.decisions.judge import judge
from pacer_pipelines.decisions.marts import COVARIATE_UNIT, DecisionSum, MartRows, MetricSum
from pacer_pipelines.decisions.measures import measure_all
from pacer_pipelines.decisions.values import Verdict
from pacer_pipelines.plan import Plan
from pacer_pipelines.stats.design import Design, Unit, implied_design_effect

from .cells import CELLS, HALF, RAMP, plan_of
from .daily import judge_worlds
from .rivals import rivals
from .sums import VARIANTS, tables, unit_rows
from .truth import Cell
from .worlds import Worlds, make_worlds


def marts(worlds: Worlds, day: int, number: int, plan: Plan) -> MartRows:
    """One world as the warehouse would publish it."""
    phases, coaches = int(worlds.cell.phase_of_day[day - 1]) + 1, worlds.cell.coaches
    places = [(phase, coach) for phase in range(phases) for coach in range(coaches)]
    sums = [
        MetricSum(
            str(phase + 1), f"c{coach:02d}", name, VARIANTS[variant],
            *(float(part[at]) for part in (metric.n, metric.y)),
            *(
                round(float(part[at]) * COVARIATE_UNIT**power, 6)
                for part, power in zip(metric.x or (), (1, 2, 1), strict=False)
            ),
        )
        for name, metric in worlds.metrics.items()
        for variant in (0, 1)
        for phase, coach in places
        if metric.n[(at := (day - 1, variant, number, phase, coach))]
    ]  # fmt: skip
    decisions = [
        DecisionSum(
            str(phase + 1), f"c{coach:02d}", VARIANTS[variant], ("APPROVE", "REJECT")[decision],
            *(float(part[day - 1, variant, decision, number, phase, coach]) for part in worlds.decisions),
        )
        for variant in (0, 1)
        for decision in (0, 1)
        for phase, coach in places
    ]  # fmt: skip
    seen = unit_rows(worlds, day, number, plan)
    return MartRows(tuple(sums), tuple(decisions), seen.units, seen.exposures, ())


def verdict(worlds: Worlds, day: int, number: int, plan: Plan) -> Verdict:
    shares = {str(phase + 1): share for phase, (_, share) in enumerate(worlds.cell.ramp)}
    inputs = Inputs(
        date=plan.start_date + timedelta(days=day - 1),
        rows=marts(worlds, day, number, plan),
        checks=(),
        history=(),
        shares=shares,
        sources=frozenset({"exposures", "feedback"}),
        frozen_hash=plan.plan_hash,
    )
    return judge(inputs, plan, "test")


@pytest.mark.parametrize(
    "cell",
    [
        Cell("a win", 7, effect=0.06),
        Cell("harm under a ramp", 8, effect=-0.04, ramp=RAMP),
        Cell("BAD is not rated", 9, bad_rated=0.8, coaches=12),
        Cell(
            "with a covariate", 10, effect=0.04, unit="student", covariate=True, ramp=HALF, design_effect=1.3
        ),
    ],
    ids=lambda cell: cell.name,
)
def test_a_world_ends_on_the_day_on_which_its_marts_say_so(cell: Cell) -> None:
    worlds, plan = make_worlds(cell, 0, 3), plan_of(cell)
    for number, ending in enumerate(judge_worlds(worlds, plan)):
        ends = {
            day: found.rule
            for day in range(1, ending.day + 1)
            if (found := verdict(worlds, day, number, plan)).rule in ("win", "alarm", "deadline")
        }
        assert ends == {ending.day: ending.rule}


def test_rates_are_those_of_the_cell() -> None:
    worlds = make_worlds(Cell("known", 1, effect=0.04, failures=0.02, card_effect=-0.1), 0, 60)
    rate = {
        name: metric.y[-1].sum((1, 2, 3)) / metric.n[-1].sum((1, 2, 3))
        for name, metric in worlds.metrics.items()
    }
    assert rate["good_rate"] == pytest.approx([0.70, 0.74], abs=0.006)
    assert rate["rating_rate"] == pytest.approx([0.40, 0.40], abs=0.003)
    assert rate["failure_rate"] == pytest.approx([0.003, 0.02], abs=0.001)
    # cards of approved requests that did not fail
    assert rate["card_rate"] == pytest.approx([0.55 * 0.997, 0.55 * 0.98 * 0.9], abs=0.004)
    assert worlds.metrics["card_rate"].n[-1].sum() / (42 * 60) == pytest.approx(2000, rel=0.01)


def test_ratings_come_late_and_mature_requests_wait_for_a_week() -> None:
    worlds = make_worlds(Cell("late", 2), 0, 20)
    rated, mature = (worlds.metrics[name].n.sum((1, 2, 3, 4)) for name in ("good_rate", "good_rate_mature"))
    assert mature[6] == 0 < mature[7]
    assert (mature <= rated).all()
    assert rated[0] < 0.4 * np.diff(rated)[20:].mean()


@pytest.mark.parametrize("unit", ["request", "student"])
def test_the_variance_is_the_one_that_the_planner_implies_and_the_jackknife_finds(unit: Unit) -> None:
    cell = Cell("spread", 3, unit=unit, ramp=HALF, days=28)
    plan = plan_of(cell)
    found = measure_all(tables(make_worlds(cell, 0, 200), 28, np.arange(200), plan), 200, plan)
    effects = [one for plain, _ in found if (one := plain["good_rate"])]
    seen = np.var([one.estimate for one in effects])
    size = np.mean([one.effective_n for one in effects])
    design = Design(0.7, 0.5, unit, 800.0, 480.0, cell.correlation)
    # the variance of 200 values is known to a tenth; an even split has 4 rated decisions per effective one
    assert seen * size / (0.7 * 0.3) == pytest.approx(implied_design_effect(design, 4 * size), rel=0.25)
    assert np.mean([one.se**2 for one in effects]) == pytest.approx(seen, rel=0.25)


def test_every_kind_of_world_has_a_name_and_a_seed_of_its_own() -> None:
    assert len({cell.name for cell in CELLS}) == len({cell.seed for cell in CELLS}) == len(CELLS)


def test_a_rival_ends_a_world_once() -> None:
    cell = Cell("rivals", 4)
    for endings in rivals(make_worlds(cell, 0, 50), plan_of(cell)).values():
        assert not ((endings.promoted > 0) & (endings.rolled_back > 0)).any()
