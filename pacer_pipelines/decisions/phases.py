"""What the name of a phase says: the version of the flag file, and how often what is served has changed under it.

``2`` is version 2; ``2~2`` is the same version from the moment on at which a model, a prompt or its decoding changed.
Shares of traffic belong to the version, evidence to the phase (docs/adr/0021-a-change-of-identity-opens-a-phase.md).
"""

MARK = "~"


def flag_version_of(phase: str) -> str:
    """The version of the flag file that a phase was served by.

    Args:
        phase: a phase as the marts name it; one without an opening is its own version.
    """
    return _parts(phase)[0]


def opening_of(phase: str) -> int:
    """Which phase of its version it is: 1 unless what is served has changed since the version began."""
    return _parts(phase)[1]


def _parts(phase: str) -> tuple[str, int]:
    version, mark, number = phase.rpartition(MARK)
    return (version, int(number)) if mark and version and number.isdecimal() else (phase, 1)
