"""The effect by school, grade and concept: a table to explore, corrected for its length, never part of a verdict."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pacer_pipelines.decisions.catalogue import say
from pacer_pipelines.decisions.marts import MetricSum, SegmentSum, strata_of
from pacer_pipelines.decisions.wording import (
    FEWEST_COACHES,
    FEWEST_UNITS,
    TOO_FEW,
    difference_text,
    rate_text,
)
from pacer_pipelines.stats import Effect, Strata, segment_effects

STUDENTS = "students"
EXPLORATORY = say("segment.exploratory")


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment's effect; numbers are None where too few stand behind it to show them.

    ``p_holm`` and ``p_bh`` are corrected for every segment of the table that was tested, whatever its attribute.
    """

    attribute: str
    value: str
    effect: Effect | None
    p_holm: float | None
    p_bh: float | None

    @property
    def stands_out(self) -> bool:
        """Whether even the strictest correction leaves something to look at."""
        return self.p_holm is not None and self.p_holm < 0.05


def segments(rows: Iterable[SegmentSum], metric: str) -> tuple[Segment, ...]:
    """The effect on one metric within each segment, ordered by attribute and value.

    A segment is shown only with at least ten students and ten units in each variant, and three coaches with both. If
    one alone of an attribute had to be hidden, what is hidden would be the rest of the whole: then the smallest one
    that is shown is hidden with it.

    Args:
        rows: the published sums of one experiment.
        metric: a metric that has segments.
    """
    found = list(rows)
    names = sorted({(row.attribute, row.value) for row in found if row.metric == metric})
    if not names:
        return ()
    number = {name: position for position, name in enumerate(names)}
    parts = [_strata(found, name, metric) for name in names]
    index = np.repeat(np.arange(len(names)), [part.cluster.size for part in parts])
    table = segment_effects(_joined(parts), index, len(names), FEWEST_UNITS, FEWEST_COACHES)
    students = _fewest_students(found)
    shown = {name for name in names if table.shown[number[name]] and students.get(name, 0.0) >= FEWEST_UNITS}
    shown -= _second_to_hide(names, shown, students)
    return tuple(
        Segment(*name, table.effects.at(at), _known(table.p_holm[at]), _known(table.p_bh[at]))
        if name in shown
        else Segment(*name, None, None, None)
        for name, at in number.items()
    )


def segment_cells(segment: Segment, metric: str) -> tuple[str, ...]:
    """The segment as a row of :data:`HEAD`."""
    effect = segment.effect
    if effect is None:
        return (segment.attribute, segment.value, "-", "-", TOO_FEW, "-", "-", "-", "-")
    return (
        segment.attribute,
        segment.value,
        rate_text(metric, effect.rate_control),
        rate_text(metric, effect.rate_treatment),
        difference_text(metric, effect.estimate),
        f"{effect.n_control:,.0f} / {effect.n_treatment:,.0f}",
        f"{effect.clusters}",
        _p_text(segment.p_holm),
        _p_text(segment.p_bh),
    )


HEAD = (
    *(
        say(f"segment.{name}")
        for name in ("attribute", "segment", "control", "treatment", "effect", "n", "coaches")
    ),
    "p (Holm)",
    "p (BH)",
)


def _strata(rows: list[SegmentSum], name: tuple[str, str], metric: str) -> Strata:
    own = [
        MetricSum(row.phase, row.coach, metric, row.variant, row.n, row.y)
        for row in rows
        if (row.attribute, row.value) == name and row.metric == metric
    ]
    strata = strata_of(own, metric)
    assert strata is not None, "the names come from these rows"
    return strata


def _joined(parts: list[Strata]) -> Strata:
    def column(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    return Strata(
        cluster=column("cluster"),
        n_control=column("n_control"),
        y_control=column("y_control"),
        n_treatment=column("n_treatment"),
        y_treatment=column("y_treatment"),
        binary=parts[0].binary,
        stratum=column("stratum"),
    )


def _fewest_students(rows: list[SegmentSum]) -> dict[tuple[str, str], float]:
    """Students of the smaller variant, by segment."""
    count: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        if row.metric == STUDENTS:
            variants = count.setdefault((row.attribute, row.value), {})
            variants[row.variant] = variants.get(row.variant, 0.0) + row.n
    return {
        name: min(variants.get("control", 0.0), variants.get("treatment", 0.0))
        for name, variants in count.items()
    }


def _second_to_hide(
    names: list[tuple[str, str]], shown: set[tuple[str, str]], students: dict[tuple[str, str], float]
) -> set[tuple[str, str]]:
    hidden: set[tuple[str, str]] = set()
    for attribute in {name[0] for name in names}:
        own = [name for name in names if name[0] == attribute]
        visible = [name for name in own if name in shown]
        if len(own) - len(visible) == 1 and visible:
            hidden.add(min(visible, key=lambda name: (students.get(name, 0.0), name)))
    return hidden


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _p_text(p: float | None) -> str:
    return "-" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"
