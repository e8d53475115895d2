"""From a number back to the lines of the logs: landed exposures of an experiment, with file and line."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from pacer_pipelines.adapters.parquet_files import connect

_OF = """
from read_parquet($parts, hive_partitioning = false, union_by_name = true)
where experiment_id = $experiment and exposed_date <= $through and flag_variant = $variant"""


class RequestLine(NamedTuple):
    """One request as it was logged: its ids in the log and in PACER, and the line that says so."""

    exposure_id: str
    log_id: int | None
    source_file: str
    source_line: int


class Requests(NamedTuple):
    """Requests of one variant: how many there are, how many of them the plan leaves out, and the first of the rest."""

    total: int
    left_out: int
    first: tuple[RequestLine, ...]


def landed_requests(
    home: Path,
    experiment: str,
    variant: str,
    through: date,
    *,
    left_out: Mapping[str, Sequence[str]],
    limit: int,
) -> Requests:
    """The landed exposures behind the sums of one variant, each id once.

    Args:
        home: the world's home.
        experiment: as the exposure log names it.
        variant: as the flag names it.
        through: last day that counts.
        left_out: column -> values of segments that were never randomised.
        limit: how many to list, by time.
    """
    parts = sorted(map(str, (home / "landing" / "exposures").glob("day=*/*.parquet")))
    if not parts:
        return Requests(0, 0, ())
    values: dict[str, object] = {
        "parts": parts,
        "experiment": experiment,
        "through": through,
        "variant": variant,
    }
    randomised = "true"
    for number, (column, names) in enumerate(left_out.items()):
        randomised += f" and coalesce({column}, '') not in (select unnest($left{number}))"
        values[f"left{number}"] = list(names)
    counted = f"select count(distinct exposure_id), count(distinct exposure_id) filter ({randomised}) {_OF}"
    listed = (
        f"select exposure_id, min(log_id), min(source_file), min(source_line) {_OF} and {randomised} "
        "group by exposure_id order by min(exposed_at), exposure_id limit $limit"
    )
    with connect() as db:
        total, kept = db.execute(counted, values).fetchall()[0]
        first = db.execute(listed, {**values, "limit": limit}).fetchall()
    return Requests(int(total), int(total - kept), tuple(RequestLine(*row) for row in first))
