"""The tables of a plan: what it serves, how long it runs, how B climbs, when it is cut (docs/statistics.md)."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from pacer_pipelines.metrics import Frozen, Share

Percent = Annotated[float, Field(gt=0, le=100)]
Days = Annotated[int, Field(ge=1, le=365)]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class Variant(Frozen):
    """One arm: how the flag names it, and what it serves."""

    variant: Annotated[
        str, Field(min_length=1, max_length=40, description="name of the variant in the flag file")
    ]
    model: Text
    version: Text
    prompt: Annotated[str, Field(max_length=200, description="name or hash of the prompt")] = ""


class LeftOut(Frozen):
    """A segment that is never analysed, because it was never randomised."""

    attribute: Literal["school", "grade", "coach"]
    value: Text
    why: Text


class Alphas(Frozen):
    """Error rates: one-sided, for the whole experiment, however often it is looked at."""

    promote: Annotated[float, Field(gt=0, le=0.2)] = 0.05
    alarm: Annotated[float, Field(gt=0, le=0.2)] = 0.05
    srm: Annotated[float, Field(gt=0, le=0.2)] = 0.05


class Duration(Frozen):
    """How long the experiment runs at least and at most, and what the deadline does."""

    min_days: Days = 7
    max_days: Days = 42
    whole_weeks: bool = True
    at_deadline: Literal["keep_control", "keep_split"] = "keep_control"

    @model_validator(mode="after")
    def _ordered(self) -> "Duration":
        if self.max_days < self.min_days:
            raise ValueError(f"max_days >= min_days ({self.min_days})")
        return self


class Minimums(Frozen):
    """What must have been seen before a verdict may move traffic."""

    promote_rated: Annotated[int, Field(ge=1)] = 200
    promote_coaches: Annotated[int, Field(ge=2)] = 10
    alarm_rated: Annotated[int, Field(ge=1)] = 50
    alarm_coaches: Annotated[int, Field(ge=2)] = 8


class Maturity(Frozen):
    """Days after which a request's ratings and a card's reviews count as complete."""

    rating_days: Days = 7
    card_days: Days = 7


class Health(Frozen):
    """Limits of the checks on the experiment itself."""

    two_variant_units: Share = 0.01
    multi_coach_units: Share = 0.10
    rating_rate_flag: Share = 0.025
    rating_rate_block: Share = 0.15


class Rollout(Frozen):
    """The ladder of traffic shares of B, in percent, and how long each step lasts at least.

    With ``holdback``, the last step leaves that much on A for ``holdback_days``, so that harm can still be seen; only
    then does B get everything. ``approval = "required"`` lets each step up wait for a person (``pacer approve``);
    a rollback never waits.
    """

    steps: tuple[Percent, ...] = (10.0, 25.0, 50.0, 100.0)
    step_min_days: Days | tuple[Days, ...] = 7
    holdback: Annotated[
        float | None, Field(gt=0, lt=50, description="percent kept on A after the last step")
    ] = None
    holdback_days: Days | None = None
    approval: Literal["automatic", "required"] | None = None
    approval_days: Annotated[Days | None, Field(description="days for which a promotion can be approved")] = (
        None
    )

    @field_validator("steps")
    @classmethod
    def _rising_to_100(cls, steps: tuple[float, ...]) -> tuple[float, ...]:
        if not steps or list(steps) != sorted(set(steps)) or steps[-1] != 100:
            raise ValueError("rising percentages that end with 100")
        return steps

    @model_validator(mode="after")
    def _fitting(self) -> "Rollout":
        if isinstance(self.step_min_days, tuple) and len(self.step_min_days) != len(self.steps):
            raise ValueError(f"step_min_days: one number, or one per step ({len(self.steps)})")
        if list(self.ladder) != sorted(set(self.ladder)):
            raise ValueError("a holdback that leaves the last step above the one before it")
        return self

    @property
    def ladder(self) -> tuple[float, ...]:
        """Every share of B on the way up, in percent; a holdback is one more step before 100."""
        return self.steps if self.holdback is None else (*self.steps[:-1], 100 - self.holdback, 100.0)

    def next_share(self, share: float) -> float:
        """Share (percent) of the step after ``share``; 100 stays 100."""
        return next((step for step in self.ladder if step > share + 1e-9), 100.0)

    def min_days(self, share: float) -> int:
        """Days that the step with ``share`` percent lasts at least; a share beside the ladder as the step below it."""
        if self.holdback is not None and share + 1e-9 >= 100 - self.holdback:
            return self.holdback_days or 28
        if isinstance(self.step_min_days, int):
            return self.step_min_days
        step = sum(step <= share + 1e-9 for step in self.steps)
        return self.step_min_days[max(step - 1, 0)]

    @property
    def needs_approval(self) -> bool:
        """Whether a step up waits for a person."""
        return self.approval == "required"


class Watch(Frozen):
    """When B is cut during the day, on the raw logs, without waiting for the daily verdict.

    ``alpha`` is the chance that a sound B is ever cut by it, over all signals and days, on top of the daily alarm's.
    Each margin is how much worse B's share may be than A's, as a difference of shares: of failed calls
    (default: the plan's own margin for ``failure_rate``), of calls slower than ``slow_ms``, of BAD among ratings.
    """

    alpha: Annotated[float, Field(gt=0, le=0.2)] = 0.01
    failures: Share | None = None
    malformed: Share | None = None
    malformed_errors: tuple[Text, ...] = ("JSONDecodeError", "ValidationError", "MalformedAnswer")
    slow_ms: Annotated[float, Field(gt=0)] = 10_000.0
    slow: Share = 0.05
    bad: Share = 0.20
    min_units: Annotated[
        int, Field(ge=1, description="students of B that must show the harm, so that one alone cuts nothing")
    ] = 3


class Traffic(Frozen):
    """What the plan expects to see, for the planner; from PACER's logs of the weeks before."""

    requests_per_day: Annotated[float, Field(gt=0, description="judge calls a day, both variants")]
    rated_share: Annotated[Share, Field(description="share of requests that coaches rate in the end")]
    students: Annotated[int, Field(ge=2, description="students with a request during the experiment")]
    student_correlation: Annotated[
        float, Field(ge=0, lt=1, description="correlation of two ratings of one student under one coach")
    ] = 0.05
