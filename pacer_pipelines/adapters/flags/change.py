"""The next version of a flag's document: one threshold moved, and proof of what that does to whom."""

import copy
import json
from pathlib import Path
from typing import Any, NamedTuple

from pacer_pipelines.adapters.flags.core import Document
from pacer_pipelines.adapters.flags.lint import lint
from pacer_pipelines.adapters.flags.moves import check_move, check_room
from pacer_pipelines.adapters.flags.regions import region_of
from pacer_pipelines.adapters.flags.rules import KnownUnit, confirm, flag_of
from pacer_pipelines.adapters.flags.schema import check_schema
from pacer_pipelines.adapters.flags.text import rewritten
from pacer_pipelines.errors import FlagRefused
from pacer_pipelines.serving.bucket import BUCKETS
from pacer_pipelines.serving.flag_rules import SEGMENT_MARK, is_of, serves_segment

# what flagd knows of a flag; a rollback leaves out whatever else keeps the file from loading
FLAG_KEYS = ("state", "defaultVariant", "variants", "targeting", "metadata")


class Move(NamedTuple):
    """What is asked of the door."""

    path: Path
    history: Path
    flag_key: str
    variant: str
    limit: int
    known: tuple[KnownUnit, ...]


def limit_of(share: float) -> int:
    """Number of buckets that a share (percent) is.

    Raises:
        FlagRefused: it is no share, or finer than a bucket.
    """
    limit = round(share * BUCKETS / 100) if 0 <= share <= 100 else -1
    if abs(limit * 100 / BUCKETS - share) > 1e-9 or limit < 0:
        raise FlagRefused(f"share: got {share!r}, allowed: 0 to 100 percent in steps of 0.01")
    return limit


def changed(move: Move, document: Document) -> tuple[Document, str]:
    """The document with the new limit, equal to the old one when there is nothing to change; and a note.

    Raises:
        FlagRefused: the move is not possible, or moves somebody that it must not.
    """
    new = copy.deepcopy(document)
    flag = flag_of(new, move.flag_key)
    if flag.get("state") == "DISABLED":
        if move.limit:
            raise FlagRefused(
                f"flag {move.flag_key!r}: got state DISABLED; a person threw the switch and takes it back"
            )
        return new, ""
    try:
        _resize(move, document, new, flag)
    except FlagRefused as error:
        if move.limit:
            raise
        return (
            _emptied(document, move.flag_key, move.variant),
            f"targeting emptied for the rollback: {error}",
        )
    return new, ""


def _resize(move: Move, document: Document, new: Document, flag: dict[str, Any]) -> None:
    """Move the end of the treatment's region in the new document, and prove what that does."""
    lint(flag, move.flag_key, move.variant)
    if not move.limit and serves_segment(flag, move.variant):
        raise FlagRefused(f"a segment is served {move.variant} by name, and a rollback spares nobody")
    if not flag.get("targeting") and flag["defaultVariant"] != move.variant and not move.limit:
        return
    wanted = region_of(flag, move.flag_key, move.variant).resized(move.limit)
    check_room(flag, move.flag_key, wanted)
    wanted.write()
    check_schema(new, move.flag_key)
    confirm(new, move.flag_key, move.variant, move.known)
    check_move(document, new, move.flag_key, move.variant, move.known)


def _emptied(document: Document, flag_key: str, treatment_variant: str) -> Document:
    """The document with everybody on control, whatever its rules were."""
    new = copy.deepcopy(document)
    flag = flag_of(new, flag_key)
    variants = flag.get("variants")
    names = list(variants) if isinstance(variants, dict) else []
    others = [name for name in names if not is_of(name, treatment_variant) and SEGMENT_MARK not in name]
    control = flag.get("defaultVariant")
    if control not in others:
        if len(others) != 1:
            raise FlagRefused(
                f"flag {flag_key!r}: got defaultVariant {control!r} and variants {others} beside the "
                "treatment, allowed: one that is clearly control; set the flag's state to DISABLED by hand"
            )
        control = others[0]
    flag |= {"targeting": {}, "defaultVariant": control, "state": "ENABLED"}
    new["flags"][flag_key] = {key: flag[key] for key in flag if key in FLAG_KEYS}
    return new


def checked_text(move: Move, text: str, document: Document, new: Document) -> str:
    """The new text, after the last checks of what will be served.

    Raises:
        FlagRefused: it is no valid flag file, or serves something else.
    """
    written = rewritten(text, document, new)
    check_schema(json.loads(written), move.flag_key)
    confirm(json.loads(written), move.flag_key, move.variant, move.known)
    return written
