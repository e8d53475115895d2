"""Sources in object storage, against a real S3 server on this machine."""

import gzip
import re
import sys
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
import s3fs
import zstandard
from moto.server import ThreadedMotoServer
from pipeline.worlds import EXAMPLE, make_world

from pacer_pipelines.adapters import source_files
from pacer_pipelines.adapters.log_ends import still_open
from pacer_pipelines.adapters.source_files import SourceFile, fetched, list_files
from pacer_pipelines.errors import ConfigInvalid, PacerError, SourceMissing, SourceUnreadable
from pacer_pipelines.orchestration import ingestion
from pacer_pipelines.orchestration.anki_uploads import land_anki
from pacer_pipelines.orchestration.resources import WorldResource

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI-secret"
PLAIN = {"Content-Type": "text/plain"}
LINES = gzip.decompress((EXAMPLE / "exposures.jsonl.gz").read_bytes()).splitlines(keepends=True)[:90]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty bucket `logs`, and credentials where people put them: in the environment."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    urlopen(Request(f"{server}/moto-api/reset", method="POST")).close()
    store = s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)
    store.mkdir("logs")
    return store


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the objects that are fetched."""
    names: list[str] = []
    fetch = source_files.fetch

    def counting(source: str, name: str, *rest: Any) -> None:
        names.append(name)
        fetch(source, name, *rest)

    monkeypatch.setattr(source_files, "fetch", counting)
    return names


def world_of(folder: Path, **sources: object) -> WorldResource:
    return WorldResource(config_file=str(make_world(folder / "world", sources=sources).config))


def deliver(s3: Any) -> None:
    s3.pipe("logs/judge/day=02/e.jsonl.zst", zstandard.compress(b"".join(LINES[:30])))
    s3.pipe("logs/judge/day=03/e.jsonl.gz", gzip.compress(b"".join(LINES[30:60])))
    s3.pipe("logs/judge/day=04/e.jsonl", b"".join(LINES[60:]))
    s3.pipe("logs/judge/.hidden.jsonl", b"not for us")
    s3.pipe("logs/judge/day=05/", b"")


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("s3://logs/judge", 90),
        ("s3://logs/judge/", 90),
        ("s3://logs/judge/**/*.jsonl.*", 60),
        ("s3://logs/judge/day=0[34]/*", 60),
        ("s3://logs/judge/day=04/e.jsonl", 30),
    ],
)
def test_a_prefix_a_glob_and_an_object_land_like_files(tmp_path, s3, where, rows):
    deliver(s3)
    report = ingestion.land_exposures(world_of(tmp_path, exposures=where))
    assert (report.problem, report.landed, report.rejected) == ("", rows, 0)


def test_the_same_objects_land_as_the_same_bytes_as_files(tmp_path, s3):
    deliver(s3)
    s3.get("logs/judge", str(tmp_path / "judge"), recursive=True)
    landed = []
    for number, where in enumerate(("s3://logs/judge", str(tmp_path / "judge"))):
        resource = world_of(tmp_path / str(number), exposures=where)
        ingestion.land_exposures(resource)
        landed.append(resource.landing.days("exposures"))
    assert landed[0] == landed[1] != {}


def test_an_object_that_has_not_changed_is_not_fetched_again(tmp_path, s3, fetches):
    deliver(s3)
    resource = world_of(tmp_path, exposures="s3://logs/judge")
    ingestion.land_exposures(resource)
    assert len(fetches) == 3
    assert ingestion.land_exposures(resource).landed == 90
    assert len(fetches) == 3
    s3.pipe("logs/judge/day=04/e.jsonl", b"".join(LINES[50:]))
    ingestion.land_exposures(resource)
    assert fetches[3:] == ["day=04/e.jsonl"]


def test_the_same_content_packed_anew_is_fetched_once_more_and_then_known(tmp_path, s3, fetches):
    resource = world_of(tmp_path, exposures="s3://logs/judge")
    for level in (1, 9):
        s3.pipe("logs/judge/e.jsonl.gz", gzip.compress(b"".join(LINES), level))
        for _ in range(2):
            assert ingestion.land_exposures(resource).landed == 90
    assert len(fetches) == 2


def test_the_roster_and_anki_uploads_come_through_the_same_door(tmp_path, s3):
    s3.put(str(EXAMPLE / "roster.csv"), "logs/roster/roster.csv")
    upload = next(path for path in (EXAMPLE / "anki").rglob("*.apkg"))
    s3.put(str(upload), f"logs/anki/{upload.relative_to(EXAMPLE / 'anki').as_posix()}")
    resource = world_of(tmp_path, roster="s3://logs/roster/roster.csv", anki="s3://logs/anki")
    assert ingestion.land_roster(resource).landed == 480
    report, _links = land_anki(resource)
    assert (report.problem, report.landed > 0) == ("", True)
    assert upload.parent.name not in report.files[0].file


def test_a_log_that_comes_beside_an_unchanged_collection_is_read_and_an_unchanged_package_is_not_fetched(
    tmp_path, s3, fetches
):
    files = Path(__file__).parents[1] / "fixtures" / "anki"
    s3.put(str(files / "stuA_raw_collection.anki2"), "logs/anki/stuA/collection.anki2")
    s3.put(str(files / "stuA_latest.colpkg"), "logs/anki/stuA/all.colpkg")
    resource = world_of(tmp_path, anki="s3://logs/anki")
    land_anki(resource)
    s3.pipe("logs/anki/stuA/collection.anki2-wal", b"")
    fetches.clear()
    reviews, _ = land_anki(resource)
    assert sorted(len(file.warnings) for file in reviews.files) == [
        0,
        0,
        1,
    ]  # once without its log, once with it
    assert not any(name.endswith(".colpkg") for name in fetches)


def test_a_collection_brings_its_write_ahead_log(s3):
    s3.pipe("logs/anki/stu1/collection.anki2", b"pages")
    s3.pipe("logs/anki/stu1/collection.anki2-wal", b"newest")
    (file,) = list_files("anki", "s3://logs/anki")
    with fetched("anki", file) as here:
        assert (here.path.read_bytes(), here.path.with_name(here.path.name + "-wal").read_bytes()) == (
            b"pages",
            b"newest",
        )
    assert not here.path.exists()


def refused_with(s3: Any, where: str) -> PacerError:
    with pytest.raises(PacerError) as caught:
        list_files("exposures", where)
    assert not re.search(f"{KEY}|{SECRET}", str(caught.value))
    return caught.value


@pytest.mark.parametrize(
    "where", ["s3://nowhere/judge", "s3://nowhere/*.jsonl", "s3://logs/judge", "s3://logs/*.gz"]
)
def test_a_missing_bucket_and_an_empty_prefix_are_a_missing_source(s3, where):
    assert isinstance(refused_with(s3, where), SourceMissing)


def test_a_wrong_key_is_said_without_the_key_and_not_tried_again(s3, server, tmp_path):
    deliver(s3)
    only_known_keys = Request(f"{server}/moto-api/reset-auth", data=b"0", headers=PLAIN, method="POST")
    urlopen(only_known_keys).close()
    try:
        error = refused_with(s3, "s3://logs/judge")
        report = ingestion.land_exposures(world_of(tmp_path, exposures="s3://logs/judge/*.gz"))
    finally:
        urlopen(Request(f"{server}/moto-api/reset-auth", data=b"inf", headers=PLAIN, method="POST")).close()
    assert str(error).endswith("access refused: see the credentials in the environment")
    assert (report.problem[-50:], report.worth_a_retry) == (str(error)[-50:], False)


def test_no_key_at_all_is_said(s3, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert "access refused" in str(refused_with(s3, "s3://logs/judge"))


def test_a_store_that_does_not_answer_is_worth_another_try(s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    error = refused_with(s3, "s3://logs/judge")
    assert isinstance(error, SourceUnreadable)
    assert error.may_pass


def listed(s3: Any) -> SourceFile:
    deliver(s3)
    return list_files("exposures", "s3://logs/judge")[0]


@pytest.mark.parametrize("now", [b"".join(LINES[1:31]), b""])
def test_an_object_that_changes_between_listing_and_reading_is_read_another_time(s3, now):
    file = listed(s3)
    s3.pipe(file.stored.name, now)
    with (
        pytest.raises(SourceUnreadable, match="changed while it was read") as caught,
        fetched("exposures", file),
    ):
        pass
    assert caught.value.may_pass


def test_an_object_that_goes_away_between_listing_and_reading_is_said(s3):
    file = listed(s3)
    s3.rm(file.stored.name)
    with pytest.raises(SourceUnreadable, match="went away while it was read"), fetched("exposures", file):
        pass


def test_one_broken_object_hides_no_other(tmp_path, s3):
    deliver(s3)
    s3.pipe("logs/judge/day=03/e.jsonl.gz", b"no gzip")
    report = ingestion.land_exposures(world_of(tmp_path, exposures="s3://logs/judge"))
    assert report.landed == 60
    assert report.problem == "exposures: cannot read day=03/e.jsonl.gz: gzip data is damaged"


@pytest.mark.parametrize(
    ("where", "library", "extra"),
    [("s3://logs", "s3fs", "s3"), ("gs://logs", "gcsfs", "gcs"), ("abfs://logs", "adlfs", "azure")],
)
def test_without_the_library_the_message_says_which_extra_to_install(monkeypatch, where, library, extra):
    for module in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    # as in a process that has not used it yet
    monkeypatch.setattr(sys.modules["fsspec.registry"], "registry", {})
    with pytest.raises(SourceUnreadable) as caught:
        list_files("exposures", where)
    assert f'pip install "pacer-pipelines[{extra}]"' in str(caught.value)
    assert not caught.value.may_pass


def test_other_stores_that_fsspec_knows_work_alike(tmp_path):
    import fsspec

    fsspec.filesystem("memory").pipe("/judge/e.jsonl", b"".join(LINES))
    (tmp_path / "e.jsonl").write_bytes(b"".join(LINES))
    for number, where in enumerate(("memory://judge", f"file://{tmp_path}/*.jsonl")):
        assert ingestion.land_exposures(world_of(tmp_path / str(number), exposures=where)).landed == 90


def test_a_key_in_the_url_is_refused_where_it_is_configured(tmp_path):
    with pytest.raises(ConfigInvalid, match="credentials come from the environment") as caught:
        _ = world_of(tmp_path, exposures=f"s3://{KEY}:{SECRET}@logs/judge").world
    assert SECRET not in str(caught.value)


def test_the_watch_says_that_it_reads_no_object_storage(tmp_path):
    world = make_world(tmp_path / "world", sources={"exposures": "s3://logs/judge"})
    result = world.pacer("watch", "--once")
    assert "exposures: the watch reads growing files, not object storage (s3://logs/judge)" in result.output


def test_an_object_that_nobody_has_written_to_for_a_while_is_complete(s3: Any) -> None:
    """Its lines would have to be fetched to be looked at, so its age alone tells."""
    deliver(s3)
    file = list_files("exposures", "s3://logs/judge/day=04")[0]
    written = s3.modified("logs/judge/day=04/e.jsonl").astimezone(UTC).replace(tzinfo=None)
    hour = timedelta(hours=1)
    assert still_open("exposures", file, written, written + hour - timedelta(seconds=1), hour)
    assert not still_open("exposures", file, written, written + hour, hour)
