"""What one request is served and why: the answer of an OpenFeature client, read so that doubt means control."""

from collections.abc import Mapping
from dataclasses import dataclass

from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagEvaluationDetails, FlagMetadata, FlagValueType

from pacer_pipelines.serving.flag_rules import SEGMENT_MARK
from pacer_pipelines.serving.split import Served, Split

FORCED = "FORCED"
# phase of a request while no flag file was ever read
NO_VERSION = "none"
_NOTHING: FlagMetadata = {}


@dataclass(frozen=True, slots=True)
class Request:
    """One judgement that is asked for: whose it is, and what targeting rules may look at."""

    student_id: str
    submission_id: str
    school: str | None = None
    grade: int | None = None
    coach: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one request is served, and why.

    ``reason`` is OpenFeature's, or FORCED. ``error`` says why control is served instead. ``segment`` names the user
    segment that a rule served whatever its bucket.
    """

    served: Served
    reason: str
    error: str | None
    bucket: int
    flag_version: str = NO_VERSION
    flag_set: str | None = None
    segment: str | None = None


def context_of(request: Request, number: int) -> EvaluationContext:
    """Give what the flag's rules may look at; what is not known is left out."""
    offered = {
        "bucket": number,
        "school": request.school,
        "grade": request.grade,
        "coach": request.coach,
    }
    known = {name: value for name, value in offered.items() if value is not None}
    return EvaluationContext(targeting_key=request.student_id, attributes=known)


def control(
    split: Split, number: int, reason: str, error: str | None, metadata: FlagMetadata = _NOTHING
) -> Assignment:
    """Give control, with the reason and error that go into the exposure."""
    return Assignment(split.control, reason, error, number, *_origin(metadata))


def forced(split: Split, number: int, variant: str) -> Assignment:
    """Give the variant that a tester asks for, as the plan describes it; an unknown one is an error."""
    served = split.named(variant)
    if served is None:
        return control(split, number, "ERROR", "UNKNOWN_FORCED_VARIANT")
    return Assignment(served, FORCED, None, number)


def answered(split: Split, number: int, details: FlagEvaluationDetails[FlagValueType]) -> Assignment:
    """Give what the flag says, unless it says no variant with a version and a model."""
    reason, metadata = str(details.reason or "UNKNOWN"), details.flag_metadata
    if details.error_code is not None:
        return control(split, number, "ERROR", str(details.error_code.value), metadata)
    if details.variant is None:
        # a disabled flag says no variant by design; anything else that says none is a mistake in the flag
        error = None if reason == "DISABLED" else "NO_VARIANT"
        return control(split, number, reason, error, metadata)
    version, flag_set = _origin(metadata)
    if version == NO_VERSION:
        # a request without a version belongs to no phase: nobody could analyse it
        return control(split, number, "ERROR", "NO_FLAG_VERSION", metadata)
    variant, _, segment = details.variant.partition(SEGMENT_MARK)
    if not isinstance(details.value, Mapping):
        return control(split, number, "ERROR", "VARIANT_WITHOUT_MODEL", metadata)
    try:
        served = Served.of(variant, details.value)
    except (KeyError, TypeError, ValueError, AttributeError):
        return control(split, number, "ERROR", "VARIANT_WITHOUT_MODEL", metadata)
    return Assignment(served, reason, None, number, version, flag_set, segment or None)


def _origin(metadata: FlagMetadata) -> tuple[str, str | None]:
    flag_set = metadata.get("flagSetId")
    return str(metadata.get("version", NO_VERSION)), None if flag_set is None else str(flag_set)
