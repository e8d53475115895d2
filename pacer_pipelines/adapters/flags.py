"""The one door to the flag file: reads the share of the treatment, and changes nothing but that share."""

import copy
import fcntl
import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.adapters.flag_rules import (
    BUCKETS,
    Document,
    confirm,
    find_threshold,
    flag_of,
    lint,
    treatment_share,
)
from pacer_pipelines.errors import FlagRefused

__all__ = ["FlagState", "apply_share", "flag_version", "history_shares", "read_flag", "treatment_share"]

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
    document = _load(path)
    share = treatment_share(document, flag_key, treatment_variant)
    return FlagState(_version(document), share, str(flag_of(document, flag_key)["state"]), document)


def flag_version(path: Path) -> str:
    """Version of the live flag file, even when its rules cannot be read as one share.

    Raises:
        FlagRefused: no such file, or no version in it.
    """
    return _version(_load(path))


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
    shares: dict[str, float] = {}
    contradicted: set[str] = set()
    kept = [path for folder in folders for path in sorted(folder.glob("*.json"))]
    for path in [*kept, *([live] if live else [])]:
        try:
            state = read_flag(path, flag_key, treatment_variant)
        except FlagRefused as error:
            _log.warning("flag history: %s left out: %s", path.name, error)
            continue
        if shares.setdefault(state.version, state.share) != state.share:
            _log.warning("flag history: version %s left out: %s has another share", state.version, path.name)
            contradicted.add(state.version)
    return {version: share for version, share in shares.items() if version not in contradicted}


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
) -> FlagState:
    """Give the treatment another share of the traffic: one threshold and the version change, nothing else.

    Everything is checked before the file is replaced in one step; the version before it goes to ``history``.
    The same share again writes nothing. A rollback (``new_share`` 0) also works when the rules are not
    understood: then the targeting is emptied, so that everybody is served control.

    Args:
        path: the live flag file.
        history: folder that keeps every earlier version and ``log.jsonl``.
        flag_key: the experiment's flag.
        treatment_variant: name of the treatment's variant in the flag.
        expected_version: version that the decision was made on; another one in the file is refused.
        new_share: percent of traffic for the treatment, 0 to 100, in steps of 0.01.
        at: now, naive UTC, for the log.
        who: what or who changes it, for the log.
        why: the reason, for the log.
        verdict_id: the verdict behind it, for the log.
        archives: more folders with earlier versions, whose numbers are not used again.

    Returns:
        The state after the change.

    Raises:
        FlagRefused: nothing was written; the message says why.
    """
    limit = _limit(new_share)
    with _one_writer(history):
        document = _load(path)
        version = _version(document)
        if version != expected_version:
            raise FlagRefused(
                f"{path.name}: got version {version}, allowed: {expected_version}, which the verdict was "
                "made on; somebody changed the flag in between"
            )
        new, note = _changed(document, flag_key, treatment_variant, limit)
        if new == document:
            return FlagState(version, new_share, str(flag_of(document, flag_key)["state"]), document)
        new["metadata"] = {
            **document.get("metadata", {}),
            "version": _next_version(version, [history, *archives]),
        }
        confirm(new, flag_key, treatment_variant, limit)
        _write(
            path,
            history,
            new,
            {
                "at": at.isoformat() + "Z",
                "flag": flag_key,
                "from": version,
                "to": _version(new),
                "share": new_share,
                "who": who,
                "why": why,
                "verdict_id": verdict_id,
                "note": note,
            },
        )
    if note:
        _log.warning("flag %s: %s", flag_key, note)
    return FlagState(_version(new), new_share, str(flag_of(new, flag_key)["state"]), new, note)


def _changed(document: Document, flag_key: str, treatment_variant: str, limit: int) -> tuple[Document, str]:
    """The document with the new limit, equal to the old one when there is nothing to change; and a note."""
    new = copy.deepcopy(document)
    flag = flag_of(new, flag_key)
    if flag.get("state") == "DISABLED":
        if limit:
            raise FlagRefused(
                f"flag {flag_key!r}: got state DISABLED; a person threw the switch and takes it back"
            )
        return new, ""
    try:
        lint(flag, flag_key, treatment_variant)
        if not flag.get("targeting") and flag["defaultVariant"] != treatment_variant and not limit:
            return new, ""
        find_threshold(flag, flag_key, treatment_variant).operands[1] = limit
        confirm(new, flag_key, treatment_variant, limit)
    except FlagRefused as error:
        if limit:
            raise
        return _emptied(document, flag_key, treatment_variant), f"targeting emptied for the rollback: {error}"
    return new, ""


def _emptied(document: Document, flag_key: str, treatment_variant: str) -> Document:
    """The document with everybody on control, whatever its rules were."""
    new = copy.deepcopy(document)
    flag = flag_of(new, flag_key)
    variants = flag.get("variants")
    others = [name for name in variants if name != treatment_variant] if isinstance(variants, dict) else []
    control = flag.get("defaultVariant")
    if control not in others:
        if len(others) != 1:
            raise FlagRefused(
                f"flag {flag_key!r}: got defaultVariant {control!r} and variants {others} beside the "
                "treatment, allowed: one that is clearly control; set the flag's state to DISABLED by hand"
            )
        control = others[0]
    flag["targeting"], flag["defaultVariant"], flag["state"] = {}, control, "ENABLED"
    return new


def _limit(share: float) -> int:
    limit = round(share * BUCKETS / 100) if 0 <= share <= 100 else -1
    if abs(limit * 100 / BUCKETS - share) > 1e-9 or limit < 0:
        raise FlagRefused(f"share: got {share!r}, allowed: 0 to 100 percent in steps of 0.01")
    return limit


def _load(path: Path) -> Document:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FlagRefused(f"{path}: got no readable JSON ({error}), allowed: a flagd flag file") from error
    if not isinstance(document, dict):
        raise FlagRefused(f"{path}: got {type(document).__name__}, allowed: a flagd flag file (an object)")
    return document


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
            used.append(_version(_load(path)))
        except FlagRefused:
            continue
    return str(max((int(item) for item in used if item.isdecimal()), default=0) + 1)


def _write(path: Path, history: Path, new: Document, entry: dict[str, Any]) -> None:
    """Keep the version that is live, put the new one in its place, log who did it and why."""
    try:
        _keep(path, history, entry["from"])
        replace_text(path, json.dumps(new, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        with (history / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry, ensure_ascii=False) + "\n")
    except (OSError, ValueError) as error:
        raise FlagRefused(f"{path}: the new version cannot be written: {error}") from error


def _keep(path: Path, history: Path, version: str) -> None:
    """Copy the live file, byte for byte, to the history."""
    content = path.read_bytes()
    kept = history / f"v{version}.json"
    if kept.exists() and kept.read_bytes() != content:
        kept = history / f"v{version}-{hashlib.sha256(content).hexdigest()[:8]}.json"
    replace_text(kept, content.decode("utf-8"))


@contextmanager
def _one_writer(history: Path) -> Iterator[Any]:
    history.mkdir(parents=True, exist_ok=True)
    with (history / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
