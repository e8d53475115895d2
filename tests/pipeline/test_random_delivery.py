"""However the lines of the logs arrive, each is staged once: in pieces, packed, rotated, copied, cut, days late."""

import gzip
import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
import zstandard

from pacer_pipelines.orchestration import ingestion
from pacer_pipelines.orchestration.resources import WorldResource

from .worlds import EXAMPLE, ROOT, World, make_world

STAGING = ROOT / "dbt_project" / "models" / "staging"
SOURCE = re.compile(r"\{\{ source\('landing', '(\w+)'\) \}\}")
LOGS = {
    "exposures": ("exposures.jsonl.gz", ingestion.land_exposures, "serving/stg_exposures.sql"),
    "feedback": ("feedback_events.jsonl.gz", ingestion.land_feedback, "serving/stg_feedback_events.sql"),
    "card_reviews": ("card_reviews.jsonl.gz", ingestion.land_card_reviews, "serving/stg_card_reviews.sql"),
}


def staged(home: Path, model: str) -> list[tuple[object, ...]]:
    """What the staging model gives, without where each row came from."""
    (path,) = STAGING.rglob(Path(model).name)
    query = SOURCE.sub(
        lambda found: (
            f"read_parquet('{home}/landing/{found[1]}/**/*.parquet', hive_partitioning = false, "
            "union_by_name = true)"
        ),
        path.read_text(encoding="utf-8"),
    )
    with duckdb.connect() as db:
        db.execute(f"create table staged as {query}")
        return db.execute("select * exclude (source_file, source_line) from staged order by all").fetchall()


class Delivery:
    """A folder into which the lines of one log arrive by accident."""

    def __init__(self, folder: Path, data: bytes, chance: random.Random) -> None:
        self.folder, self.data, self.chance = folder, data, chance
        self.given, self.names = 0, 0
        folder.mkdir()
        self.live = folder / "live.jsonl"

    def steps(self) -> list[Callable[[], None]]:
        return [self.grow, self.grow, self.grow, self.rotate, self.copy, self.pack, self.shorten, self.again]

    def grow(self) -> None:
        """The writer goes on, and stops anywhere, within a line or a character."""
        until = min(len(self.data), self.given + self.chance.randrange(1, len(self.data) // 5))
        with self.live.open("ab") as log:
            log.write(self.data[self.given : until])
        self.given = until

    def rotate(self) -> None:
        """The writer begins a new file with its next line; the old one gets another name."""
        if self.live.exists() and self.live.stat().st_size:
            end = self.data.index(b"\n", self.given - 1) + 1
            with self.live.open("ab") as log:
                log.write(self.data[self.given : end])
            self.given = end
            self.live.rename(self.new(".jsonl.1"))

    def copy(self) -> None:
        """Somebody copies what there is, while it is written."""
        for path in self.some():
            shutil.copy(path, self.new("".join(path.suffixes)))

    def pack(self) -> None:
        """An archiver writes a packed copy, which is not complete yet."""
        for path in self.some():
            if path.suffix not in (".gz", ".zst"):
                packed, kind = (
                    (gzip.compress(path.read_bytes(), mtime=0), ".gz")
                    if self.chance.random() < 0.5
                    else (zstandard.compress(path.read_bytes()), ".zst")
                )
                self.new(f".jsonl{kind}").write_bytes(packed[: self.chance.randrange(len(packed) + 1)])

    def shorten(self) -> None:
        """A file other than the live one is replaced by a part of it; all of it is elsewhere."""
        for path in self.some():
            if path != self.live and path.suffix not in (".gz", ".zst"):
                kept = path.read_bytes()
                self.new(".jsonl").write_bytes(kept)
                path.write_bytes(kept[: self.chance.randrange(len(kept) + 1)])

    def again(self) -> None:
        """A file is delivered again under its own name, in a folder of the day."""
        for path in self.some():
            target = self.folder / f"day{self.chance.randrange(3)}" / path.name
            target.parent.mkdir(exist_ok=True)
            if target != path:
                shutil.copy(path, target)

    def finish(self) -> None:
        """The rest arrives, days late, under a name that sorts first."""
        start = self.data.rindex(b"\n", 0, self.given) + 1 if b"\n" in self.data[: self.given] else 0
        # a complete last line may come without its newline
        (self.folder / "0.jsonl").write_bytes(self.data[start:].removesuffix(b"\n"))

    def some(self) -> Iterator[Path]:
        files = sorted(path for path in self.folder.rglob("*.*") if path.is_file())
        yield from self.chance.sample(files, min(len(files), 1))

    def new(self, suffix: str) -> Path:
        self.names += 1
        return self.folder / f"{self.chance.randrange(100):02}-{self.names}{suffix}"


@pytest.fixture(scope="module")
def in_order(new_world: Callable[..., World]) -> dict[str, tuple[bytes, list[tuple[object, ...]]]]:
    """The first lines of each log, and what is staged when they arrive as one file."""
    world = new_world(sources={source: f"{source}.jsonl" for source in LOGS})
    resource = WorldResource(config_file=str(world.config))
    found = {}
    for source, (name, land, model) in LOGS.items():
        lines = gzip.decompress((EXAMPLE / name).read_bytes()).splitlines(keepends=True)[:400]
        # an id with all that UTF-8 has, so that a cut falls into a character
        data = b"".join(lines).replace(b"stu01", "학생🙂01".encode())
        (world.folder / f"{source}.jsonl").write_bytes(data)
        land(resource)
        found[source] = (data, staged(world.home, model))
        assert len(found[source][1]) == 400
    return found


@pytest.mark.parametrize("seed", range(6))
def test_each_row_is_staged_once_whatever_the_order_of_delivery(tmp_path, environment, in_order, seed):
    chance = random.Random(seed)
    world = make_world(tmp_path / "world", sources={source: source for source in LOGS})
    resource = WorldResource(config_file=str(world.config))
    for source, (_, land, model) in LOGS.items():
        data, expected = in_order[source]
        delivery = Delivery(world.folder / source, data, chance)
        for _ in range(12):
            chance.choice(delivery.steps())()
            if chance.random() < 0.3:
                land(resource)
        delivery.finish()
        report = land(resource)
        assert report.problem == ""
        assert staged(world.home, model) == expected
        receipts = report.files
        assert all(item.rows_in == item.landed + item.rejected for item in receipts)
        # once everything is there, another run changes nothing
        before = resource.landing.days(report.source)
        land(resource)
        assert resource.landing.days(report.source) == before
