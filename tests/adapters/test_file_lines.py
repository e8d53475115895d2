"""The lines of large, packed, broken and growing files: the same as of the whole content, and never more than that."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pacer_pipelines.adapters.file_lines import fingerprint, fingerprinted_lines, open_lines, split_lines
from pacer_pipelines.adapters.source_files import SourceFile
from pacer_pipelines.errors import SourceMissing, SourceUnreadable

TEXT = b"".join(b'{"line": %d}\n' % n for n in range(20_000))
PACKERS = {"e.jsonl": bytes, "e.jsonl.gz": gzip.compress, "e.jsonl.zst": zstandard.compress}


def written(path, data: bytes) -> SourceFile:
    path.write_bytes(data)
    return SourceFile(path, path.name, path.name)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.lists(st.binary(max_size=9) | st.sampled_from([b"\n", b"\n\n", b"a\nb"]), max_size=12))
def test_lines_are_those_of_the_whole_wherever_the_pieces_end(pieces):
    assert list(split_lines(iter(pieces), 1000)) == b"".join(pieces).split(b"\n")


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.lists(st.binary(max_size=9) | st.sampled_from([b"\n", b"a\nb"]), max_size=12), st.integers(0, 9))
def test_a_line_above_the_limit_is_cut_to_one_byte_more_than_it(pieces, limit):
    whole = b"".join(pieces).split(b"\n")
    assert list(split_lines(iter(pieces), limit)) == [line[: limit + 1] for line in whole]


@pytest.mark.parametrize("name", PACKERS)
def test_a_fingerprint_knows_the_content_and_each_beginning_that_was_asked_for(tmp_path, name):
    file = written(tmp_path / name, PACKERS[name](TEXT))
    known = fingerprint("exposures", file, [0, 1, 70_000, len(TEXT), len(TEXT) + 1])
    assert (known.sha256, known.size, known.ended) == (hashlib.sha256(TEXT).hexdigest(), len(TEXT), None)
    assert known.beginnings == {
        size: hashlib.sha256(TEXT[:size]).hexdigest() for size in (0, 1, 70_000, len(TEXT))
    }
    assert list(fingerprinted_lines("exposures", file, known, 1000)) == TEXT.split(b"\n")


CUT = {
    "e.gz": (gzip.compress(TEXT, mtime=0)[:-3000], "file cut short", "gzip file is cut short"),
    "second.gz": (gzip.compress(TEXT, mtime=0) + b"garbage", "file damaged", "gzip data is damaged"),
    "e.zst": (
        zstandard.ZstdCompressor(write_checksum=True).compress(TEXT)[:-2],
        "file cut short",
        "zstd file is cut short",
    ),
}


@pytest.mark.parametrize(("name", "data", "reason", "why"), [(n, *c) for n, c in CUT.items()], ids=CUT.keys())
def test_a_file_that_ends_early_gives_its_good_lines_and_says_so(tmp_path, name, data, reason, why):
    file = written(tmp_path / name, data)
    known = fingerprint("exposures", file)
    assert (known.ended.reason, known.ended.why) == (reason, why)
    lines = list(fingerprinted_lines("exposures", file, known, 1000))
    assert TEXT.startswith(b"\n".join(lines))
    assert len(lines) > 1000

    def drain():
        for line in open_lines("exposures", file, 1000):
            seen.append(line)

    seen: list[bytes] = []
    with pytest.raises(SourceUnreadable, match=why):
        drain()
    assert seen == lines


@pytest.mark.parametrize("name", ["bomb.gz", "bomb.zst"])
def test_of_a_bomb_counts_what_comes_before_the_cap(tmp_path, name):
    pack = gzip.compress if name.endswith("gz") else zstandard.compress
    file = written(tmp_path / name, pack(TEXT + bytes(30_000_000)))
    known = fingerprint("exposures", file, cap=1_000_000)
    assert (known.size, known.ended.reason) == (1_000_000, "file too large")
    *lines, bomb = fingerprinted_lines("exposures", file, known, 1000)
    assert b"\n".join([*lines, b""]) == TEXT
    assert len(bomb) == 1001


@pytest.mark.parametrize("name", ["e.gz", "e.zst"])
def test_a_file_that_is_not_what_its_name_says_is_unreadable(tmp_path, name):
    with pytest.raises(SourceUnreadable, match="damaged"):
        fingerprint("exposures", written(tmp_path / name, b"plain text"))


@pytest.mark.parametrize("data", [gzip.compress(TEXT, mtime=0)[:10], b""])
def test_a_packed_file_that_was_only_just_begun_holds_nothing_yet(tmp_path, data):
    assert fingerprint("exposures", written(tmp_path / "e.gz", data)).size == 0


def test_what_is_appended_between_the_two_passes_waits_for_the_next_time(tmp_path):
    file = written(tmp_path / "e.jsonl", b"one\ntwo\n")
    known = fingerprint("exposures", file)
    file.path.write_bytes(b"one\ntwo\nthree\n")
    assert list(fingerprinted_lines("exposures", file, known, 1000)) == [b"one", b"two", b""]


@pytest.mark.parametrize("now", [b"one\nTWO\n", b"one\n", b""])
def test_a_file_that_was_replaced_between_the_two_passes_is_read_another_time(tmp_path, now):
    file = written(tmp_path / "e.jsonl", b"one\ntwo\n")
    known = fingerprint("exposures", file)
    file.path.write_bytes(now)
    with pytest.raises(SourceUnreadable, match="changed while it was read"):
        list(fingerprinted_lines("exposures", file, known, 1000))


def test_a_file_that_went_away_is_missing(tmp_path):
    with pytest.raises(SourceMissing):
        fingerprint("exposures", SourceFile(tmp_path / "gone", "gone", "gone"))


MONSTERS = r"""
import json, re, sys
from pathlib import Path
import zstandard
from landing_speed import land, large_log
folder = Path(sys.argv[1])
good = [line.encode() for line in large_log(30_000)]
pack = zstandard.ZstdCompressor(level=1).compress
# 100 MB that never end, a line of 100 MB among good ones, and many lines that are refused
(folder / "zeros.jsonl.zst").write_bytes(pack(bytes(100_000_000)))
(folder / "line.jsonl.zst").write_bytes(pack(good[0] + b"x" * 100_000_000 + b"\n" + good[1]))
(folder / "junk.jsonl.zst").write_bytes(pack(b"{}\n" * 100_000))
(folder / "large.jsonl.zst").write_bytes(pack(b"".join(good)))
del good
landed = {path.name: land(path, folder / "home") for path in sorted(folder.glob("*.zst"))}
# not ru_maxrss: a child begins with the peak of the process that started it
(peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
print(json.dumps([landed, int(peak) / 1024]))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
def test_memory_does_not_grow_with_the_file_nor_with_its_longest_line(tmp_path):
    benchmarks = str(Path(__file__).parents[2] / "benchmarks")
    done = subprocess.run(
        [sys.executable, "-c", MONSTERS, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": f"{benchmarks}:{':'.join(sys.path)}"},
        capture_output=True,
        text=True,
        check=True,
    )
    landed, peak = json.loads(done.stdout)
    assert landed == {
        "junk.jsonl.zst": 0, "large.jsonl.zst": 30_000, "line.jsonl.zst": 2, "zeros.jsonl.zst": 0,
    }  # fmt: skip
    # read whole, each of the four took 400 to 1,000 MB
    assert peak < 400, f"{peak:.0f} MB"
