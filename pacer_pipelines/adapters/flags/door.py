"""The one door to the flag file: reads the share of the treatment, and changes nothing but that share."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pacer_pipelines.adapters.flags.change import Move, changed, checked_text, limit_of
from pacer_pipelines.adapters.flags.core import Document
from pacer_pipelines.adapters.flags.edits import edited_in_place, note_within
from pacer_pipelines.adapters.flags.log import (
    FlagChange,
    digest,
    finish,
    one_writer,
    put,
)
from pacer_pipelines.adapters.flags.rules import KnownUnit, flag_of, treatment_share
from pacer_pipelines.adapters.flags.versions import by_version
from pacer_pipelines.errors import FlagRefused
from pacer_pipelines.serving.bucket import BUCKETS

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FlagState:
    """What the flag file says: its version, percent of traffic on treatment, ENABLED or DISABLED, all of it.

    ``note`` says what a reader should know about how this state came to be; it is empty as a rule.
    """

    version: str
    share: float
    state: str
    raw: Document
    note: str = ""


def read_flag(path: Path, flag_key: str, treatment_variant: str) -> FlagState:
    """The flag as it is served now.

    Args:
        path: the flag file, JSON.
        flag_key: the experiment's flag.
        treatment_variant: name of the treatment's variant in the flag.

    Raises:
        FlagRefused: no such file, no such flag, or rules that cannot be read as one share.
    """
    _, document = _load(path)
    share = treatment_share(document, flag_key, treatment_variant)
    return FlagState(_version(document), share, str(flag_of(document, flag_key)["state"]), document)


def flag_version(path: Path) -> str:
    """Version of the live flag file, even when its rules cannot be read as one share.

    Raises:
        FlagRefused: no such file, or no version in it.
    """
    return _version(_load(path)[1])


def history_shares(
    folders: Sequence[Path], flag_key: str, treatment_variant: str, live: Path | None = None
) -> dict[str, float]:
    """Share of the treatment (percent) in every version of the flag file that is still known.

    A file that cannot be read as one share is left out and logged: its version then has no known share.

    Args:
        folders: where earlier versions lie, ``*.json``; they need not exist.
        flag_key: the experiment's flag.
        treatment_variant: name of the treatment's variant in the flag.
        live: the live file, which counts too.

    Returns:
        Percent by version. Two files of one version with different shares: that version is left out too.
    """

    def read(path: Path) -> tuple[str, float]:
        state = read_flag(path, flag_key, treatment_variant)
        return state.version, state.share

    return by_version(folders, live, read, "has another share")


def apply_share(
    path: Path,
    history: Path,
    *,
    flag_key: str,
    treatment_variant: str,
    expected_version: str,
    new_share: float,
    at: datetime,
    who: str,
    why: str,
    verdict_id: str = "",
    archives: Sequence[Path] = (),
    known: Sequence[KnownUnit] = (),
) -> FlagState:
    """Give the treatment another share of the traffic: one threshold and the version change, nothing else.

    Everything is checked before the file is replaced in one step: the schema, the lint, what units at every
    threshold and known units are served, and that a raise takes nobody out of the treatment and a cut puts nobody
    in. Every version goes to ``history``. The same share again writes nothing. A rollback (``new_share`` 0) also
    works when the rules are not understood: then the targeting is emptied, so that everybody is served control.

    Args:
        path: the live flag file.
        history: folder that keeps every version and ``log.jsonl``.
        flag_key: the experiment's flag.
        treatment_variant: name of the treatment's variant in the flag.
        expected_version: version that the decision was made on; another one in the file is refused, and so is a
            raise when the file was edited since without a new version.
        new_share: percent of traffic for the treatment, 0 to 100, in steps of 0.01.
        at: now, naive UTC, for the log.
        who: what or who changes it, for the log.
        why: the reason, for the log.
        verdict_id: the verdict behind it, for the log.
        archives: more folders with earlier versions, whose numbers are not used again.
        known: units that were really there, to be evaluated too.

    Returns:
        The state after the change.

    Raises:
        FlagRefused: the flag was not changed; the message says why.
    """
    move = Move(path, history, flag_key, treatment_variant, limit_of(new_share), tuple(known))
    try:
        with one_writer(history):
            finish(path, history)
            text, document = _load(path)
            note_within(path, history, at)
            new, note = _judged(move, document, expected_version)
            if new == document:
                return FlagState(expected_version, new_share, _state(document, flag_key), document)
            number = _next_version(expected_version, [history, *archives])
            new["metadata"] = {**document.get("metadata", {}), "version": number}
            written = checked_text(move, text, document, new)
            change = FlagChange(
                at=at, flag=flag_key, variant=treatment_variant, from_version=expected_version, to_version=number,
                share=new_share, who=who, why=why, verdict_id=verdict_id, note=note, sha256=digest(written.encode()),
            )  # fmt: skip
            put(path, history, text, written, change)
    except (OSError, ValueError) as error:
        raise FlagRefused(f"{path}: the new version cannot be written: {error}") from error
    if note:
        _log.warning("flag %s: %s", flag_key, note)
    return FlagState(number, new_share, _state(new, flag_key), new, note)


def _judged(move: Move, document: Document, expected_version: str) -> tuple[Document, str]:
    """The document with the new share, unless a person has changed it in the meantime; and a note."""
    version = _version(document)
    if version != expected_version:
        raise FlagRefused(
            f"{move.path.name}: got version {version}, allowed: {expected_version}, which the verdict was "
            "made on; somebody changed the flag in between"
        )
    edited = _edited(move, document, version)
    new, note = changed(move, document)
    return new, "; ".join(filter(None, (edited, note)))


def _edited(move: Move, document: Document, version: str) -> str:
    """What a cut says when somebody edited this version in place; a raise is refused then."""
    if not edited_in_place(move.history, version, move.path.read_bytes()):
        return ""
    said = f"somebody edited version {version} by hand without a new version"
    try:
        live = round(treatment_share(document, move.flag_key, move.variant) * BUCKETS / 100)
    except FlagRefused:
        live = 0
    if move.limit > live:
        raise FlagRefused(
            f"{move.path.name}: {said}; a human edit wins. Give the file a new metadata.version to go on from it"
        )
    return said


def _state(document: Document, flag_key: str) -> str:
    return str(flag_of(document, flag_key)["state"])


def _load(path: Path) -> tuple[str, Document]:
    try:
        text = path.read_bytes().decode("utf-8")
        document = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise FlagRefused(f"{path}: got no readable JSON ({error}), allowed: a flagd flag file") from error
    if not isinstance(document, dict):
        raise FlagRefused(f"{path}: got {type(document).__name__}, allowed: a flagd flag file (an object)")
    return text, document


def _version(document: Document) -> str:
    metadata = document.get("metadata")
    version = metadata.get("version") if isinstance(metadata, dict) else None
    if not isinstance(version, str | int) or isinstance(version, bool) or version == "":
        raise FlagRefused(f"metadata.version: got {version!r}, allowed: a text such as '7'")
    return str(version)


def _next_version(version: str, folders: Sequence[Path]) -> str:
    """A version that was never used before: exposures are told apart by it."""
    used = [version]
    for path in (path for folder in folders for path in folder.glob("*.json")):
        try:
            used.append(_version(_load(path)[1]))
        except FlagRefused:
            continue
    return str(max((int(item) for item in used if item.isdecimal()), default=0) + 1)
