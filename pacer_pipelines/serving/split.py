"""Which flag splits the traffic, by what, and what it splits between; read from the plan that was registered."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pacer_pipelines.errors import PlanInvalid
from pacer_pipelines.serving.bucket import bucket

Decoding = Mapping[str, float | int | str | bool]
REQUIRED = ("flag_key", "experiment_id", "randomization_unit", "control")


@dataclass(frozen=True, slots=True)
class Served:
    """A variant as the flag names it, and the identity behind it.

    ``prompt`` is the prompt's name. ``model_digest``, ``prompt_hash`` and ``decoding`` are given when a flag or a
    plan knows them; a caller that knows better says so per request (``Exposure.identify``).
    """

    variant: str
    version: str
    model: str
    prompt: str = ""
    model_digest: str | None = None
    prompt_hash: str | None = None
    decoding: Decoding = field(default_factory=dict)

    @classmethod
    def of(cls, variant: str, value: Mapping[str, Any]) -> "Served":
        """Give the variant that a table of a plan, or the value of a flag, describes.

        Raises:
            KeyError, TypeError, ValueError: It names no version and model, or something of another kind.
        """
        decoding = dict(value.get("decoding") or {})
        known = {name: value.get(name) for name in ("model_digest", "prompt_hash")}
        digests = {name: None if said is None else str(said) for name, said in known.items()}
        prompt = str(value.get("prompt") or "")
        return cls(variant, str(value["version"]), str(value["model"]), prompt, decoding=decoding, **digests)


@dataclass(frozen=True, slots=True)
class Split:
    """Which flag splits the traffic, by what, and what it splits between.

    ``control`` is served when the flag cannot say. ``treatments`` can be forced by testers, also at a share of 0.
    """

    flag_key: str
    salt: str
    experiment_id: str
    control: Served
    treatments: tuple[Served, ...] = ()
    unit: Literal["student", "request"] = "student"

    @classmethod
    def from_plan(cls, path: Path | str) -> "Split":
        """Give the split that a plan registers, so that PACER and the pipeline cannot disagree about it.

        Only the keys that serving needs are read, with the standard library alone; whether the rest of the plan is
        sound is said by ``pacer plan validate``.

        Args:
            path: ``experiments/<slug>.toml``.

        Raises:
            PlanInvalid: Naming file, key, what was got and what is allowed.
        """
        path = Path(path)
        try:
            plan = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise PlanInvalid(path.name, [("file", str(error), "a readable TOML file")]) from error
        missing: list[tuple[str, object, str]] = [
            (key, "nothing", "a value") for key in REQUIRED if key not in plan
        ]
        if missing:
            raise PlanInvalid(path.name, missing)
        if plan["randomization_unit"] not in ("student", "request"):
            got = plan["randomization_unit"]
            raise PlanInvalid(path.name, [("randomization_unit", got, "request or student")])
        treatments = plan.get("treatments") or [plan.get("treatment")]
        return cls(
            flag_key=str(plan["flag_key"]),
            salt=str(plan.get("salt") or plan["experiment_id"]),
            experiment_id=str(plan["experiment_id"]),
            control=_served(path, "control", plan["control"]),
            treatments=tuple(_served(path, "treatment", table) for table in treatments),
            unit=plan["randomization_unit"],
        )

    def bucket(self, student_id: str, submission_id: str) -> int:
        """Give the bucket of a request, by the plan's randomization unit."""
        return bucket(student_id if self.unit == "student" else submission_id, self.salt)

    def named(self, variant: str) -> Served | None:
        """Give the variant of that name."""
        return next((one for one in (self.control, *self.treatments) if one.variant == variant), None)


def _served(path: Path, key: str, table: Any) -> Served:
    try:
        return Served.of(str(table["variant"]), table)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise PlanInvalid(path.name, [(key, table, "a table with variant, version and model")]) from None
