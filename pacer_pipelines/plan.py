"""The vocabulary of an experiment: a pre-registered plan, frozen and self-validating.

A plan is one file, ``experiments/<slug>.toml``, written before the first exposure. Its content hash is its
identity: every verdict stores the hash of the plan that it obeyed. Defaults are those of docs/statistics.md.
"""

import hashlib
import json
import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, ValidationError, field_validator, model_validator

from pacer_pipelines.errors import PlanInvalid
from pacer_pipelines.metrics import Frozen, Guarded, Primary
from pacer_pipelines.plan_parts import (
    Alphas,
    Duration,
    Health,
    LeftOut,
    Maturity,
    Minimums,
    Rollout,
    Text,
    Traffic,
    Variant,
    Watch,
)

# what the arms of an experiment with several treatments have of their own; no file says it
ARM_KEYS = ("logged_as", "arms")


class Plan(Frozen):
    """One experiment as it was pre-registered."""

    slug: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,59}$")]
    experiment_id: Annotated[Text, Field(description="as the exposure log names it (meta.experiment_id)")]
    flag_key: Text
    hypothesis: Annotated[str, Field(min_length=10, max_length=2000)]
    owner: Text
    slack_channel: Annotated[str, Field(pattern=r"^[#C][A-Za-z0-9_-]{1,79}$")]
    locale: Annotated[
        Literal["en", "ko"] | None,
        Field(description="language of messages and reports; not given: English"),
    ] = None
    timezone: str = "Asia/Seoul"
    start_date: date
    randomization_unit: Literal["request", "student"]
    control: Variant
    treatment: Variant
    left_out: tuple[LeftOut, ...] = ()
    primary: Primary
    secondary: tuple[Guarded, ...] = ()
    guardrails: tuple[Guarded, ...] = ()
    alphas: Alphas = Alphas()
    duration: Duration = Duration()
    minimums: Minimums = Minimums()
    maturity: Maturity = Maturity()
    health: Health = Health()
    rollout: Rollout = Rollout()
    traffic: Traffic | None = None
    watch: Annotated[Watch | None, Field(description="the default is Watch()")] = None
    salt: Annotated[
        Text | None,
        Field(description="of the bucket, as PACER's servers use it; the default is the experiment_id"),
    ] = None
    logged_as: Annotated[
        Text | None,
        Field(description="only for an arm: the experiment_id as the exposure log names it"),
    ] = None
    arms: Annotated[
        int | None, Field(ge=2, description="only for an arm: number of treatments beside the one control")
    ] = None

    @field_validator("randomization_unit", mode="before")
    @classmethod
    def _never_by_coach(cls, unit: object) -> object:
        if unit == "coach":
            raise ValueError(
                "request or student; a split by coach is refused, because a handful of coaches in B promotes "
                "half of all worthless variants (docs/statistics.md)"
            )
        return unit

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise ValueError("an IANA time zone such as Asia/Seoul")
        return zone

    @model_validator(mode="after")
    def _consistent(self) -> "Plan":
        if self.control.variant == self.treatment.variant:
            raise ValueError("control and treatment with different variants")
        names = [guarded.metric for guarded in self.guarded]
        if len(set(names)) != len(names) or self.primary.metric in names:
            raise ValueError("each metric once among primary, secondary and guardrails")
        return self

    @property
    def guarded(self) -> tuple[Guarded, ...]:
        """Every metric that must not be harmed: secondary metrics first, then guardrails."""
        return self.secondary + self.guardrails

    @property
    def bucket_salt(self) -> str:
        """What makes this experiment's split independent of every other one's."""
        return self.salt or self.logged_id

    @property
    def logged_id(self) -> str:
        """The experiment_id as the exposure log names it: arms of one experiment share it."""
        return self.logged_as or self.experiment_id

    @property
    def file(self) -> str:
        """Name of the plan's file: the arms of one experiment share it."""
        arm = f"-{self.treatment.variant.lower()}" if self.arms else ""
        return f"{self.slug.removesuffix(arm)}.toml"

    @property
    def zone(self) -> ZoneInfo:
        """Time zone in which a day of this plan begins and ends."""
        return ZoneInfo(self.timezone)

    @property
    def last_date(self) -> date:
        """Last day of the experiment: day ``max_days``."""
        return self.start_date + timedelta(days=self.duration.max_days - 1)

    @property
    def language(self) -> str:
        """The language in which people are told of the experiment."""
        return self.locale or "en"

    def content(self) -> dict[str, Any]:
        """What was registered, as JSON gives it: all that is given, but the language, which decides nothing."""
        return self.model_dump(mode="json", exclude_none=True, exclude={"locale"})

    @property
    def plan_hash(self) -> str:
        """Identity of the plan: sha256 of its content, without comments, layout, language and what is not given."""
        content = json.dumps(self.content(), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(content.encode()).hexdigest()


def load_plan(path: Path) -> Plan:
    """Plan with one treatment, read from one TOML file (``plan_arms.load_plans`` reads any).

    Args:
        path: ``experiments/<slug>.toml``; the file name must be the slug.

    Raises:
        PlanInvalid: naming file, key, what was got and what is allowed.
    """
    return plan_of(path, read_content(path))


def read_content(path: Path) -> dict[str, Any]:
    """What a plan's file says, not judged yet.

    Raises:
        PlanInvalid: it is no readable TOML, or says something that only its arms say.
    """
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PlanInvalid(path.name, [("file", str(error), "a readable TOML file")]) from error
    given = [(key, content[key], "nothing: [[treatments]] says it") for key in ARM_KEYS if key in content]
    if given:
        raise PlanInvalid(path.name, given)
    return content


def plan_of(path: Path, content: dict[str, Any]) -> Plan:
    """The plan that a content is.

    Args:
        path: the file that it comes from; its name must be the slug, or the slug without an arm's variant.
        content: keys and values as TOML spells them.

    Raises:
        PlanInvalid: naming file, key, what was got and what is allowed.
    """
    try:
        plan = Plan.model_validate(content)
    except ValidationError as error:
        raise PlanInvalid(path.name, [_problem(item) for item in error.errors()]) from error
    if plan.file != path.name:
        raise PlanInvalid(path.name, [("slug", plan.slug, f"the file's own name, {path.stem!r}")])
    return plan


def _problem(item: Any) -> tuple[str, object, str]:
    key = ".".join(str(part) for part in item["loc"]) or "plan"
    got = item["input"] if not isinstance(item["input"], dict) else "a table"
    if item["type"] == "missing":
        return key, "nothing", "a value (the key is required)"
    if item["type"] == "extra_forbidden":
        return key, got, "only the keys of experiments/plan.schema.json"
    return key, got, item["msg"].removeprefix("Value error, ").removeprefix("Input should be ")


def plan_schema() -> dict[str, Any]:
    """JSON schema of a plan, for editors (``experiments/plan.schema.json``)."""
    schema = Plan.model_json_schema()
    properties = {key: value for key, value in schema["properties"].items() if key not in ARM_KEYS}
    properties["treatments"] = {
        "description": "several treatments beside one control, instead of [treatment]",
        "type": "array",
        "minItems": 2,
        "items": {"$ref": "#/$defs/Variant"},
    }
    required = [key for key in schema["required"] if key != "treatment"]
    either = [{"required": ["treatment"]}, {"required": ["treatments"]}]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema, "properties": properties, "required": required, "oneOf": either,
    }  # fmt: skip
