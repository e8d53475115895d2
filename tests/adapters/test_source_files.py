"""Which files a source holds, and reading them packed, broken or missing."""

import doctest
import gzip
import os
from pathlib import Path

import pytest
import zstandard

from pacer_pipelines.adapters import source_files
from pacer_pipelines.adapters.source_files import (
    SourceFile,
    file_key,
    list_files,
    read_bytes,
    unpack_to,
)
from pacer_pipelines.errors import SourceMissing, SourceUnreadable

TEXT = b"".join(b'{"line": %d}\n' % n for n in range(20_000))


def written(path, data: bytes) -> SourceFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return SourceFile(path, path.name, path.name)


def test_a_folder_is_read_recursively_in_a_stable_order(tmp_path):
    for name in ("b.jsonl", "2026/a.jsonl", ".hidden/x.jsonl", ".y.jsonl"):
        written(tmp_path / name, b"")
    assert [file.display_name for file in list_files("exposures", tmp_path)] == ["2026/a.jsonl", "b.jsonl"]


def test_links_are_followed_and_those_that_lead_in_circles_end(tmp_path):
    source = tmp_path / "source"
    written(source / "e.jsonl", b"")
    written(tmp_path / "elsewhere/more.jsonl", b"")
    (source / "circle").symlink_to(source)
    (source / "linked").symlink_to(tmp_path / "elsewhere")
    names = [file.display_name for file in list_files("exposures", source)]
    assert names == ["e.jsonl", "linked/more.jsonl"]


def test_a_link_that_leads_nowhere_is_not_passed_over_in_silence(tmp_path):
    (tmp_path / "gone.jsonl").symlink_to(tmp_path / "nowhere")
    (file,) = list_files("exposures", tmp_path)
    with pytest.raises(SourceMissing, match=r"exposures: nothing at gone\.jsonl"):
        read_bytes("exposures", file)


def test_a_folder_that_may_not_be_read_is_named_and_hides_no_other(tmp_path, monkeypatch):
    for name in ("good/e.jsonl", "secret/e.jsonl"):
        written(tmp_path / name, b"")
    scan = os.scandir

    def refusing(path):
        if Path(path).name == "secret":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr("os.scandir", refusing)
    good, secret = list_files("exposures", tmp_path)
    assert read_bytes("exposures", good).data == b""
    with pytest.raises(SourceUnreadable, match="cannot read secret: this folder cannot be read"):
        read_bytes("exposures", secret)


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "e.jsonl")
    assert list_files("exposures", tmp_path) == []


def test_a_glob_leaves_out_what_is_still_hidden(tmp_path):
    for name in ("e.jsonl", ".e.jsonl"):
        written(tmp_path / name, b"")
    assert [file.key for file in list_files("exposures", f"{tmp_path}/*.jsonl")] == ["e.jsonl"]


def test_a_write_ahead_log_is_no_source_itself(tmp_path):
    written(tmp_path / "stu0042/collection.anki2", b"pages")
    written(tmp_path / "stu0042/collection.anki2-wal", b"newest")
    assert [file.path.name for file in list_files("anki", tmp_path)] == ["collection.anki2"]


def test_a_file_and_a_glob_are_sources_too(tmp_path):
    for name in ("day1/e.jsonl", "day2/e.jsonl", "day2/other.csv"):
        written(tmp_path / name, b"")
    assert [f.key for f in list_files("exposures", tmp_path / "day1/e.jsonl")] == ["e.jsonl"]
    found = list_files("exposures", str(tmp_path / "day*/e.jsonl"))
    assert [f.display_name for f in found] == ["day1/e.jsonl", "day2/e.jsonl"]
    assert len({f.key for f in found}) == 2


def test_a_private_name_gives_a_private_key(tmp_path):
    written(tmp_path / "stu0042/deck.apkg", b"")
    (file,) = list_files("anki", tmp_path, rename=lambda relative: "k1_abc/k1_def.apkg")
    assert "stu0042" not in file.key + file.display_name


def test_keys_are_safe_and_apart(tmp_path):
    assert file_key("a/b") != file_key("a_b")
    assert file_key("../../etc/passwd").startswith("_.._etc_passwd-")
    assert doctest.testmod(source_files).failed == 0


@pytest.mark.parametrize("name", ["gone.jsonl", "gone/*.jsonl"])
def test_a_missing_source_says_which_and_where(tmp_path, name):
    with pytest.raises(SourceMissing, match=r"exposures: nothing at .*gone"):
        list_files("exposures", tmp_path / name)


def test_an_empty_folder_holds_no_files(tmp_path):
    assert list_files("anki", tmp_path) == []


PACKED = {
    "e.jsonl": TEXT,
    "e.jsonl.gz": gzip.compress(TEXT),
    "members.gz": gzip.compress(TEXT[:5000]) + gzip.compress(TEXT[5000:]),
    "e.jsonl.zst": zstandard.compress(TEXT),
    "frames.zst": zstandard.compress(TEXT[:5000]) + zstandard.compress(TEXT[5000:]),
}


@pytest.mark.parametrize(("name", "data"), PACKED.items(), ids=PACKED.keys())
def test_packed_or_not_the_content_is_the_same(tmp_path, name, data):
    file = written(tmp_path / name, data)
    content = read_bytes("exposures", file)
    assert (content.data, content.cut_short) == (TEXT, "")


CUT = {
    "e.gz": (gzip.compress(TEXT)[:-3000], "gzip file is cut short"),
    "trailer.gz": (gzip.compress(TEXT)[:-4], "gzip file is cut short"),
    "second.gz": (gzip.compress(TEXT) + b"garbage", "gzip data is damaged"),
    "e.zst": (zstandard.ZstdCompressor(write_checksum=True).compress(TEXT)[:-2], "zstd file is cut short"),
}


@pytest.mark.parametrize(("name", "data", "why"), [(n, *c) for n, c in CUT.items()], ids=CUT.keys())
def test_a_file_cut_short_gives_its_good_lines_and_says_so(tmp_path, name, data, why):
    file = written(tmp_path / name, data)
    content = read_bytes("exposures", file)
    assert content.cut_short == why
    assert TEXT.startswith(content.data)
    assert content.data.count(b"\n") > 1000


@pytest.mark.parametrize("name", ["e.gz", "e.zst"])
def test_a_file_that_is_not_what_its_name_says_is_unreadable(tmp_path, name):
    with pytest.raises(SourceUnreadable, match="damaged"):
        read_bytes("exposures", written(tmp_path / name, b"plain text"))


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_small_file_that_unpacks_beyond_the_cap_is_unreadable(tmp_path, pack):
    name = "bomb.gz" if pack is gzip.compress else "bomb.zst"
    file = written(tmp_path / name, pack(bytes(20_000_000)))
    with pytest.raises(SourceUnreadable, match="larger than 1000000 bytes"):
        read_bytes("exposures", file, cap=1_000_000)


def test_a_file_that_went_away_is_missing(tmp_path):
    with pytest.raises(SourceMissing):
        read_bytes("exposures", SourceFile(tmp_path / "gone", "gone", "gone"))


def test_unpacking_to_a_file_is_whole_or_not_at_all(tmp_path):
    target = tmp_path / "out.db"
    unpack_to("pacer_database", written(tmp_path / "a.zst", zstandard.compress(TEXT)).path, target)
    assert target.read_bytes() == TEXT
    with pytest.raises(SourceUnreadable, match="cut short"):
        unpack_to("pacer_database", written(tmp_path / "b.gz", gzip.compress(TEXT)[:-3000]).path, target)
    assert not target.exists()
