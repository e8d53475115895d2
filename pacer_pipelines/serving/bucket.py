"""The bucket of a unit: what decides between variants, whatever serves the flag."""

import hashlib

BUCKETS = 10_000


def bucket(unit: str, salt: str) -> int:
    """Give the bucket of a unit, 0 to 9999: the same in every process, language and in the warehouse.

    Args:
        unit: The randomised unit, such as a student id.
        salt: What makes two experiments independent of each other.

    Returns:
        The first 32 bits of SHA-256 of ``salt:unit`` in UTF-8, modulo 10,000.

    >>> bucket("stu0001", "judge-2026")
    5134
    """
    # half a surrogate pair, which JSON may carry, is no UTF-8; "?" keeps it an answer instead of an error
    content = f"{salt}:{unit}".encode(errors="replace")
    return int(hashlib.sha256(content).hexdigest()[:8], 16) % BUCKETS
