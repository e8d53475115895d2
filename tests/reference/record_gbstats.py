"""Record what gbstats says of some inputs; it cannot live in our environment, so its answers come as a table.

uv run --isolated --no-project --with gbstats==0.8.0 python tests/reference/record_gbstats.py \
        > tests/reference/gbstats.json
"""

import importlib.metadata
import json
import math
import sys
from typing import Any

COMMAND = (
    "uv run --isolated --no-project --with gbstats==0.8.0 python tests/reference/record_gbstats.py"
    " > tests/reference/gbstats.json"
)
# successes or sums per variant, control first; x is a covariate whose mean is the same in both variants
PROPORTIONS = [
    ((900, 540), (100, 71)),
    ((2000, 1200), (2000, 1290)),
    ((80, 3), (40, 6)),
    ((6703, 5101), (1945, 1558)),
]
MEANS = [((500, 2610.5, 16900.25), (450, 2511.0, 17320.5)), ((40, 88.0, 301.0), (60, 171.0, 655.0))]
RATIOS = [((300, 410.0, 812.0, 380.0, 640.0, 640.0), (280, 455.0, 990.0, 362.0, 622.0, 690.0))]
ADJUSTED = [((200, 410.0, 1022.0, 50.0, 260.0, 210.0), (100, 231.0, 645.0, 25.0, 120.0, 130.0))]
LEVELS = [(0.1, 300.0), (1 / 30, 300.0), (0.05, 5000.0), (0.02, 40.0)]


def statistics() -> list[tuple[str, Any, Any, Any]]:
    """Kind, the numbers, and gbstats' own statistic of each variant."""
    from gbstats.models.statistics import (
        ProportionStatistic,
        RatioStatistic,
        RegressionAdjustedStatistic,
        SampleMeanStatistic,
    )

    def ratio(n: int, y: float, yy: float, d: float, dd: float, yd: float) -> Any:
        return RatioStatistic(n, SampleMeanStatistic(n, y, yy), SampleMeanStatistic(n, d, dd), yd)

    def adjusted(n: int, y: float, yy: float, x: float, xx: float, xy: float) -> Any:
        return RegressionAdjustedStatistic(
            n, SampleMeanStatistic(n, y, yy), SampleMeanStatistic(n, x, xx), xy, 0.0
        )

    kinds: list[tuple[str, list[Any], Any]] = [
        ("proportion", PROPORTIONS, ProportionStatistic),
        ("mean", MEANS, SampleMeanStatistic),
        ("ratio", RATIOS, ratio),
        ("adjusted", ADJUSTED, adjusted),
    ]
    return [
        (kind, numbers, make(*numbers[0]), make(*numbers[1]))
        for kind, cases, make in kinds
        for numbers in cases
    ]


def reading(control: Any, treatment: Any, prior_sd: float) -> dict[str, float]:
    """The posterior of the absolute difference under a normal prior around 0."""
    from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig, GaussianPrior

    config = EffectBayesianConfig(
        difference_type="absolute",
        prior_type="absolute",
        prior_effect=GaussianPrior(mean=0.0, variance=prior_sd**2, proper=True),
    )
    result = EffectBayesianABTest(control, treatment, config).compute_result()
    return {
        "prior_sd": prior_sd,
        "mean": float(result.expected),
        "sd": float(result.uplift.stddev),
        "chance_to_win": float(result.chance_to_win),
        "low": float(result.ci[0]),
        "high": float(result.ci[1]),
        "risk_of_treatment": float(result.risk[1]),
    }


def rows() -> list[dict[str, Any]]:
    """One row per input and level: the sequential test of the absolute difference, and the Bayesian reading."""
    from gbstats.frequentist.tests import SequentialConfig, SequentialTwoSidedTTest

    found = []
    for alpha, tuning in LEVELS:
        for kind, numbers, control, treatment in statistics():
            config = SequentialConfig(
                difference_type="absolute", alpha=alpha, sequential_tuning_parameter=tuning
            )
            test = SequentialTwoSidedTTest(control, treatment, config)
            result = test.compute_result()
            found.append(
                {
                    "kind": kind,
                    "control": numbers[0],
                    "treatment": numbers[1],
                    "alpha": alpha,
                    "tuning": tuning,
                    "n": control.n + treatment.n,
                    "effect": float(result.expected),
                    "se": math.sqrt(test.variance),
                    "low": float(result.ci[0]),
                    "high": float(result.ci[1]),
                    "p_value": float(result.p_value),
                    "theta": float(test.stat_a.theta) if kind == "adjusted" else None,
                    "reading": reading(control, treatment, 0.03 if kind == "proportion" else 0.3),
                }
            )
    return found


if __name__ == "__main__":
    table = {"gbstats": importlib.metadata.version("gbstats"), "command": COMMAND, "rows": rows()}
    json.dump(table, sys.stdout, indent=1)
    sys.stdout.write("\n")
