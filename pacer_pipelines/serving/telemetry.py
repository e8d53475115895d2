"""Exposures as OpenTelemetry events, beside the log: for traces and live charts, never for verdicts."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry._logs import Logger

EVENT = "feature_flag.evaluation"
# our name -> OpenTelemetry's; who it was, and whose work, is on purpose not among them
ATTRIBUTES = {
    "exposure_id": "pacer.exposure_id",
    "feature_flag.key": "feature_flag.key",
    "feature_flag.result.variant": "feature_flag.result.variant",
    "meta.flagSetId": "feature_flag.set.id",
    "meta.version": "feature_flag.version",
    "meta.experiment_id": "pacer.experiment_id",
    "served_model": "gen_ai.request.model",
    "latency_ms": "pacer.latency_ms",
    "gen_ai.usage.input_tokens": "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens": "gen_ai.usage.output_tokens",
}


class FlagEvents:
    """Emits one event ``feature_flag.evaluation`` per exposure; hand it to ``Assigner(also=[...])``.

    References:
        https://opentelemetry.io/docs/specs/semconv/feature-flags/feature-flags-events/
    """

    def __init__(self, logger: "Logger | None" = None) -> None:
        """Take an OpenTelemetry logger; without one, that of the global LoggerProvider.

        Raises:
            ImportError: The package opentelemetry-api is not installed (extra ``telemetry``).
        """
        from opentelemetry._logs import get_logger

        self._logger = logger or get_logger("pacer_pipelines.serving")

    def __call__(self, line: Mapping[str, object]) -> None:
        """Emit the event of a line."""
        said = {theirs: line.get(ours) for ours, theirs in ATTRIBUTES.items()}
        said["feature_flag.result.reason"] = str(line["feature_flag.result.reason"]).lower()
        # why control was served instead; the judgement's own failure is another thing
        said["error.type"] = line["feature_flag.error"]
        said["pacer.judgement.error.type"] = line.get("error")
        at = datetime.fromisoformat(str(line["ts"]))
        self._logger.emit(
            timestamp=round(at.timestamp() * 1000) * 1_000_000,
            event_name=EVENT,
            attributes={name: value for name, value in said.items() if isinstance(value, str | int | float)},
        )
