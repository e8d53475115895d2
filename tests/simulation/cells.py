"""The grid of the calibration, as data, and the plan that each kind of world obeys."""

from datetime import date

from pacer_pipelines.metrics import Guarded, Margin, Primary
from pacer_pipelines.plan import Plan
from pacer_pipelines.plan_parts import Duration, Traffic, Variant

from .truth import Cell

RAMP = ((1, 10.0), (6, 30.0), (15, 50.0))
HALF = ((1, 50.0),)
# 1 + (m - 1) x correlation, m rated decisions per student when the sample is full or the last day comes: the
# planner's `implied_design_effect`. The covariate leaves (1 - 47 / (47 + 19)) of the correlation.
BY_STUDENT, BY_STUDENT_HALF = 4.2, 4.0
ADJUSTED, ADJUSTED_HALF = 1.9, 1.3

CELLS: tuple[Cell, ...] = (
    Cell("null, by request", 101),
    Cell("null, by request, whole weeks", 102, whole_weeks=True, weekly=True),
    Cell("null, by request, 10 coaches", 103, coaches=10),
    Cell("null, by request, 24 coaches", 115, coaches=24),
    Cell("null, effect varies by coach (3 points)", 104, effect_sd=0.03),
    Cell("null, effect varies, 10 coaches", 105, effect_sd=0.03, coaches=10),
    Cell("null, ramp", 106, ramp=RAMP),
    Cell("null, ramp, BAD comes first", 107, ramp=RAMP, bad_first=True),
    Cell("null, B's BAD rated 32 % instead of 40 %", 108, bad_rated=0.8),
    Cell("null, by student", 109, unit="student", design_effect=BY_STUDENT),
    Cell("null, by student at 50 %", 110, unit="student", ramp=HALF, design_effect=BY_STUDENT_HALF),
    Cell("null, by student, ramp", 111, unit="student", ramp=RAMP, design_effect=BY_STUDENT_HALF),
    Cell("null, by student, covariate", 112, unit="student", covariate=True, design_effect=ADJUSTED),
    Cell(
        "null, by student at 50 %, covariate", 113,
        unit="student", covariate=True, ramp=HALF, design_effect=ADJUSTED_HALF,
    ),
    Cell("null, by student at 50 %, plan says 1.5", 114, unit="student", ramp=HALF, design_effect=1.5),
    Cell("+3 points, by request", 201, effect=0.03),
    Cell("+5 points, by request", 202, effect=0.05),
    Cell("+3 points, by request, whole weeks", 203, effect=0.03, whole_weeks=True, weekly=True),
    Cell("+3 points, by student at 50 %", 204, effect=0.03, unit="student", ramp=HALF, design_effect=BY_STUDENT_HALF),
    Cell(
        "+3 points, by student at 50 %, covariate", 205,
        effect=0.03, unit="student", covariate=True, ramp=HALF, design_effect=ADJUSTED_HALF,
    ),
    Cell("+5 points, cards and reviews -10 %", 206, effect=0.05, card_effect=-0.1, engagement_effect=-0.1),
    Cell("-3 points, by request", 301, effect=-0.03),
    Cell("-5 points, by request", 302, effect=-0.05),
    Cell("-5 points, by request, 10 coaches", 307, effect=-0.05, coaches=10),
    Cell("-15 points, by request", 303, effect=-0.15),
    Cell("-5 points, by student", 304, effect=-0.05, unit="student", design_effect=BY_STUDENT),
    Cell("-5 points, by student at 50 %", 305, effect=-0.05, unit="student", ramp=HALF, design_effect=BY_STUDENT_HALF),
    Cell("B fails in 5 % of judgements", 306, failures=0.05),
)  # fmt: skip


def plan_of(cell: Cell) -> Plan:
    """The plan of a cell: as experiments/judge-model-v2.toml, with the cell's unit, split and days."""
    engagement = 0.25 if cell.unit == "student" else 0.10
    return Plan(
        slug="simulated",
        experiment_id="simulated",
        flag_key="judge-model",
        hypothesis="a simulated experiment whose truth is known",
        owner="llm-quality@pacer.example",
        slack_channel="#pacer-experiments",
        start_date=date(2026, 11, 2),
        randomization_unit="student" if cell.unit == "student" else "request",
        control=Variant(variant="A", model="a", version="1"),
        treatment=Variant(variant="B", model="b", version="2"),
        primary=Primary(
            baseline=cell.good,
            smallest_effect=0.03,
            design_effect=cell.design_effect,
            covariate="pre_period" if cell.covariate else None,
        ),
        secondary=(
            Guarded(metric="card_rate", better="higher", margin=Margin(relative=0.10)),
            Guarded(metric="engagement", better="higher", margin=Margin(relative=engagement)),
        ),
        guardrails=(Guarded(metric="failure_rate", better="lower", margin=Margin(absolute=0.01)),),
        duration=Duration(max_days=cell.days, whole_weeks=cell.whole_weeks),
        rollout={"steps": (cell.ramp[0][1], *(step for step in (10, 30, 50, 100) if step > cell.ramp[0][1]))},
        traffic=Traffic(
            requests_per_day=cell.requests_per_day,
            rated_share=0.4,
            students=cell.students,
            student_correlation=cell.correlation,
        ),
    )
