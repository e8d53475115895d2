"""An entry of the journal is what its id says, or is refused."""

from datetime import datetime

import pytest

from pacer_pipelines.decisions.journal import Entry

CUT = Entry(
    "judge-model-v2", "rollback", datetime(2026, 11, 9, 4, 30), "immediate rollback", "it breaks", {"n": "31"}
)


def test_an_entry_survives_its_own_storage() -> None:
    stored = CUT.as_dict()
    assert stored["at"] == "2026-11-09T04:30:00Z"
    assert Entry.from_dict(stored) == CUT
    assert Entry.from_dict(stored).entry_id == stored["entry_id"]


def test_an_edited_entry_is_refused() -> None:
    with pytest.raises(ValueError, match="its content has the id"):
        Entry.from_dict({**CUT.as_dict(), "why": "it is fine"})


def test_an_entry_is_named_by_16_digits() -> None:
    entry = Entry("one", "approval", datetime(2026, 11, 15, 9), "ann", "fine")
    assert len(entry.entry_id) == 16
