"""Whatever is wrong with flag or provider: control is served, the exposure says why, and it is not analysed."""

import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.event import ProviderEvent

from pacer_pipelines.serving import Assigner, Assignment, Request

from .conftest import FLAGS, SPLIT, lines_in
from .flag_server import FlagServer

# the first student whom the first flag file gives B: 1,000 of 10,000 buckets
TREATED = next(f"stu{n:04d}" for n in range(100) if SPLIT.bucket(f"stu{n:04d}", "") < 1000)
REQUEST = Request(TREATED, f"{TREATED}-1", "alpha", 3, "coach01")
Document = dict[str, Any]


def change(flag_file: Path, edit: Callable[[Document], object]) -> Path:
    """Replace the file as the flag's door does: beside it, then in one step."""
    document = json.loads(flag_file.read_text())
    edit(document)
    return replace(flag_file, json.dumps(document))


def replace(flag_file: Path, content: str) -> Path:
    beside = flag_file.with_suffix(".new")
    beside.write_text(content)
    beside.replace(flag_file)
    return flag_file


def flag_of(document: Document) -> Document:
    flag: Document = document["flags"]["judge-model"]
    return flag


def got(assigner: Assigner) -> tuple[str, str, str | None]:
    found = assigner.assign(REQUEST)
    return found.served.variant, found.reason, found.error


def test_the_request_of_these_tests_is_served_treatment(assigner):
    assert got(assigner) == ("B", "TARGETING_MATCH", None)


def test_kill_switch_serves_control_and_says_disabled(assigner, flag_file):
    assert got(assigner)[0] == "B"
    change(flag_file, lambda d: flag_of(d).update(state="DISABLED"))
    assert got(assigner) == ("A", "DISABLED", None)


def test_a_flag_that_is_not_there_serves_control_and_says_so(assigner, flag_file):
    change(flag_file, lambda d: d["flags"].update(other=d["flags"].pop("judge-model")))
    assert got(assigner) == ("A", "ERROR", "FLAG_NOT_FOUND")


@pytest.mark.parametrize(
    "value", [{"note": "?"}, {"version": "v9"}, {"version": 1, "model": "m", "decoding": 3}]
)
def test_a_variant_without_a_model_serves_control_and_says_so(assigner, flag_file, value):
    change(flag_file, lambda d: flag_of(d)["variants"].update(B=value))
    assert got(assigner) == ("A", "ERROR", "VARIANT_WITHOUT_MODEL")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"flags": 1}', "\x00", '{"flags": {"x": 1}}', "[" * 100_000]
)
def test_a_file_that_breaks_while_b_is_served_serves_control_until_it_is_mended(assigner, flag_file, content):
    good = flag_file.read_text()
    assert got(assigner)[0] == "B"
    replace(flag_file, content)
    variant, reason, error = got(assigner)
    assert (variant, reason) == ("A", "ERROR")
    assert error in {"PARSE_ERROR", "FLAG_NOT_FOUND"}
    replace(flag_file, good)
    assert got(assigner) == ("B", "TARGETING_MATCH", None)


def test_a_file_that_goes_missing_while_b_is_served_serves_control_until_it_is_back(assigner, flag_file):
    good = flag_file.read_text()
    assert got(assigner)[0] == "B"
    flag_file.unlink()
    assert got(assigner) == ("A", "ERROR", "PROVIDER_NOT_READY")
    replace(flag_file, good)
    assert got(assigner) == ("B", "TARGETING_MATCH", None)


def test_a_file_that_comes_after_the_start_is_read(assigner_of, tmp_path):
    late = tmp_path / "later.json"
    assigner = assigner_of(late)
    assert got(assigner) == ("A", "ERROR", "PROVIDER_NOT_READY")
    replace(late, (FLAGS / "v1.json").read_text())
    assert got(assigner) == ("B", "TARGETING_MATCH", None)


def test_a_restored_older_file_is_read(assigner, flag_file):
    """The reader of flagd ignores a file whose time is older than the last one's."""
    old = flag_file.read_text()
    change(flag_file, lambda d: flag_of(d).update(state="DISABLED"))
    assert got(assigner)[1] == "DISABLED"
    replace(flag_file, old)
    os.utime(flag_file, (1_600_000_000, 1_600_000_000))
    assert got(assigner) == ("B", "TARGETING_MATCH", None)


def flip(rule: Any, old: object, new: object) -> Any:
    """The same rule with one word changed."""
    return json.loads(json.dumps(rule).replace(json.dumps(old), json.dumps(new)))


@pytest.mark.parametrize(
    "edit",
    [
        lambda f: f.update(targeting=flip(f["targeting"], "B", "Bee")),
        lambda f: f.update(targeting=flip(f["targeting"], "<", "less")),
        lambda f: f.update(targeting=flip(f["targeting"], "bucket", "buckett")),
        lambda f: f.update(targeting=flip(f["targeting"], "school", "skool")),
        lambda f: f.update(targeting=flip(f["targeting"], 1000, "1000")),
        lambda f: f.update(targeting=flip(f["targeting"], 1000, 1000.5)),
        lambda f: f.update(defaultVariant="none of them"),
        lambda f: f["variants"].update({"B@testers": {"version": "v9", "model": "another"}}),
    ],
    ids=[
        "a variant's name", "an operator", "the bucket's name", "an attribute's name", "a threshold as text",
        "a threshold between buckets", "the default variant", "a segment that is served something else",
    ],
)  # fmt: skip
def test_a_typing_mistake_serves_control_and_says_so(assigner, flag_file, caplog, edit):
    """Each of these files loads in flagd, and most of them serve a default there without a word."""
    change(flag_file, lambda d: edit(flag_of(d)))
    assert got(assigner) == ("A", "ERROR", "PARSE_ERROR")
    assert "judge-model: control is served" in caplog.text


