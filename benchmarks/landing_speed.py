"""Rows a second and peak memory of landing one large exposure log: python benchmarks/landing_speed.py 1000000.

Real lines of the example, each with an id of its own. CPU time, in this process; the log
is made anew in the system's temporary folder.
"""

import argparse
import gzip
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from pacer_pipelines.adapters.arrivals import Arrival, Stream
from pacer_pipelines.adapters.file_lines import fingerprint, fingerprinted_lines
from pacer_pipelines.adapters.landing import Landing
from pacer_pipelines.adapters.source_files import list_files
from pacer_pipelines.ingest.exposures import exposure_lines
from pacer_pipelines.ingest.jsonl import LINE_LIMIT, parse_batches
from pacer_pipelines.ingest.pseudonyms import Pseudonyms
from pacer_pipelines.ingest.rows import Origin
from pacer_pipelines.ingest.tables import TABLES

EXAMPLE = Path(__file__).parents[1] / "examples" / "pacer_fortnight" / "exposures.jsonl.gz"
KEY = b"a key for benchmarks only, 32 bytes"


def large_log(number: int) -> Iterator[str]:
    """Lines of the example over and over, each with an id of its own."""
    with gzip.open(EXAMPLE, "rt", encoding="utf-8") as log:
        lines = [json.loads(line) for line in log]
    for place in range(number):
        line = lines[place % len(lines)]
        yield json.dumps(line | {"exposure_id": f"{place:08x}{line['exposure_id'][8:]}"}) + "\n"


def land(log: Path, home: Path) -> int:
    """Rows landed of one log, in the same steps as the daily job."""
    (file,) = list_files("exposures", log)
    known = fingerprint("exposures", file)
    form = exposure_lines(Origin(file.display_name, Pseudonyms(KEY), ZoneInfo("Asia/Seoul")), {})
    batches = parse_batches(fingerprinted_lines("exposures", file, known, LINE_LIMIT), form)
    stream = Stream(batches, form.identity, form.called)
    arrival = Arrival(file.key, file.display_name, known)
    return Landing(home).land("exposures", TABLES["exposures"], "exposed_date", arrival, stream).landed


def main() -> None:
    """Make the log, land it, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", type=int, nargs="?", default=1_000_000)
    number = parser.parse_args().lines
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "exposures.jsonl"
        with log.open("w", encoding="utf-8") as out:
            out.writelines(large_log(number))
        before = time.process_time()
        landed = land(log, Path(folder) / "home")
        seconds = time.process_time() - before
        size = log.stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({
        "lines": number, "landed": landed, "megabytes": round(size / 1e6),
        "rows_per_second": round(number / seconds), "peak_megabytes": round(peak),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
