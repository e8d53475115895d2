"""The door to Great Expectations: reviewed suites, judged on small frames of the landed day.

A suite says what must hold and why (``expectations/<source>.json``), a frame says on which facts
(``expectations/frames/<frame>.sql``). DuckDB reduces the landed Parquet to a handful of rows first, so
that the size of a day never reaches pandas.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pacer_pipelines.adapters.landed_frames import landed_views, read_frame
from pacer_pipelines.adapters.suites import Suite, nearest, read_suite
from pacer_pipelines.decisions.explained import Explained
from pacer_pipelines.decisions.values import Check

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)

_ROWS_NAMED = {"result_format": "COMPLETE", "return_unexpected_index_query": False}
_COUNTED = ("element_count", "missing_count", "unexpected_count")
_NAMED = 8  # failing rows that a detail names before it only counts


@dataclass(frozen=True)
class _Outcome:
    """What Great Expectations found for one expectation: rows looked at, and the failing ones by position."""

    passed: bool
    judged: int
    failing: tuple[int, ...]
    counted: Mapping[str, Any]


def run_checks(
    landing: Path,
    suites: Path,
    day: date,
    *,
    zone: str,
    variants: Collection[str],
    sources: Collection[str] | None = None,
) -> list[Check]:
    """Give the checks of one landed day, sorted by source and name.

    Logs are read up to the day, so that a later run gives the same checks. Copies of PACER's tables are read
    for what cannot change: that a judgement or a card exists, and when it was made.

    Args:
        landing: the folder ``landing`` (``<table>/day=YYYY-MM-DD/*.parquet``, ``_ledger/``); the rejects are
            beside it.
        suites: the folder of reviewed suites, with their frames in ``frames/``.
        day: the day to judge, in ``zone``.
        zone: the plan's time zone, such as ``Asia/Seoul``; hours are named in it.
        variants: the variant values that the plan knows, as the flag writes them.
        sources: the suites to run, by file name; all of them if None.

    Returns:
        One check per expectation. What cannot be read, or breaks while it is judged, has not passed.

    Raises:
        ConfigInvalid: a suite file is not usable; the message names file and expectation.
    """
    explained = explain_checks(landing, suites, day, zone=zone, variants=variants, sources=sources)
    return [one.check for one in explained]


def explain_checks(
    landing: Path,
    suites: Path,
    day: date,
    *,
    zone: str,
    variants: Collection[str],
    sources: Collection[str] | None = None,
) -> list[Explained]:
    """Give the checks as :func:`run_checks`, each with its number of the day and where it comes from."""
    wanted = [p for p in sorted(suites.glob("*.json")) if sources is None or p.stem in sources]
    facts = {"day": day, "zone": zone, "day_ends_at": _end_of_day(day, zone)}
    parameters = {"variants": sorted(variants)}
    found: list[Explained] = []
    with closing(landed_views(landing, day)) as db:
        for suite in map(read_suite, wanted):
            for name, expectations in suite.frames.items():
                sql = (suites / "frames" / f"{name}.sql").read_text(encoding="utf-8")
                frame = read_frame(db, sql, facts | {"source": suite.source})
                found += _judge(suite, frame, expectations, parameters)
    return sorted(found, key=lambda one: (one.check.source, one.check.name))


def _end_of_day(day: date, zone: str) -> datetime:
    """Give the first instant after the day, as naive UTC."""
    midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(zone))
    return midnight.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)


def _judge(
    suite: Suite,
    frame: pd.DataFrame | None,
    expectations: Sequence[dict[str, Any]],
    parameters: Mapping[str, list[str]],
) -> list[Explained]:
    """Give one check per expectation on one frame."""
    outcomes = {} if frame is None else _validate(frame, expectations, parameters)
    found = []
    for expectation in expectations:
        outcome = outcomes.get(expectation["meta"]["name"])
        if frame is None or outcome is None:
            check = _unjudged(suite.source, expectation, parameters)
            found.append(Explained(check, suite.owner, suite=expectation))
        else:
            found.append(_explained(suite, frame, expectation, outcome, parameters))
    return found


def _explained(
    suite: Suite,
    frame: pd.DataFrame,
    expectation: dict[str, Any],
    outcome: _Outcome,
    parameters: Mapping[str, list[str]],
) -> Explained:
    """Put one outcome beside its number, its thresholds and its words."""
    meta, kwargs = expectation["meta"], expectation["kwargs"]
    return Explained(
        check=_check(suite.source, frame, expectation, outcome, parameters),
        owner=meta.get("owner", suite.owner),
        value=nearest(frame, expectation),
        low=kwargs.get("min_value"),
        high=kwargs.get("max_value"),
        percent="%}" in meta["expected"],
        rows=_named(meta["says"], frame, outcome.failing),
        suite=expectation,
        result=outcome.counted,
    )


def _validate(
    frame: pd.DataFrame, expectations: Sequence[dict[str, Any]], parameters: Mapping[str, list[str]]
) -> dict[str, _Outcome]:
    """Let Great Expectations judge a frame; an expectation that broke is not in the answer."""
    frames = _frames_of_great_expectations()
    from great_expectations.core.expectation_suite import ExpectationSuite

    result = frames.get_batch({"dataframe": frame}).validate(
        ExpectationSuite(name="suite", expectations=list(expectations)),
        # a single row needs no list of which rows failed, and that list is half the time
        result_format=_ROWS_NAMED if len(frame) > 1 else {"result_format": "BOOLEAN_ONLY"},
        expectation_parameters=dict(parameters),
    )
    fine = (one for one in result.results if not one.exception_info.get("raised_exception"))
    return {one.expectation_config.meta["name"]: _outcome(one) for one in fine}


@cache
def _frames_of_great_expectations() -> Any:
    """Import Great Expectations, which takes seconds, and give its door for frames, once per process."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read at import: nothing may phone home
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its own imports, such as sre_constants
        import great_expectations as gx

    context: Any = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("landed").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("day")


def _outcome(result: Any) -> _Outcome:
    """Reduce one validation result to what counts; without a list of rows, the only row is meant."""
    found = result.result
    judged = found.get("element_count", 1) - found.get("missing_count", 0)
    rows = found.get("unexpected_index_list", () if result.success else (0,))
    counted = {key: found[key] for key in _COUNTED if key in found} | {"success": bool(result.success)}
    return _Outcome(bool(result.success), judged, tuple(sorted(rows or ())), counted)


def _check(
    source: str,
    frame: pd.DataFrame,
    expectation: Mapping[str, Any],
    outcome: _Outcome,
    parameters: Mapping[str, list[str]],
) -> Check:
    """Put one outcome into words, from the sentences of the suite."""
    meta = expectation["meta"]
    records = frame.to_dict("records")
    absent = not records and "when_empty" in meta
    if frame[expectation["kwargs"]["column"]].notna().any():
        counts = {"rows": len(records), "judged": outcome.judged, "failing": len(outcome.failing)}
        observed = meta["observed"].format(**(records[0] | counts))
    else:
        observed = "nothing to judge"
    return Check(
        name=meta["name"],
        source=source,
        severity="warning" if absent else expectation["severity"],
        passed=outcome.passed and not absent,
        observed=observed,
        expected=_expected(expectation, parameters),
        detail=meta["when_empty"] if absent else "; ".join(_named(meta["says"], frame, outcome.failing)),
        why=meta["why"],
    )


def _unjudged(source: str, expectation: Mapping[str, Any], parameters: Mapping[str, list[str]]) -> Check:
    """Give the failed check of an expectation that could not be judged: unknown is not passed."""
    return Check(
        name=expectation["meta"]["name"],
        source=source,
        severity=expectation["severity"],
        passed=False,
        observed="not judged",
        expected=_expected(expectation, parameters),
        detail="the landed data of this check cannot be read",
        why=expectation["meta"]["why"],
    )


def _expected(expectation: Mapping[str, Any], parameters: Mapping[str, list[str]]) -> str:
    """Fill the threshold of the expectation into its sentence, so that the two cannot drift apart."""
    filled = {name: ", ".join(values) for name, values in parameters.items()}
    return str(expectation["meta"]["expected"]).format(**(filled | expectation["kwargs"]))


def _named(says: str, frame: pd.DataFrame, failing: Sequence[int]) -> tuple[str, ...]:
    """Name the failing rows, up to a readable number."""
    records: list[dict[Any, Any]] = frame.iloc[list(failing[:_NAMED])].to_dict("records")
    named = [says.format(**record) for record in records]
    rest = len(failing) - len(named)
    return (*named, *([f"and {rest} more"] if rest else []))
