"""Where in a flag's rules a treatment gets its traffic: one region of buckets per variant, with one end that moves."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from pacer_pipelines.errors import FlagRefused
from pacer_pipelines.serving.bucket import BUCKETS
from pacer_pipelines.serving.flag_rules import BUCKET

FORMS = (
    '{"<": [{"var": "bucket"}, N]}, {">=": [{"var": "bucket"}, N]} or both of them in one {"and": [...]} '
    "with a fixed lower end"
)


class Region(NamedTuple):
    """Buckets from ``low`` up to, not including, ``high`` that a rule gives to a variant.

    ``operands[1]`` is the end that moves: the upper one of a region that grows up, the lower one of a region
    that grows down from 10,000.
    """

    variant: str
    low: int
    high: int
    operands: list[Any]
    grows_up: bool

    def resized(self, size: int) -> "Region":
        """The same region with another number of buckets; nothing is written yet."""
        if self.grows_up:
            return self._replace(high=self.low + size)
        return self._replace(low=self.high - size)

    def write(self) -> None:
        """Put the end that moves into the document."""
        self.operands[1] = self.high if self.grows_up else self.low

    def has(self, bucket: int) -> bool:
        """Whether the bucket lies in the region."""
        return self.low <= bucket < self.high

    def meets(self, other: "Region") -> bool:
        """Whether the two regions share a bucket."""
        return max(self.low, other.low) < min(self.high, other.high)


def regions(targeting: Any) -> list[Region]:
    """Every region that the rules give to a variant by the bucket alone, in the order in which they are asked."""
    return list(_regions(targeting))


def region_of(flag: dict[str, Any], flag_key: str, variant: str) -> Region:
    """The one region that leads to a variant.

    Raises:
        FlagRefused: there is none, or more than one.
    """
    found = [region for region in regions(flag.get("targeting")) if region.variant == variant]
    if len(found) != 1:
        raise FlagRefused(
            f"flag {flag_key!r}: got {len(found)} rules that lead to {variant!r} by a threshold, "
            f"allowed: exactly one {FORMS}"
        )
    return found[0]


def served_by_bucket(ordered: Sequence[Region], bucket: int) -> str | None:
    """Variant of the first region that has the bucket: earlier rules win."""
    return next((region.variant for region in ordered if region.has(bucket)), None)


def size_served(ordered: Sequence[Region], variant: str) -> int:
    """Number of buckets that a variant really gets, since earlier rules win."""
    ends = sorted({0, BUCKETS, *(end for region in ordered for end in (region.low, region.high))})
    return sum(high - low for low, high in pairwise(ends) if served_by_bucket(ordered, low) == variant)


def edges(ordered: Sequence[Region]) -> list[int]:
    """Buckets on both sides of each end of each region, and the first and the last bucket."""
    ends = {end + step for region in ordered for end in (region.low, region.high) for step in (-1, 0, 1)}
    return sorted({0, BUCKETS - 1, *(bucket for bucket in ends if 0 <= bucket < BUCKETS)})


def _regions(rule: Any) -> Iterator[Region]:
    if not isinstance(rule, dict) or not isinstance(rule.get("if"), list):
        return
    parts = rule["if"]
    for condition, outcome in zip(parts[::2], parts[1::2], strict=False):
        region = _region(condition, outcome) if isinstance(outcome, str) else None
        if region is not None:
            yield region
        else:
            yield from _regions(outcome)
    if len(parts) % 2:
        yield from _regions(parts[-1])


def _region(condition: Any, variant: str) -> Region | None:
    match condition:
        case {"<": [low_var, int() as high]} if low_var == BUCKET and len(condition) == 1:
            return Region(variant, 0, high, condition["<"], True)
        case {">=": [low_var, int() as low]} if low_var == BUCKET and len(condition) == 1:
            return Region(variant, low, BUCKETS, condition[">="], False)
        case {"and": [{">=": [low_var, int() as low]}, {"<": [high_var, int() as high]}]} if (
            low_var == BUCKET == high_var
        ):
            return Region(variant, low, high, condition["and"][1]["<"], True)
    return None
