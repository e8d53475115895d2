"""The flag file that splits the traffic: what others may use of it. Everything is written through ``door.py``."""

from pacer_pipelines.adapters.flags.door import (
    FlagState,
    apply_share,
    flag_version,
    history_shares,
    read_flag,
)
from pacer_pipelines.adapters.flags.edits import note_edits
from pacer_pipelines.adapters.flags.log import FlagChange, flag_changes, only_others_moved
from pacer_pipelines.adapters.flags.rules import KnownUnit, treatment_share

__all__ = [
    "FlagChange",
    "FlagState",
    "KnownUnit",
    "apply_share",
    "flag_changes",
    "flag_version",
    "history_shares",
    "note_edits",
    "only_others_moved",
    "read_flag",
    "treatment_share",
]
