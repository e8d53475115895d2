"""What a new version of a flag may change for anybody: the treatment grows or shrinks, and nobody else moves."""

from collections.abc import Sequence

from pacer_pipelines.adapters.flags.core import Core, Document
from pacer_pipelines.adapters.flags.regions import Region, edges, regions
from pacer_pipelines.adapters.flags.rules import KnownUnit, flag_of, segments
from pacer_pipelines.errors import FlagRefused
from pacer_pipelines.serving.bucket import BUCKETS

GRID = 500


def check_move(
    old: Document, new: Document, flag_key: str, variant: str, known: Sequence[KnownUnit] = ()
) -> None:
    """Compare two versions unit by unit in flagd's core: on a raise nobody leaves B, on a cut nobody enters it.

    Asked are the buckets at every end of every region of both versions and a grid between them, for ordinary
    units and each segment that the rules name, and each unit that was really there. The direction is the one in
    which the treatment's region moved. Everything but this flag and the version must be the same content.

    Args:
        old: the version that is live.
        new: the version that would follow it.
        flag_key: the experiment's flag.
        variant: the treatment that is raised or cut.
        known: units that were really there.

    Raises:
        FlagRefused: somebody would change in another way; the message names bucket and segment.
    """
    if _others(old, flag_key) != _others(new, flag_key):
        raise FlagRefused(
            f"flag {flag_key!r}: got changes outside this flag, allowed: its threshold and the version"
        )
    before, after = Core(old), Core(new)
    rules = [flag_of(document, flag_key).get("targeting") for document in (old, new)]
    ordered = [region for rule in rules for region in regions(rule)]
    treatments = {region.variant for region in ordered} | {variant}
    raised = _size(regions(rules[1]), variant) > _size(regions(rules[0]), variant)
    for context in _units([*ordered], rules, known):
        was, now = before.variant(flag_key, context), after.variant(flag_key, context)
        left, entered = (was, now) if raised else (now, was)
        if was != now and (entered != variant or left in treatments):
            raise FlagRefused(
                f"flag {flag_key!r}: the unit {context} would go from {was!r} to {now!r}, allowed: only "
                f"{'into' if raised else 'out of'} {variant!r}, from or to control"
            )


def check_room(flag: dict[str, object], flag_key: str, wanted: Region) -> None:
    """Refuse a region that would take buckets from another treatment's, or that does not fit at all.

    Raises:
        FlagRefused: naming who has the room.
    """
    if not 0 <= wanted.low <= wanted.high <= BUCKETS:
        raise FlagRefused(
            f"flag {flag_key!r}: no room: got buckets {wanted.low} to {wanted.high} for {wanted.variant!r}, "
            f"allowed: 0 to {BUCKETS}"
        )
    for other in regions(flag.get("targeting")):
        if other.variant != wanted.variant and other.meets(wanted):
            has = (other.high - other.low) * 100 / BUCKETS
            raise FlagRefused(
                f"flag {flag_key!r}: no room: {other.variant} has {has:g} % (buckets {other.low} to {other.high}), "
                f"so {wanted.variant} cannot have {(wanted.high - wanted.low) * 100 / BUCKETS:g} %"
            )


def _others(document: Document, flag_key: str) -> Document:
    """Everything that no move of this flag may change."""
    flags = {key: flag for key, flag in document["flags"].items() if key != flag_key}
    metadata = {key: value for key, value in document.get("metadata", {}).items() if key != "version"}
    own = {key: value for key, value in flag_of(document, flag_key).items() if key != "targeting"}
    return {**document, "flags": flags, "metadata": metadata, "own": own}


def _size(ordered: Sequence[Region], variant: str) -> int:
    return sum(region.high - region.low for region in ordered if region.variant == variant)


def _units(
    ordered: Sequence[Region], rules: Sequence[object], known: Sequence[KnownUnit]
) -> list[dict[str, object]]:
    buckets = sorted({*edges(ordered), *range(0, BUCKETS, GRID)})
    contexts = [{}, *(context for rule in rules for context in segments(rule))]
    return [
        *({**context, "bucket": bucket} for context in contexts for bucket in buckets),
        *({**unit.attributes, "bucket": unit.bucket} for unit in known),
    ]
