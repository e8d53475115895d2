"""What docs/pacer-integration.md tells engineers to copy does what it says."""

import json
import re

import duckdb
import pytest
from openfeature import api
from pipeline.worlds import EXAMPLE, PLAN, ROOT

from pacer_pipelines.adapters.flags import read_flag
from pacer_pipelines.serving import Assigner, FlagFile, Request, Split, bucket

GUIDE = (ROOT / "docs" / "pacer-integration.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("student", ["stu0001", "stu0000-0", "학생 7", ""])
def test_the_sql_for_duckdb_gives_the_bucket(student):
    (expression,) = [block for block in blocks("sql") if "DuckDB" in block]
    with duckdb.connect() as db:
        select = f"select {expression} from (select ? as salt, ? as student_id)"
        assert db.execute(select, ["judge-2026", student]).fetchone() == (bucket(student, "judge-2026"),)


def test_the_segments_of_the_guide_are_served_as_it_says(tmp_path):
    flag = json.loads((EXAMPLE / "flags" / "v1.json").read_text(encoding="utf-8"))
    flag["flags"]["judge-model"] |= json.loads("{" + blocks("json")[0] + "}")
    file = tmp_path / "pacer.flagd.json"
    file.write_text(json.dumps(flag), encoding="utf-8")
    assigner = Assigner(Split.from_plan(PLAN), FlagFile(file))
    asked = [Request("stu0007", "w", "alpha"), Request("stu0100", "w", "holdout-school")]
    got = [assigner.assign(request) for request in asked]
    api.shutdown()
    assert [(one.served.variant, one.segment, one.error) for one in got] == [
        ("B", "allow-list", None), ("A", "holdout", None),
    ]  # fmt: skip
    assert read_flag(file, "judge-model", "B").share == 10.0


def test_every_check_of_the_checklist_exists():
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", GUIDE.partition("## Checklist")[2]))
    known = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "expectations").glob("*.json"))
    known += (ROOT / "pacer_pipelines" / "decisions" / "health.py").read_text(encoding="utf-8")
    others = {"llm_logs", "log_id", "model_version", "model_digest", "prompt_hash", "failure_rate", "rows_in"}
    assert {name for name in named - others if f'"{name}"' not in known} == set()
