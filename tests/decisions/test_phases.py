"""Phases within a version of the flag file: what their names say, and what a change of identity begins anew."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pacer_pipelines.decisions.evidence import gather, identity_changed, present_step
from pacer_pipelines.decisions.judge import judge
from pacer_pipelines.decisions.marts import ExposureDay, MartRows, ServedIdentity
from pacer_pipelines.decisions.phases import flag_version_of, opening_of
from pacer_pipelines.decisions.rules import obstacles
from pacer_pipelines.decisions.values import Past

from .made_weeks import START, made_weeks
from .test_judge import PLAN, inputs


@pytest.mark.parametrize(
    ("phase", "version", "opening"),
    [
        ("2", "2", 1), ("2~2", "2", 2), ("2~10", "2", 10), ("snapshot", "snapshot", 1),
        # a person may name a version as he likes
        ("2026-11", "2026-11", 1), ("~2", "~2", 1), ("v~beta", "v~beta", 1), ("2~", "2~", 1),
    ],
)  # fmt: skip
def test_a_phase_is_a_version_and_an_opening(phase: str, version: str, opening: int) -> None:
    assert (flag_version_of(phase), opening_of(phase)) == (version, opening)


def days(*phases: str, identities: tuple[ServedIdentity, ...] = ()) -> MartRows:
    """Marts in which each phase lasts a day."""
    every = [START + timedelta(days=number) for number in range(len(phases))]
    exposures = tuple(
        ExposureDay(phase, day, "control", 1, 0) for phase, day in zip(phases, every, strict=True)
    )
    return MartRows((), (), (), exposures, (), identities=identities)


def says(phase: str, digest: str, variant: str = "treatment") -> ServedIdentity:
    return ServedIdentity(phase, variant, "model_digest", digest, 10, 10, 1)


def test_openings_of_one_day_come_in_their_own_order() -> None:
    on_one_day = tuple(
        ExposureDay(phase, START, "control", 1, 0) for phase in ("2~10", "2", "2~9", "1", "2~2")
    )
    rows = replace(days(), exposures=on_one_day)
    assert rows.phases() == ["1", "2", "2~2", "2~9", "2~10"]
    assert rows.flag_versions() == ["1", "2"]


def test_the_present_step_begins_anew_with_what_is_served() -> None:
    shares = {"1": 30.0, "2": 30.0, "3": 30.0}
    assert present_step(days("1", "2", "2~2"), shares) == ["2~2"]
    # another flag of the file has moved since: that begins a phase, and no step
    assert present_step(days("1", "2", "2~2", "3"), shares) == ["2~2", "3"]
    assert present_step(days("1", "2"), shares) == ["1", "2"]
    assert present_step(days("1", "1~2", "2"), {"1": 10.0, "2": 30.0}) == ["2"]


def test_a_version_that_serves_something_else_at_the_same_share_begins_a_step() -> None:
    shares = {"1": 30.0, "2": 30.0}
    other = days("1", "2", identities=(says("1", "d1"), says("2", "d2")))
    assert present_step(other, shares) == ["2"]
    same = days("1", "2", identities=(says("1", "d1"), says("2", "d1"), says("2", "c", "control")))
    # of control version 1 says nothing, which is no change
    assert present_step(same, shares) == ["1", "2"]
    assert not identity_changed(same, "2", "1")


def changed_on_day_ten() -> MartRows:
    """Two weeks in which the model behind B is replaced on the eleventh of November, day 10."""

    def phase(row: ExposureDay) -> ExposureDay:
        return row._replace(phase="1~2") if row.date >= START + timedelta(days=9) else row

    rows = made_weeks(gain=0.08)
    late = tuple(row._replace(phase="1~2", n=row.n / 2, y=row.y / 2) for row in rows.metrics)
    early = tuple(row._replace(n=row.n / 2, y=row.y / 2) for row in rows.metrics)
    return replace(rows, metrics=early + late, exposures=tuple(map(phase, rows.exposures)))


def test_a_win_waits_for_the_days_of_what_is_served_now_and_says_why() -> None:
    found = gather(inputs(changed_on_day_ten()), PLAN)
    assert (found.phase, found.share, found.phase_day) == ("1", 30.0, 5)
    assert found.identity_changed == START + timedelta(days=9)
    assert obstacles(found, PLAN) == (
        "day 5 of at least 7 at this share of traffic; what is served changed on 2026-11-11",
    )
    told = judge(inputs(changed_on_day_ten()), PLAN, "test")
    assert (told.rule, told.phase, told.share_before, told.share_after) == ("waiting", "1", 30.0, 30.0)


def test_what_is_served_now_must_not_point_the_other_way() -> None:
    """The win was another model's: the new one is worse, and its own sign is asked without a promotion before."""
    rows = changed_on_day_ten()
    worse = tuple(
        row._replace(y=row.y * 0.9)
        if (row.phase, row.metric, row.variant) == ("1~2", "good_rate", "treatment")
        else row
        for row in rows.metrics
    )
    found = gather(inputs(replace(rows, metrics=worse)), PLAN).finding("good_rate_this_step")
    assert found is not None
    assert found.effect is not None
    assert found.effect < 0
    assert not found.passes
    assert gather(inputs(made_weeks()), PLAN).finding("good_rate_this_step") is None


def test_a_step_that_the_share_began_says_nothing_of_identity() -> None:
    rows = days("1", "2")
    evidence = gather(
        inputs(rows, day=2, shares={"1": 10.0, "2": 30.0}, history=(Past(START, "promote", "win"),)), PLAN
    )
    assert evidence.identity_changed is None
    assert gather(inputs(days(), day=1, shares={}), PLAN).identity_changed is None
