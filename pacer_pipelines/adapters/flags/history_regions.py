"""Which bucket every known version of the flag file gives to which variant."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from pacer_pipelines.adapters.flags.core import Document
from pacer_pipelines.adapters.flags.door import read_flag
from pacer_pipelines.adapters.flags.regions import regions, served_by_bucket
from pacer_pipelines.adapters.flags.rules import flag_of
from pacer_pipelines.adapters.flags.versions import by_version
from pacer_pipelines.serving.bucket import BUCKETS


class ServedRegion(NamedTuple):
    """Buckets from ``low`` up to, not including, ``high`` that are served one variant."""

    variant: str
    low: int
    high: int


def history_regions(
    folders: Sequence[Path], flag_key: str, control: str, treatment: str, live: Path | None = None
) -> dict[str, tuple[ServedRegion, ...]]:
    """What the rules of each version of the flag file that is still known serve to ordinary units, by bucket.

    A file that cannot be read as regions is left out and logged: exposures of its version are then not judged.

    Args:
        folders: where earlier versions lie, ``*.json``; they need not exist.
        flag_key: the experiment's flag.
        control: name of the variant that buckets without a region are served.
        treatment: name of the treatment's variant in the flag.
        live: the live file, which counts too.

    Returns:
        Regions by version, without a gap from 0 to 10,000. Two files of one version that serve different regions:
        that version is left out too.
    """

    def read(path: Path) -> tuple[str, tuple[ServedRegion, ...]]:
        # what is no share, or serves something else in flagd's own core, is no set of regions either
        state = read_flag(path, flag_key, treatment)
        return state.version, served_regions(state.raw, flag_key, control, treatment)

    return by_version(folders, live, read, "serves other regions")


def served_regions(
    document: Document, flag_key: str, control: str, treatment: str
) -> tuple[ServedRegion, ...]:
    """What a document serves to ordinary units, by bucket: earlier rules win, what has no region is control's.

    Args:
        document: content of a flag file that ``treatment_share`` can read.
        flag_key: the experiment's flag.
        control: name of control's variant.
        treatment: name of the treatment's variant.

    Raises:
        FlagRefused: there is no such flag.
    """
    flag = flag_of(document, flag_key)
    if flag.get("state") == "DISABLED":
        return (ServedRegion(control, 0, BUCKETS),)
    if not flag.get("targeting"):
        return (ServedRegion(treatment if flag["defaultVariant"] == treatment else control, 0, BUCKETS),)
    ordered = regions(flag["targeting"])
    ends = sorted({0, BUCKETS, *(end for region in ordered for end in (region.low, region.high))})
    found: list[ServedRegion] = []
    for low, high in pairwise(ends):
        variant = _logged(served_by_bucket(ordered, low) or control)
        if found and found[-1].variant == variant:
            found[-1] = found[-1]._replace(high=high)
        else:
            found.append(ServedRegion(variant, low, high))
    return tuple(found)


def _logged(variant: str) -> str:
    """The variant as the log names it: what follows an '@' tells why a rule serves it."""
    return variant.partition("@")[0]