def test_a_mistake_in_another_flag_of_the_file_harms_nobody(assigner, flag_file):
    spoilt = {"state": "ENABLED", "variants": {"on": True}, "defaultVariant": "no"}
    change(flag_file, lambda d: d["flags"].update(other=spoilt))
    assert got(assigner) == ("B", "TARGETING_MATCH", None)


def test_rules_without_an_else_serve_the_default_variant_as_control(assigner, flag_file):
    """A split like any other: who is above the threshold gets the file's default, not the code's."""
    change(flag_file, lambda d: flag_of(d).update(targeting={"if": [{"<": [{"var": "bucket"}, 0]}, "B"]}))
    assert got(assigner) == ("A", "DEFAULT", None)


def test_a_client_that_breaks_serves_control(assigner_of, flag_file, monkeypatch):
    assigner = assigner_of(flag_file)

    def broken(*_: object) -> object:
        raise RuntimeError("no connection")

    monkeypatch.setattr(assigner._client, "get_object_details", broken)
    assert got(assigner) == ("A", "ERROR", "RuntimeError")


def test_a_flag_server_that_is_down_costs_no_request_more_than_the_start(assigner_of, tmp_path):
    """The provider's own time-out is half a second per question; the start pays it once, requests never."""
    down = FlagdProvider(resolver_type=ResolverType.RPC, host="127.0.0.1", port=9, deadline_ms=50)
    assigner = assigner_of(down)
    for _ in range(3):
        with assigner.serve(TREATED, "x", school="alpha", coach="c") as served:
            assert served.variant == "A"
    assert {line["feature_flag.result.reason"] for line in lines_in(tmp_path / "log")} == {"ERROR"}
    assert {line["feature_flag.error"] for line in lines_in(tmp_path / "log")} == {"PROVIDER_ERROR"}


def test_flagd_s_own_reader_takes_the_same_place_by_one_constructor(assigner_of, flag_file):
    theirs = FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=str(flag_file))
    assert got(assigner_of(theirs)) == ("B", "TARGETING_MATCH", None)


@pytest.fixture
def server(flag_file: Path) -> Iterator[FlagServer]:
    """A flag server with the first flag file."""
    running = FlagServer(flag_file)
    yield running
    running.stop()


def test_a_flag_server_takes_the_same_place_by_one_constructor(assigner_of, flag_file, server):
    """Over real gRPC: the same students get B, because the bucket is ours; when the server stays away, control."""
    remote = FlagdProvider(
        resolver_type=ResolverType.IN_PROCESS,
        host="127.0.0.1",
        port=server.port,
        deadline_ms=5000,
        retry_grace_period=0,
    )
    by_server, by_file = assigner_of(remote), assigner_of(flag_file)
    asked = [Request(f"stu{number:04d}", "x", "alpha", 3, "c") for number in range(200)]
    assert [by_server.assign(one) for one in asked] == [by_file.assign(one) for one in asked]
    assert got(by_server) == ("B", "TARGETING_MATCH", None)
    away = threading.Event()
    by_server._client.add_handler(ProviderEvent.PROVIDER_ERROR, lambda _: away.set())
    server.stop()
    assert away.wait(20)
    assert got(by_server) == ("A", "ERROR", "PROVIDER_ERROR")


def test_a_server_that_does_not_say_the_version_of_its_flags_serves_control(assigner_of, server):
    """The provider's RPC mode drops it; without a version nobody can tell a change of the split from an effect."""
    remote = FlagdProvider(
        resolver_type=ResolverType.RPC, host="127.0.0.1", port=server.port, deadline_ms=5000
    )
    assert got(assigner_of(remote)) == ("A", "ERROR", "NO_FLAG_VERSION")


def test_a_flag_file_without_a_version_serves_control(assigner, flag_file):
    change(flag_file, lambda d: d["metadata"].pop("version"))
    assert got(assigner) == ("A", "ERROR", "NO_FLAG_VERSION")


def test_asking_asynchronously_gives_the_same(assigner, flag_file):
    async def ask() -> Assignment:
        return await assigner.assign_async(REQUEST)

    assert asyncio.run(ask()) == assigner.assign(REQUEST)
    flag_file.write_text("{")
    assert asyncio.run(ask()).error == "PARSE_ERROR"


@pytest.mark.parametrize("nobody", [("", "x"), ("stu0001", ""), (None, "x")])
def test_a_request_without_an_id_belongs_to_no_bucket(assigner, nobody):
    found = assigner.assign(Request(*nobody, school="alpha", coach="c"))
    assert (found.served.variant, found.error) == ("A", "TARGETING_KEY_MISSING")


def test_a_provider_that_answers_nonsense_serves_control(assigner, monkeypatch):
    monkeypatch.setattr(assigner._client, "get_object_details", lambda *_: "B")
    assert got(assigner) == ("A", "ERROR", "AttributeError")


def test_two_assigners_of_one_process_keep_their_own_flags(assigner_of, flag_file, tmp_path):
    other = replace(tmp_path / "other.json", flag_file.read_text())
    first, second = assigner_of(flag_file), assigner_of(other)
    change(other, lambda d: flag_of(d).update(state="DISABLED"))
    assert got(first) == ("B", "TARGETING_MATCH", None)
    assert got(second) == ("A", "DISABLED", None)
