"""What each metric says of rows that are made by hand: labels, alarms, margins, and the worst reading of silence."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pacer_pipelines.decisions.findings import (
    Clock,
    find_all,
    find_bound,
    needs_bound,
    rating_rate_difference,
)
from pacer_pipelines.decisions.marts import DecisionSum, ExposureDay, MartRows, MetricSum
from pacer_pipelines.decisions.measures import Measured
from pacer_pipelines.decisions.values import Finding
from pacer_pipelines.plan import load_plan
from pacer_pipelines.stats import Effect

PLAN = load_plan(Path(__file__).parents[2] / "experiments" / "judge-model-v2.toml")
EMPTY = MartRows((), (), (), (), ())
COACHES = 12


def rows(metric: str, n: tuple[float, float], rates: tuple[float, float], coaches: int = COACHES) -> MartRows:
    """Coaches with the same n and nearly the same rates: a little spread, so that the jackknife sees some."""
    sums = []
    for coach in range(coaches):
        for variant, size, rate in zip(("control", "treatment"), n, rates, strict=True):
            spread = size * 0.01 * (coach % 3 - 1 if variant == "control" else coach % 4 - 1.5)
            sums.append(MetricSum("1", f"c{coach:02d}", metric, variant, size, round(size * rate + spread)))
    return replace(EMPTY, metrics=tuple(sums))


def finding(marts: MartRows, metric: str) -> Finding:
    return next(item for item in find_all(marts, PLAN) if item.metric == metric)


def test_without_rows_every_finding_says_no_data() -> None:
    found = find_all(EMPTY, PLAN)
    assert {item.label for item in found} == {"no_data"}
    assert not any(item.passes or item.alarm for item in found)


def test_a_large_win_is_better_and_passes() -> None:
    seen = finding(rows("good_rate", (400, 200), (0.70, 0.85)), "good_rate")
    assert (seen.label, seen.passes, seen.alarm) == ("better", True, False)
    # 12 coaches x 200 rated decisions in B; 12 x 400 in A
    assert (seen.n_treatment, seen.n_control, seen.coaches) == (2400, 4800, 12)
    assert seen.interval is not None
    assert seen.effect is not None
    assert seen.interval[0] < seen.effect < seen.interval[1]


def test_a_large_loss_is_an_alarm() -> None:
    seen = finding(rows("good_rate", (400, 200), (0.85, 0.60)), "good_rate")
    assert (seen.label, seen.alarm, seen.passes) == ("worse", True, False)


@pytest.mark.parametrize(
    ("n", "coaches"), [((400, 4), 12), ((400, 200), 7)], ids=["48 rated in B", "7 coaches"]
)
def test_a_loss_seen_by_too_few_is_no_alarm_yet(n: tuple[float, float], coaches: int) -> None:
    assert not finding(rows("good_rate", n, (0.95, 0.30), coaches), "good_rate").alarm


def test_a_guarded_metric_waits_for_enough_coaches_before_it_alarms() -> None:
    assert finding(rows("engagement", (100, 100), (1.2, 0.4), coaches=12), "engagement").alarm
    assert not finding(rows("engagement", (100, 100), (1.2, 0.4), coaches=7), "engagement").alarm


def test_failures_wait_for_nobody() -> None:
    broken = finding(rows("failure_rate", (100, 30), (0.01, 0.9), coaches=3), "failure_rate")
    assert broken.coaches == 3
    assert broken.alarm


def test_more_failures_within_the_margin_are_no_harm() -> None:
    # +0.5 points in B, the plan allows +1 point
    seen = finding(rows("failure_rate", (4000, 2000), (0.010, 0.015)), "failure_rate")
    assert not seen.alarm
    assert seen.margin == pytest.approx(0.01)


def test_the_same_rate_in_both_is_non_inferior_once_enough_is_known() -> None:
    known = rows("card_rate", (4000, 2000), (0.56, 0.56))
    clock = rows("good_rate", (400, 200), (0.78, 0.79))
    seen = finding(replace(known, metrics=known.metrics + clock.metrics), "card_rate")
    assert (seen.label, seen.passes) == ("non_inferior", True)


def test_no_significant_drop_is_not_non_inferiority() -> None:
    few = rows("card_rate", (40, 20), (0.56, 0.54))
    seen = finding(few, "card_rate")
    assert (seen.label, seen.passes) == ("inconclusive", False)


def rated(rate_in_b: float, good_in_b: float) -> MartRows:
    """Mature requests: A rated at 40 % with 78 % GOOD; B as given."""
    requests = rows("rating_rate", (2000, 1000), (0.40, rate_in_b)).metrics
    counts = {(row.coach, row.variant): row.y for row in requests}
    good = tuple(
        MetricSum("1", coach, metric, variant, n, round(n * (0.78 if variant == "control" else good_in_b)))
        for metric in ("good_rate", "good_rate_mature")
        for (coach, variant), n in counts.items()
    )
    return replace(EMPTY, metrics=requests + good)


def test_alike_rated_variants_need_no_bound() -> None:
    assert not any("per_request" in item.metric for item in find_all(rated(0.40, 0.82), PLAN))


def test_a_win_made_of_unrated_bad_answers_does_not_survive_its_worst_reading() -> None:
    # B's BAD answers are rated 32 % of the time instead of 40 %: 0.78 * 0.40 GOOD and 0.22 * 0.32 BAD per request
    share = 0.78 * 0.40 + 0.22 * 0.32
    found = find_all(rated(share, 0.78 * 0.40 / share), PLAN)
    primary = next(item for item in found if item.metric == "good_rate")
    bound = next(item for item in found if item.metric == "good_per_request")
    assert primary.passes
    assert not bound.passes


def test_a_b_that_is_rated_more_is_asked_for_fewer_bad_per_request() -> None:
    found = find_all(rated(0.55, 0.80), PLAN)
    bound = next(item for item in found if item.metric == "no_bad_per_request")
    # BAD per request: A 0.40 * 0.22 = 0.088, B 0.55 * 0.20 = 0.110
    assert bound.effect == pytest.approx(0.088 - 0.110, abs=0.005)
    assert not bound.passes


def test_the_tipping_point_is_told_beside_the_rated_share() -> None:
    # +4 points on rated requests, 60 % of B's requests unrated: 4 / 0.6 = 6.7 points would turn the sign
    note = finding(rated(0.40, 0.82), "rating_rate").note
    assert note.endswith("6.7 points less often GOOD than its rated ones to overturn the sign")
    worse = finding(rated(0.40, 0.74), "rating_rate").note
    assert worse.endswith("6.7 points more often GOOD than its rated ones to overturn the sign")


def test_where_nearly_everything_is_rated_no_missing_rating_can_overturn_the_sign() -> None:
    # 5 % unrated and +10 points: 200 points would be needed
    requests = rows("rating_rate", (2000, 1000), (0.95, 0.95))
    good = rows("good_rate_mature", (1900, 950), (0.70, 0.80))
    fitted = tuple(
        row._replace(
            n=next(r.y for r in requests.metrics if (r.coach, r.variant) == (row.coach, row.variant))
        )
        for row in good.metrics
    )
    note = finding(replace(EMPTY, metrics=requests.metrics + fitted), "rating_rate").note
    assert note.endswith("; no difference of B's unrated requests could overturn the sign")


def test_without_unrated_requests_there_is_no_tipping_point_to_tell() -> None:
    every = tuple(row._replace(y=row.n) for row in rows("rating_rate", (200, 100), (1, 1)).metrics)
    good = rows("good_rate_mature", (200, 100), (0.7, 0.8)).metrics
    seen = finding(replace(EMPTY, metrics=every + good), "rating_rate")
    assert "overturn" not in seen.note


def test_nothing_is_told_relative_to_a_rate_of_zero() -> None:
    none = tuple(row._replace(y=0.0) for row in rows("good_rate", (400, 200), (0.7, 0.8)).metrics)
    seen = finding(replace(EMPTY, metrics=none), "good_rate")
    assert seen.effect == 0
    assert (seen.relative, seen.relative_interval) == (None, None)


def test_the_relative_effect_is_the_effect_over_controls_rate() -> None:
    seen = finding(rows("good_rate", (400, 200), (0.70, 0.85)), "good_rate")
    assert seen.effect is not None
    assert seen.relative == pytest.approx(seen.effect / seen.rate_control, rel=1e-3)  # type: ignore[operator]
    assert seen.relative_interval is not None
    assert seen.relative_interval[0] < seen.relative < seen.relative_interval[1]  # type: ignore[operator]


def test_the_p_value_agrees_with_the_promote_bar() -> None:
    for rates in ((0.70, 0.85), (0.70, 0.71)):
        seen = finding(rows("good_rate", (400, 200), rates), "good_rate")
        assert seen.p_value is not None
        # 2 (1 - Phi(1.96)) is the plan's one-sided 5 %
        assert seen.passes == (seen.p_value <= 0.049996)


def test_the_clock_counts_effective_size_over_a_ramp() -> None:
    # 12 coaches: 90 and 10 rated in the first phase, 70 and 30 in the second; W = 12 (90*10/100 + 70*30/100)
    first, second = rows("good_rate", (90, 10), (0.7, 0.7)), rows("good_rate", (70, 30), (0.7, 0.7))
    both = first.metrics + tuple(row._replace(phase="2") for row in second.metrics)
    seen = finding(replace(EMPTY, metrics=both), "good_rate")
    assert seen.effective_n == pytest.approx(12 * (9 + 21))
    # (1.96 + 0.84)^2 * 0.78 * 0.22 * 1.5 / 0.03^2 = 2,242.2
    assert seen.information == pytest.approx(12 * 30 / 2242.24, rel=1e-4)


def test_ratings_weighted_by_decision_undo_the_choice_of_what_is_rated() -> None:
    # Both variants: APPROVE rated 80 %, REJECT 20 %. B is better on REJECT only, by 20 points, on half the requests.
    decisions = tuple(
        DecisionSum("1", f"c{coach:02d}", variant, decision, 100, rated, round(rated * good) + coach % 2)
        for coach in range(COACHES)
        for variant in ("control", "treatment")
        for decision, rated, good in (
            ("APPROVE", 80, 0.8),
            ("REJECT", 20, 0.5 if variant == "control" else 0.7),
        )
    )
    seen = finding(replace(EMPTY, decisions=decisions), "good_rate_by_decision")
    # half the requests gain 20 points: +10 points; the rated rows alone would say 20 of 100 rows gain, +4 points
    assert seen.effect == pytest.approx(0.10, abs=1e-9)
    assert seen.passes


def test_phases_are_told_by_their_first_exposure() -> None:
    exposures = (
        ExposureDay("2", date(2026, 11, 7), "control", 10, 0),
        ExposureDay("10", date(2026, 11, 9), "control", 10, 0),
        ExposureDay("2", date(2026, 11, 8), "treatment", 10, 0),
    )
    marts = replace(EMPTY, exposures=exposures)
    assert marts.phases() == ["2", "10"]
    assert marts.phase_start("10") == date(2026, 11, 9)


ALIKE = Finding("rating_rate", "health", "inconclusive", "higher", effect=0.0, rate_control=0.4)


@pytest.mark.parametrize(
    ("effect", "label", "asked"),
    [
        # the plan flags a relative difference above 2.5 %: 0.01 of 0.4
        (0.0, "inconclusive", False), (0.01, "inconclusive", False), (-0.01, "inconclusive", False),
        (0.0101, "inconclusive", True), (-0.0101, "inconclusive", True),
        # a certain difference asks for the bound however small it is
        (0.001, "better", True), (-0.001, "worse", True), (None, "no_data", False), (None, "worse", False),
    ],
)  # fmt: skip
def test_a_rated_share_that_differs_by_size_or_for_certain_asks_for_the_worst_reading(
    effect: float | None, label: str, asked: bool
) -> None:
    assert needs_bound(replace(ALIKE, effect=effect, label=label), PLAN) is asked  # type: ignore[arg-type]


def test_a_rated_share_is_compared_with_controls_own() -> None:
    assert rating_rate_difference(replace(ALIKE, effect=0.02)) == pytest.approx(0.05)
    assert rating_rate_difference(replace(ALIKE, effect=0.02, rate_control=0.0)) == 0
    assert rating_rate_difference(replace(ALIKE, effect=0.02, rate_control=None)) == 0
    assert rating_rate_difference(replace(ALIKE, effect=None)) == 0


@pytest.mark.parametrize(("difference", "name"), [
    (-0.02, "good_per_request"), (0.0, "good_per_request"), (None, "good_per_request"), (0.02, "no_bad_per_request"),
])  # fmt: skip
@pytest.mark.parametrize(("bar", "passes"), [(2.76, True), (2.77, False)])
def test_the_worst_reading_passes_at_the_promote_bar(
    difference: float | None, name: str, bar: float, passes: bool
) -> None:
    asked: list[float] = []
    effect = Effect(
        estimate=0.03, se=0.01, clusters=24, df=23, t=3.0, z_star=2.76, n_control=9000, n_treatment=3000,
        rate_control=0.3, rate_treatment=0.33, strata=24, effective_n=2250, slope=0.0,
    )  # fmt: skip

    def bound(missing: float) -> Effect:
        asked.append(missing)
        return effect

    measured = Measured({}, {}, lambda: None, bound, lambda: None, lambda metric, multiplier: None)
    clock = Clock(
        planned=2242, fraction=0.5, bar=bar, alarm_alpha=0.025, primary_opt=210, guarded_opt=374
    )  # fmt: skip
    found = find_bound(measured, replace(ALIKE, effect=difference), clock)
    assert (found.metric, found.role, found.better) == (name, "sensitivity", "higher")
    # at the bar itself is over it
    assert (found.passes, found.label) == (passes, "better" if passes else "inconclusive")
    assert asked == [difference or 0.0]
