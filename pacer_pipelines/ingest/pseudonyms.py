"""Keyed pseudonyms for students, coaches, submissions and file names.

A plain hash of `stu0042` is reversed by trying ten thousand ids; a keyed one is not, without the key.
"""

from __future__ import annotations

import hmac
import re
from functools import lru_cache

_VERSION = re.compile(r"[A-Za-z0-9]{1,12}")


class Pseudonyms:
    """Gives stable pseudonyms: HMAC-SHA256 under one key, apart for each kind of id."""

    def __init__(self, key: bytes, version: str = "k1") -> None:
        """Take the key.

        Args:
            key: At least 16 secret bytes, held outside the warehouse.
            version: Name of the key, becomes the prefix; 1 to 12 letters or digits.

        Raises:
            ValueError: If the key is too short or the version is not a plain word.
        """
        if len(key) < 16:
            raise ValueError(f"pseudonym key: got {len(key)} bytes, allowed: at least 16")
        if not _VERSION.fullmatch(version):
            raise ValueError("pseudonym key version: allowed 1 to 12 letters or digits")
        self.version = version

        def keyed(domain: str, value: str) -> str:
            digest = hmac.digest(key, f"{domain}:{value}".encode(), "sha256")
            return f"{version}_{digest.hex()[:32]}"

        self._key = key
        self._keyed = keyed
        self._remembered = lru_cache(maxsize=1 << 16)(keyed)

    def __repr__(self) -> str:
        """Name the key version only."""
        return f"Pseudonyms(version={self.version!r})"

    def student(self, student_id: str) -> str:
        """Give the pseudonym of a student id, like 'k1_' and 32 hex digits."""
        return self._remembered("student", student_id)

    def coach(self, coach_id: str) -> str:
        """Give the pseudonym of a coach id."""
        return self._remembered("coach", coach_id)

    def submission(self, submission_id: str) -> str:
        """Give the pseudonym of a submission id (nearly every one is new: not remembered)."""
        return self._keyed("submission", submission_id)

    def content(self, spelt: str) -> str:
        """Give the keyed hash of a value that nobody knows the meaning of."""
        return self._keyed("content", spelt)

    def file(self, name: str) -> str:
        """Give the pseudonym of a file name that a person chose."""
        return self._keyed("file", name)

    def derived_key(self, purpose: str) -> bytes:
        """Give 32 secret bytes for a keyed digest that never meets a pseudonym."""
        return hmac.digest(self._key, f"derived:{purpose}".encode(), "sha256")

    def mark(self, value: str) -> str:
        """Give what is kept of somebody who asked to be forgotten: the hash of a pseudonym, under the same key."""
        return self._keyed("forgotten", value)
