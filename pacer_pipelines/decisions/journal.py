"""What happens to an experiment between its daily verdicts: a person's word, or the watch's, as plain values."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pacer_pipelines.decisions.catalogue import remembered, reminded
from pacer_pipelines.decisions.values import canonical

# rollback: B is cut and the experiment closed. still_served: B was seen after it had been cut.
# approval: a promotion may move the flag. acknowledgement: an edited plan is accepted. held: a promotion may not be
# approved any more. seen: a rollback was seen by a person. click: a button was pressed, whatever came of it.
Kind = Literal["rollback", "still_served", "approval", "acknowledgement", "held", "seen", "click"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an experiment's journal, written once and never changed.

    ``at`` is naive UTC. ``details`` says what the entry is bound to: a verdict_id and a flag version for an approval, a
    plan hash for an acknowledgement, what was counted for a rollback of the watch. ``entry_id`` is its hash.
    """

    experiment: str
    kind: Kind
    at: datetime
    who: str
    why: str
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def entry_id(self) -> str:
        """First 16 hex digits of the sha256 of the content."""
        return hashlib.sha256(canonical(self._plain()).encode()).hexdigest()[:16]

    def as_dict(self) -> dict[str, Any]:
        """The entry as JSON-ready values, ``entry_id`` first."""
        return {"entry_id": self.entry_id, **self._plain()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Entry":
        """The entry that :meth:`as_dict` wrote.

        Raises:
            ValueError: the content is not what its entry_id promises.
        """
        plain = {key: value for key, value in content.items() if key not in ("entry_id", "said")}
        plain["why"] = reminded(content["why"], content.get("said"))
        plain["at"] = datetime.fromisoformat(content["at"].removesuffix("Z"))
        entry = cls(**plain)
        if entry.entry_id != content["entry_id"]:
            raise ValueError(f"entry {content['entry_id']}: its content has the id {entry.entry_id}")
        return entry

    def _plain(self) -> dict[str, Any]:
        plain = {
            "experiment": self.experiment,
            "kind": self.kind,
            "at": self.at.isoformat() + "Z",
            "who": self.who,
            "why": self.why,
            "details": dict(self.details),
        }
        # a sentence of ours, not of a person's
        said = remembered(self.why)
        return {**plain, "said": said[""]} if said else plain
