"""Units that were really there, for the door to the flag to evaluate: bucket, school and grade, no id."""

import logging
from pathlib import Path

import duckdb

from pacer_pipelines.adapters.flags.rules import KnownUnit
from pacer_pipelines.adapters.parquet_files import connect

_log = logging.getLogger(__name__)

UNITS = """
select bucket, school, grade from read_parquet($parts, hive_partitioning = false, union_by_name = true)
where experiment_id = $experiment and bucket between 0 and 9999
group by unit_key, bucket, school, grade order by unit_key, bucket, school, grade limit $most"""


def known_units(home: Path, experiment_id: str, most: int = 300) -> tuple[KnownUnit, ...]:
    """Units of the newest day on which exposures of an experiment landed; none when that cannot be read.

    The coach is left out: the landing knows only a pseudonym, and a flag's rules know the name.

    Args:
        home: the home directory.
        experiment_id: as the exposure log names it.
        most: how many units at most.
    """
    for day in sorted((home / "landing" / "exposures").glob("day=*"), reverse=True):
        parts = sorted(str(part) for part in day.glob("*.parquet"))
        try:
            with connect() as db:
                rows = db.execute(
                    UNITS, {"parts": parts, "experiment": experiment_id, "most": most}
                ).fetchall()
        except duckdb.Error as error:
            _log.warning("landed units of %s cannot be read: %s", day.name, error)
            return ()
        if rows:
            return tuple(_unit(*row) for row in rows)
    return ()


def _unit(bucket: int, school: str | None, grade: str | None) -> KnownUnit:
    # PACER's servers offer the grade as a number, the landing keeps it as a text
    offered = {"school": school, "grade": int(grade) if grade and grade.isdecimal() else grade}
    return KnownUnit(bucket, {name: value for name, value in offered.items() if value is not None})
