"""The check of a plan as a person reads it: the answer first, then how we know it."""

import textwrap
from collections.abc import Iterable
from typing import Any

from pacer_pipelines.decisions.plan_advice import costs, effect_points, problems, remedies, warnings
from pacer_pipelines.decisions.plan_check import PlanCheck, SplitRow, UnitRow
from pacer_pipelines.decisions.wording import metric_name

WIDTH, MARGIN = 96, 10


def plan_text(check: PlanCheck, source: str) -> str:
    """The check for a terminal or a file, at most 96 columns.

    Args:
        check: the numbers.
        source: where the traffic comes from.
    """
    stops = problems(check)
    verdict = "CANNOT END IN TIME" if stops else "CAN END IN TIME"
    blocks = [
        [f"{verdict} {check.plan.slug}, plan {check.plan.plan_hash[:12]}"],
        _entry("Why not", stops),
        _entry("Would help", remedies(check) if stops else ()),
        _entry("Mind", warnings(check)),
        _entry("Asks", [_question(check)]),
        _entry("Traffic", [_traffic(check), source]),
        _entry("Sample", [_sample(check)]),
        _entry("Finds", [_finds(check)]),
        _table(check),
        _entry("Costs", costs(check)),
        ["* the plan's first share. Requests count once their ratings are in; found: with 80 % power."],
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def plan_object(check: PlanCheck, source: str) -> dict[str, Any]:
    """The check for a machine: the numbers and the same sentences.

    Args:
        check: the numbers.
        source: where the traffic comes from.
    """
    stops = problems(check)
    return {
        **check.to_dict(),
        "traffic_source": source,
        "can_end_in_time": not stops,
        "problems": stops,
        "remedies": remedies(check) if stops else (),
        "warnings": warnings(check),
        "costs": costs(check),
    }


def _question(check: PlanCheck) -> str:
    primary = check.plan.primary
    return (
        f"{metric_name(primary.metric)} {100 * primary.baseline:g} % in A, {effect_points(primary.smallest_effect)} "
        f"better in B, randomised by {check.plan.randomization_unit}, design effect {primary.design_effect:g} "
        f"(this traffic implies {check.implied_design_effect:.1f})"
    )


def _traffic(check: PlanCheck) -> str:
    traffic = check.traffic
    return (
        f"{traffic.requests_per_day:,.0f} requests a day, {100 * traffic.rated_share:.1f} % rated after "
        f"{check.plan.maturity.rating_days} days, {traffic.students:,} students, correlation "
        f"{traffic.student_correlation:.3f}"
    )


def _sample(check: PlanCheck) -> str:
    size = f"{check.planned_treatment_n:,.0f} rated decisions of B at {check.share:g} %"
    full = "never full" if check.sample_day is None else f"full on day {check.sample_day}"
    look = f", looked at on day {check.end_day}" if check.end_day is not None else ""
    last = f"max_days {check.plan.duration.max_days}"
    return f"{size} (effective size {check.planned_effective_n:,.0f}), {full}{look}; {last}"


def _finds(check: PlanCheck) -> str:
    own = check.own
    least = "nothing yet" if own.finds is None else f"{effect_points(own.finds)} or more"
    ever = f", and never less than {effect_points(own.finds_ever)}" if own.finds_ever else ""
    return f"on {_last_day(check)} {least}{ever}"


def _last_day(check: PlanCheck) -> str:
    return f"day {check.last_look or check.plan.duration.max_days}"


def _table(check: PlanCheck) -> list[str]:
    day = f"on {_last_day(check)}"
    effect = effect_points(check.plan.primary.smallest_effect)
    head = ("B", "sample full", f"request: {effect}", day, f"student: {effect}", day, "at best")
    cells = [_short(line) for line in (head, *(_cells(row, check.share) for row in check.splits))]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    lines = (cells[0], tuple("-" * width for width in widths), *cells[1:])
    return ["  ".join(f"{c:>{w}}" for c, w in zip(line, widths, strict=True)) for line in lines]


def _short(cells: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(cell.replace(" points", " pt") for cell in cells)


def _cells(row: SplitRow, own: float) -> tuple[str, ...]:
    name = f"{'* ' if row.share == own else ''}{row.share:g} %"
    return (
        name, _day(row.sample_day), *_unit_cells(row.request), *_unit_cells(row.student),
        effect_points(row.student.finds_ever),
    )  # fmt: skip


def _unit_cells(row: UnitRow) -> tuple[str, str]:
    return _day(row.finds_on), "-" if row.finds is None else effect_points(row.finds)


def _day(day: int | None) -> str:
    return "never" if day is None else f"day {day}"


def _entry(name: str, items: Iterable[str]) -> list[str]:
    """A word in the margin and its paragraphs beside it."""
    pad = " " * (MARGIN + 1)
    lines = [
        pad + line for item in items for line in textwrap.wrap(item, WIDTH - len(pad), subsequent_indent="  ")
    ]
    return [f"{name:<{len(pad)}}" + lines[0].lstrip(), *lines[1:]] if lines else []
