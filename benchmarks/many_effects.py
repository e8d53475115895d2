"""Time of an analysis, ours beside tea-tasting's and gbstats' on the same sums: make bench.

Each side starts from sums and does its own analysis; benchmarks/README.md says what that is. CPU time only, in one
process each, the median of several repetitions; gbstats runs in an environment of its own that uv makes.
"""

import argparse
import importlib.metadata
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

GBSTATS = "gbstats==0.8.0"
COACHES, PHASES = 40, 2


def sums(analyses: int, seed: int = 20261102) -> dict[str, np.ndarray]:
    """Requests and GOOD ones per analysis, coach and phase, shares of 10 and 30 %; drawn the same for every side."""
    rng = np.random.default_rng(seed)
    shape = (analyses, COACHES, PHASES)
    n = rng.poisson(60, shape) + 1
    n_treatment = rng.binomial(n, [0.1, 0.3])
    rate = np.broadcast_to(rng.beta(12, 8, (1, COACHES, 1)), shape)
    n_control = n - n_treatment
    y_control, y_treatment = rng.binomial(n_control, rate), rng.binomial(n_treatment, rate)
    return {
        "n_control": n_control,
        "y_control": y_control,
        "n_treatment": n_treatment,
        "y_treatment": y_treatment,
    }


def pooled(drawn: dict[str, np.ndarray]) -> list[list[int]]:
    """The four numbers per analysis that a test of independent rows needs."""
    return [
        list(row)
        for row in zip(*(column.sum(axis=(1, 2)).tolist() for column in drawn.values()), strict=True)
    ]


def ours(drawn: dict[str, np.ndarray]) -> Callable[[], object]:
    """One call for all analyses: stratified estimate and leave-one-coach-out error of each."""
    from pacer_pipelines.stats import Strata, estimate_effects

    analyses = drawn["n_control"].shape[0]
    coach = np.broadcast_to(np.arange(COACHES)[None, :, None], drawn["n_control"].shape).ravel()
    analysis = np.repeat(np.arange(analyses), COACHES * PHASES)
    columns = {name: column.ravel() for name, column in drawn.items()}
    return lambda: estimate_effects(Strata(coach, **columns, binary=True), analysis, analyses)


def tea_tasting(rows: list[list[int]]) -> Callable[[], object]:
    """A call per analysis: Welch's test of two pooled means."""
    import tea_tasting as tt

    metric = tt.Mean("good", equal_var=False)

    def aggregates(n: int, y: int) -> tt.aggr.Aggregates:
        rate = y / n
        return tt.aggr.Aggregates(n, mean_={"good": rate}, var_={"good": rate * (1 - rate) * n / (n - 1)})

    return lambda: [
        metric.analyze_aggregates(aggregates(n_a, y_a), aggregates(n_b, y_b)) for n_a, y_a, n_b, y_b in rows
    ]


def gbstats(rows: list[list[int]]) -> Callable[[], object]:
    """A call per analysis: the sequential test of two pooled proportions."""
    from gbstats.frequentist.tests import SequentialConfig, SequentialTwoSidedTTest  # type: ignore
    from gbstats.models.statistics import ProportionStatistic  # type: ignore

    config = SequentialConfig(difference_type="absolute", alpha=0.1, sequential_tuning_parameter=300)
    return lambda: [
        SequentialTwoSidedTTest(
            ProportionStatistic(n_a, y_a), ProportionStatistic(n_b, y_b), config
        ).compute_result()
        for n_a, y_a, n_b, y_b in rows
    ]


def microseconds(run: Callable[[], object], analyses: int, repetitions: int) -> list[float]:
    """CPU time per analysis of each repetition, after one that does not count."""
    run()
    found = []
    for _ in range(repetitions):
        start = time.process_time()
        run()
        found.append((time.process_time() - start) / analyses * 1e6)
    return found


def in_its_own_environment(rows: list[list[int]], repetitions: int) -> tuple[str, list[float]] | None:
    """The version of gbstats and its times, or None where uv cannot make the environment."""
    uv = shutil.which(Path(sys.executable).with_name("uv")) or "uv"
    command = [uv, "run", "--quiet", "--isolated", "--no-project", "--with", GBSTATS, "python", __file__]
    asked = json.dumps({"rows": rows, "repetitions": repetitions})
    done = subprocess.run([*command, "--gbstats"], input=asked, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr.strip().splitlines()[-1], file=sys.stderr)
        return None
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer["version"], answer["times"]


def as_gbstats() -> None:
    """What runs in gbstats' environment: rows come in, times go out."""
    asked = json.load(sys.stdin)
    times = microseconds(gbstats(asked["rows"]), len(asked["rows"]), asked["repetitions"])
    json.dump({"version": importlib.metadata.version("gbstats"), "times": times}, sys.stdout)


def line(name: str, what: str, times: list[float], base: float) -> str:
    """One row of the printed table."""
    middle = statistics.median(times)
    spread = f"{min(times):.1f}..{max(times):.1f}"
    return f"{name:<20} {what:<46} {middle:>8.1f} {spread:>15} {middle / base:>7.1f}"


def main() -> None:
    """Print a table of CPU microseconds per analysis, and the ratio to ours."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--analyses", type=int, default=10_000)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--gbstats", action="store_true", help="used by the script itself")
    asked = parser.parse_args()
    if asked.gbstats:
        as_gbstats()
        return
    drawn = sums(asked.analyses)
    rows = pooled(drawn)
    own = microseconds(ours(drawn), asked.analyses, asked.repetitions)
    base = statistics.median(own)
    print(
        f"{asked.analyses} analyses, {COACHES} coaches x {PHASES} phases each, {asked.repetitions} repetitions"
    )
    print(f"{'':<20} {'':<46} {'CPU us':>8} {'min..max':>15} {'ratio':>7}")
    print(line("pacer_pipelines", f"stratified, {COACHES} refits, {COACHES * PHASES * 2} cells", own, base))
    times = microseconds(tea_tasting(rows), asked.analyses, asked.repetitions)
    version = importlib.metadata.version("tea-tasting")
    print(line(f"tea-tasting {version}", "Welch on pooled sums, 2 cells", times, base))
    peer = in_its_own_environment(rows, asked.repetitions)
    if peer is None:
        print("gbstats: not measured, uv could not make its environment (see above)")
        return
    print(line(f"gbstats {peer[0]}", "sequential interval on pooled sums, 2 cells", peer[1], base))


if __name__ == "__main__":
    main()
