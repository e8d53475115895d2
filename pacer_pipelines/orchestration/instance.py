"""Dagster's own home of a world."""

from pathlib import Path

INSTANCE = """\
telemetry: {enabled: false}
nux: {enabled: false}
concurrency:
  pools: {default_limit: 1, granularity: op}
  runs: {max_concurrent_runs: 1}
"""


def instance_folder(home: Path) -> Path:
    """Dagster's own home of a world, with telemetry off and one writer at a time."""
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "dagster.yaml"
    if not settings.exists():
        settings.write_text(INSTANCE, encoding="utf-8")
    return folder
