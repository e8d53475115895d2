"""The metrics that a plan can name, and what it says of each: direction, margin, cap."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MetricName = Literal[
    "good_rate", "card_rate", "engagement", "card_reviewed_rate", "retention", "failure_rate", "latency", "tokens",
    "cost",
]  # fmt: skip
# each unit of the denominator (request, exposure, card, answer) adds 0 or 1
BINARY_METRICS: frozenset[str] = frozenset(
    {"good_rate", "good_rate_mature", "rating_rate", "failure_rate", "card_reviewed_rate", "retention"}
)
# a few huge values would decide a mean: the plan says where they are cut
SKEWED_METRICS: frozenset[str] = frozenset({"latency", "tokens", "cost"})
LOWER_IS_BETTER: frozenset[str] = SKEWED_METRICS | {"failure_rate"}
# shares of cards and of answers, summed only where a plan names them (docs/engagement.md)
CARD_SHARES: frozenset[str] = frozenset({"card_reviewed_rate", "retention"})

Share = Annotated[float, Field(gt=0, lt=1)]


class Frozen(BaseModel):
    """A part of a plan: unchangeable, and without keys that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Margin(Frozen):
    """How much worse B may be: a share of A's rate (relative) or points (absolute)."""

    relative: Annotated[float, Field(ge=0, lt=1)] = 0.0
    absolute: Annotated[float, Field(ge=0)] = 0.0

    @model_validator(mode="after")
    def _one_of_two(self) -> "Margin":
        if (self.relative > 0) == (self.absolute > 0):
            raise ValueError("exactly one of relative and absolute above 0")
        return self


class Primary(Frozen):
    """The metric that decides, and the smallest effect that is worth a change."""

    metric: Literal["good_rate"] = "good_rate"
    baseline: Annotated[Share, Field(description="expected rate of control")]
    smallest_effect: Annotated[
        float, Field(gt=0, le=0.5, description="smallest effect of interest, absolute")
    ] = 0.03
    design_effect: Annotated[
        float, Field(ge=1, le=50, description="variance under this design over that of independent rows")
    ] = 1.0
    covariate: Annotated[
        Literal["pre_period"] | None,
        Field(
            description="adjust by each student's ratings before the start (CUPED); not given: no adjustment"
        ),
    ] = None


class Guarded(Frozen):
    """A metric that B must not harm: the direction that is better, and the margin."""

    metric: MetricName
    better: Literal["higher", "lower"]
    margin: Margin
    winsorise_at: Annotated[
        float | None,
        Field(gt=0, description="latency (ms), tokens and cost (USD): what exceeds this counts as this"),
    ] = None

    @model_validator(mode="after")
    def _direction(self) -> "Guarded":
        better = "lower" if self.metric in LOWER_IS_BETTER else "higher"
        if self.better != better:
            raise ValueError(f"better = {better!r} for {self.metric}")
        return self

    @model_validator(mode="after")
    def _margin_of_a_share(self) -> "Guarded":
        if self.metric in CARD_SHARES and self.margin.absolute >= 1:
            raise ValueError(
                f"an absolute margin below 1 for {self.metric}, which is a share: 0.05 is 5 points"
            )
        return self

    @model_validator(mode="after")
    def _cap(self) -> "Guarded":
        if (self.winsorise_at is not None) != (self.metric in SKEWED_METRICS):
            needed = "with" if self.metric in SKEWED_METRICS else "without"
            raise ValueError(f"{self.metric} {needed} winsorise_at")
        return self
