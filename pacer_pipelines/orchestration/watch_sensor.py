"""The watch as a Dagster sensor: it starts no run, it acts within its own tick."""

import dagster as dg

from pacer_pipelines.errors import PacerError
from pacer_pipelines.orchestration.resources import WorldResource
from pacer_pipelines.orchestration.watch import Tick, tick
from pacer_pipelines.orchestration.watch_closed import Outcome

FLAG = "traffic_flag"
MOVED = frozenset({"rolled_back", "cut_again", "raised"})
QUIET = "nothing that asks for a rollback"


def watch_sensor(seconds: int) -> dg.SensorDefinition:
    """The sensor of one world.

    Args:
        seconds: least time between two ticks.
    """

    @dg.sensor(name="immediate_rollback", minimum_interval_seconds=seconds)
    def immediate_rollback(context: dg.SensorEvaluationContext, world: WorldResource) -> dg.SensorResult:
        """Watches the raw logs as they grow, and takes B to 0 % at once when it breaks."""
        # read anew each time: plans and settings may have changed since the code was loaded
        fresh = WorldResource(config_file=world.config_file)
        try:
            done = tick(fresh, fresh.now())
        except Exception as error:
            # a sensor that raises shows a trace; what people need is the sentence
            known = isinstance(error, PacerError)
            (context.log.error if known else context.log.exception)(f"the watch cannot work: {error}")
            return dg.SensorResult(skip_reason=f"the watch cannot work: {type(error).__name__}: {error}")
        return _shown(context, done)

    return immediate_rollback


def _shown(context: dg.SensorEvaluationContext, done: Tick) -> dg.SensorResult:
    """A tick as the UI shows it: lines in its log, events on the flag, and one sentence."""
    for note in done.notes:
        context.log.warning(note)
    for outcome in done.outcomes:
        (context.log.error if outcome.bad else context.log.info)(f"{outcome.experiment}: {outcome.text}")
    said = "; ".join(f"{outcome.experiment}: {outcome.text}" for outcome in done.outcomes) or QUIET
    return dg.SensorResult(
        skip_reason=f"{said} ({done.rows} new rows)",
        asset_events=[_event(outcome) for outcome in done.outcomes if outcome.kind != "message"],
    )


def _event(outcome: Outcome) -> dg.AssetMaterialization | dg.AssetObservation:
    event = dg.AssetMaterialization if outcome.kind in MOVED else dg.AssetObservation
    return event(
        asset_key=FLAG,
        description=outcome.text,
        metadata={"experiment": outcome.experiment, "watch": outcome.kind, outcome.experiment: outcome.text},
    )
