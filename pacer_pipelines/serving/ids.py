"""Random ids without a question to the operating system for each: such a question hands over the interpreter."""

import os

AT_ONCE = 256
_pool: list[str] = []
# a child process must not give the ids that its parent still has
os.register_at_fork(after_in_child=_pool.clear)


def new_id() -> str:
    """Give a random UUID, version 4, as text; safe in threads and after a fork."""
    try:
        return _pool.pop()
    except IndexError:
        fresh = os.urandom(16 * AT_ONCE).hex()
        _pool.extend(_uuid(fresh[start : start + 32]) for start in range(32, len(fresh), 32))
        return _uuid(fresh[:32])


def _uuid(digits: str) -> str:
    """Give 32 random hex digits as a UUID: two of them say version and variant (RFC 9562)."""
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
