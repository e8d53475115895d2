"""Pseudonyms: stable, keyed, apart for each kind of id."""

import hashlib
import hmac
import re

import pytest

from pacer_pipelines.ingest.pseudonyms import Pseudonyms

KEY = b"a key for tests only, 32 bytes.."


def test_a_pseudonym_is_hmac_sha256_with_domain_and_key_version():
    # the recipe, written out for another system: HMAC-SHA256 of 'student:' and the id, 32 hex digits
    expected = hmac.new(KEY, b"student:stu0042", hashlib.sha256).hexdigest()[:32]
    assert Pseudonyms(KEY).student("stu0042") == f"k1_{expected}"
    assert re.fullmatch(r"k2_[0-9a-f]{32}", Pseudonyms(KEY, "k2").coach("coach01"))


def test_the_same_text_as_another_kind_of_id_has_another_pseudonym():
    names = Pseudonyms(KEY)
    assert len({names.student("x"), names.coach("x"), names.submission("x"), names.file("x")}) == 4


def test_another_key_gives_another_pseudonym():
    assert Pseudonyms(KEY).student("stu0042") != Pseudonyms(KEY[::-1]).student("stu0042")


@pytest.mark.parametrize("key", [b"", b"15 bytes are no"])
def test_a_short_key_is_refused(key):
    with pytest.raises(ValueError, match="allowed: at least 16"):
        Pseudonyms(key)


def test_the_key_does_not_show_in_a_log():
    assert repr(Pseudonyms(KEY)) == "Pseudonyms(version='k1')"
