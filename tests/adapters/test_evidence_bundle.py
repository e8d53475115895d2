"""Evidence as a file: the same bytes for the same content, and a clear word for what is none."""

import json
import zipfile
from pathlib import Path

import pytest

from pacer_pipelines.adapters.evidence_bundle import pack, unpack
from pacer_pipelines.errors import SourceUnreadable

VERDICT = {
    "verdict_id": "ab12",
    "experiment": "x",
    "date": "2026-11-15",
    "verdict": "hold",
    "code_version": "1",
}
MADE_OF = {
    "rows": {"students": [["1", "c", "secret-b", "m", "A", 1, 1], ["1", "c", "secret-a", "m", "B", 2, 1]]}
}


def written(folder: Path, content: bytes) -> Path:
    path = folder / "evidence.zip"
    path.write_bytes(content)
    return path


def test_what_is_packed_comes_out_with_numbers_for_students(tmp_path: Path) -> None:
    path = written(tmp_path, pack(VERDICT, MADE_OF, {"effect": "day,effect\n1,2\n"}))
    verdict, made_of = unpack(path)
    assert verdict == VERDICT
    assert [row[2] for row in made_of["rows"]["students"]] == ["00000002", "00000001"]
    with zipfile.ZipFile(path) as archive:
        assert archive.read("figures/effect.csv") == b"day,effect\n1,2\n"
        assert "What was decided of x on 2026-11-15: hold." in archive.read("README.txt").decode()
        assert not any(b"secret" in archive.read(name) for name in archive.namelist())


def test_the_same_evidence_is_the_same_bytes() -> None:
    assert pack(VERDICT, MADE_OF, {"b": "1", "a": "2"}) == pack(VERDICT, MADE_OF, {"a": "2", "b": "1"})


@pytest.mark.parametrize(
    "damage", ["missing", "no zip", "half a zip", "another zip", "no json", "a flipped byte", "no object"]
)
def test_what_is_no_bundle_is_said(tmp_path: Path, damage: str) -> None:
    path = written(tmp_path, pack(VERDICT, MADE_OF, {}))
    if damage == "missing":
        path.unlink()
    elif damage == "no zip":
        path.write_bytes(b"hello")
    elif damage == "half a zip":
        path.write_bytes(path.read_bytes()[:200])
    elif damage == "a flipped byte":
        content = bytearray(path.read_bytes())
        at = content.index(b"made_of.json") + 20
        content[at : at + 40] = bytes(40)
        path.write_bytes(content)
    elif damage == "no object":
        with zipfile.ZipFile(path, "w") as archive:
            for name in ("verdict.json", "made_of.json"):
                archive.writestr(name, "[]")
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("verdict.json" if damage == "no json" else "x", "{")
    with pytest.raises(SourceUnreadable, match=r"evidence\.zip"):
        unpack(path)


def test_a_bundle_whose_students_were_cut_says_that_it_cannot_come_out_again(tmp_path: Path) -> None:
    cut = {**MADE_OF, "cut_at": "2026-12-01"}
    with zipfile.ZipFile(written(tmp_path, pack(VERDICT, cut, {}))) as archive:
        told = archive.read("README.txt").decode()
    assert "cut out of it (2026-12-01)" in told
    assert "byte for byte" not in told


def test_a_bundle_tells_json_that_others_can_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(written(tmp_path, pack(VERDICT, MADE_OF, {}))) as archive:
        assert json.loads(archive.read("verdict.json")) == VERDICT
