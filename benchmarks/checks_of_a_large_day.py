"""The checks of a day of a million exposures, beside the same day as one pandas frame: time and memory.

``python benchmarks/checks_of_a_large_day.py`` makes eight such days and measures each side in a process of its own.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import duckdb

SUITES = Path(__file__).parents[1] / "expectations"
DAY, ROWS, DAYS = date(2026, 3, 10), 1_000_000, 8
CALLS = """
    select 'id-' || range || '-{day}' as exposure_id,
        timestamp '{day}' + interval (range * 86 // 1000) second as exposed_at,
        date '{day}' as exposed_date, if(hash(range) % 10 < 3, 'B', 'A') as flag_variant, '1' as flag_version,
        'e' as experiment_id, 'u' || range % 100000 as unit_key, 's' || range as submission_key,
        'school' || range % 40 as school, 'grade' || range % 3 as grade, 'c' || range % 2000 as coach_key,
        if(hash(range) % 10 < 3, 'new', 'old') as served_model, range + 1 as log_id,
        1000.0 + hash(range) % 1000 as latency_ms, hash(range) % 200 = 0 as is_failure
    from range({rows})
"""


def land(folder: Path) -> Path:
    """Land the days."""
    landing = folder / "landing"
    with closing(duckdb.connect()) as db:
        for back in range(DAYS):
            day = DAY - timedelta(days=back)
            part = landing / "exposures" / f"day={day}"
            part.mkdir(parents=True)
            db.execute(f"copy ({CALLS.format(day=day, rows=ROWS)}) to '{part}/part.parquet'")
        db.execute(f"copy ({CALLS.format(day=DAY, rows=0)}) to '{landing}/exposures/_schema.parquet'")
        (landing / "experiments").mkdir()
        plan = "select 'e' as experiment_id, 'e' as logged_experiment_id"
        db.execute(f"copy ({plan}) to '{landing}/experiments/_schema.parquet'")
    return landing


def by_frames(landing: Path) -> int:
    """All checks of the exposure log that need nothing else, as the daily job runs them: what a day costs."""
    from pacer_pipelines.adapters.expectations import run_checks

    return len(run_checks(landing, SUITES, DAY, zone="UTC", variants=("A", "B"), sources=["exposures"]))


def by_pandas(landing: Path) -> int:
    """Five expectations on the rows of the day alone: no trailing days, no join, no hour."""
    import great_expectations as gx
    import pandas as pd
    from great_expectations import expectations as gxe

    frame = pd.read_parquet(landing / "exposures" / f"day={DAY}" / "part.parquet")
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("landed").add_dataframe_asset("frame")
    columns = ("coach_key", "school", "submission_key", "latency_ms")
    asked = [gxe.ExpectColumnValuesToNotBeNull(column=column) for column in columns]
    asked.append(gxe.ExpectColumnValuesToBeUnique(column="exposure_id"))
    suite = gx.ExpectationSuite(name="suite", expectations=asked)
    batch = asset.add_batch_definition_whole_dataframe("day").get_batch({"dataframe": frame})
    return len(batch.validate(suite).results)


def measured(side: str, landing: Path) -> dict[str, float]:
    """Checks, CPU seconds and peak memory of one side, without what its imports cost."""
    import great_expectations  # noqa: F401
    import pandas  # noqa: F401

    before, memory = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    checks = {"frames": by_frames, "pandas": by_pandas}[side](landing)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"checks": checks, "seconds": time.process_time() - before, "MiB": (peak - memory) / 1024}


def main() -> None:
    """Print both sides and the ratio of a single check."""
    with tempfile.TemporaryDirectory() as name:
        landing = land(Path(name))
        for side in ("frames", "pandas"):
            told = subprocess.run(
                [sys.executable, __file__, side, str(landing)], check=True, capture_output=True, text=True
            ).stdout
            found = json.loads(told.splitlines()[-1])
            each = found["seconds"] / found["checks"]
            print(
                f"{side}: {found['checks']} checks, {found['seconds']:.1f} CPU s, {each:.2f} s a check, "
                f"{found['MiB']:.0f} MiB above the imports"
            )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(measured(sys.argv[1], Path(sys.argv[2]))))
    else:
        main()
