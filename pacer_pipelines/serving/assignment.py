"""Who gets which variant: our own bucket, a flag through OpenFeature, control when anything is wrong."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import OpenFeatureError
from openfeature.flag_evaluation import FlagEvaluationDetails, FlagMetadata, FlagValueType

_log = logging.getLogger(__name__)

BUCKETS = 10_000
_NOTHING: FlagMetadata = {}


def bucket(unit: str, salt: str) -> int:
    """Give the bucket of a unit, 0 to 9999: the same in every process, language and in the warehouse.

    Args:
        unit: The randomised unit, such as a student id.
        salt: What makes two experiments independent of each other.

    Returns:
        The first 32 bits of SHA-256 of ``salt:unit``, modulo 10,000.
    """
    return int(hashlib.sha256(f"{salt}:{unit}".encode()).hexdigest()[:8], 16) % BUCKETS


@dataclass(frozen=True, slots=True)
class Request:
    """One judgement that is asked for: whose it is, and what targeting rules may look at."""

    student_id: str
    submission_id: str
    school: str | None = None
    grade: int | None = None
    coach: str | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """A variant as the flag names it, with its version and the model behind it."""

    variant: str
    version: str
    model: str


@dataclass(frozen=True, slots=True)
class Split:
    """Which flag splits the traffic, by what, and what it splits from.

    ``control`` is served when the flag cannot say. ``flag_version`` is logged only while no flag file could
    be read: the phase of such a request is unknown.
    """

    flag_key: str
    salt: str
    experiment_id: str
    control: Served
    unit: Literal["student", "request"] = "student"
    flag_version: str = "none"


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one request is served, and why."""

    variant: str
    version: str
    model: str
    reason: str
    error: str | None
    bucket: int
    flag_version: str
    flag_set: str | None
    experiment_id: str


class Assigner:
    """Resolves the flag of a split for one request at a time; never raises."""

    def __init__(self, client: OpenFeatureClient, split: Split) -> None:
        """Take an OpenFeature client (see ``file_client``) and the split it resolves."""
        self._client = client
        self.split = split

    def assign(self, request: Request) -> Assignment:
        """Give the variant of a request; control, with reason and error, when the flag cannot say.

        The same unit gets the same variant for as long as the flag file stays the same.
        """
        number = self._bucket(request)
        try:
            details = self._resolve(request, number)
            return self._served(details, number)
        except Exception as error:
            _log.exception("flag %s: control is served", self.split.flag_key)
            return self._control(number, "ERROR", type(error).__name__)

    def _bucket(self, request: Request) -> int:
        by_student = self.split.unit == "student"
        return bucket(request.student_id if by_student else request.submission_id, self.split.salt)

    def _resolve(self, request: Request, number: int) -> FlagEvaluationDetails[FlagValueType]:
        offered: dict[str, str | int | None] = {
            "bucket": number,
            "school": request.school,
            "grade": request.grade,
            "coach": request.coach,
        }
        known = {name: value for name, value in offered.items() if value is not None}
        context = EvaluationContext(targeting_key=request.student_id, attributes=known)
        default: dict[str, FlagValueType] = {}
        return self._client.get_object_details(self.split.flag_key, default, context)

    def _served(self, details: FlagEvaluationDetails[FlagValueType], number: int) -> Assignment:
        """Take what the flag says, unless it says no variant with a version and a model."""
        reason, value, metadata = str(details.reason or "UNKNOWN"), details.value, details.flag_metadata
        if details.error_code is not None or details.variant is None:
            error = str(details.error_code.value) if details.error_code else None
            return self._control(number, reason, error, metadata)
        if not isinstance(value, Mapping) or not {"version", "model"} <= value.keys():
            return self._control(number, "ERROR", "VARIANT_WITHOUT_MODEL", metadata)
        served = Served(details.variant, str(value["version"]), str(value["model"]))
        return self._assignment(served, number, reason, None, metadata)

    def _control(
        self, number: int, reason: str, error: str | None, metadata: FlagMetadata = _NOTHING
    ) -> Assignment:
        return self._assignment(self.split.control, number, reason, error, metadata)

    def _assignment(
        self, served: Served, number: int, reason: str, error: str | None, metadata: FlagMetadata
    ) -> Assignment:
        flag_set = metadata.get("flagSetId")
        return Assignment(
            variant=served.variant,
            version=served.version,
            model=served.model,
            reason=reason,
            error=error,
            bucket=number,
            flag_version=str(metadata.get("version", self.split.flag_version)),
            flag_set=None if flag_set is None else str(flag_set),
            experiment_id=str(metadata.get("experiment_id", self.split.experiment_id)),
        )


def file_client(flag_file: Path, poll_seconds: float = 5.0, domain: str = "pacer") -> OpenFeatureClient:
    """Give an OpenFeature client that reads a flagd file and follows its changes.

    A file that is missing or broken at the start is logged and tried again at each poll; until then every
    flag answers with an error, which ``Assigner`` turns into control.

    Args:
        flag_file: The flagd file; replace it atomically and with a newer mtime, an older one is ignored.
        poll_seconds: How often the file is looked at.
        domain: The OpenFeature domain of the provider, so that PACER's other flags are left alone.

    Returns:
        The client of that domain. In production only the provider changes (flagd from S3, a ConfigMap, http).
    """
    provider = FlagdProvider(
        resolver_type=ResolverType.FILE,
        offline_flag_source_path=str(flag_file),
        deadline_ms=round(poll_seconds * 1000),
    )
    try:
        # set_provider alone returns before the file is read
        api.set_provider_and_wait(provider, domain)
    except OpenFeatureError as error:
        _log.error("flag file %s cannot be used yet: %s", flag_file.name, type(error).__name__)
    return api.get_client(domain)
