"""How verdicts, messages and next steps look in a terminal."""

import sys
import textwrap
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click

COLOURS = {"promote": "green", "hold": "yellow", "rollback": "red"}


def print_history(rows: list[dict[str, Any]]) -> None:
    """Print one line per verdict: date, word, share and the first reasons.

    Args:
        rows: verdicts as they were written, in the order to print.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("date", "experiment", "verdict", "B now", "B next"):
        table.add_column(column, no_wrap=True)
    table.add_column("why", overflow="fold")
    for row in rows:
        word = row["verdict"]
        table.add_row(
            row["date"], row["experiment"], f"[{COLOURS[word]}]{word}[/]", _percent(row["share_before"]),
            _percent(row["share_after"]), escape("; ".join(row["reasons"][:2])),
        )  # fmt: skip
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def print_timeline(rows: list[dict[str, Any]]) -> None:
    """Print verdicts, flag changes and journal entries, one line each.

    Args:
        rows: as ``pacer history --json`` prints them.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("date", "what", "experiment or flag", "B now", "B next"):
        table.add_column(column, no_wrap=True)
    table.add_column("why", overflow="fold")
    for row in rows:
        table.add_row(
            *(cell if column == 1 else escape(cell) for column, cell in enumerate(_timeline_cells(row)))
        )
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def _timeline_cells(row: dict[str, Any]) -> tuple[str, ...]:
    if row["kind"] == "verdict":
        word = row["verdict"]
        shares = _percent(row["share_before"]), _percent(row["share_after"])
        because = [
            f"revised (was {row['revised_from'] or 'not judged'}) because {why}"
            for why in row["revised_because"][:1]
        ]
        return (
            row["date"],
            f"[{COLOURS[word]}]{word}[/]",
            row["experiment"],
            *shares,
            "; ".join([*because, *row["reasons"][:2]]),
        )
    if row["kind"] == "flag":
        moved = f"version {row['from'] or '?'} -> {row['to'] or '?'}"
        note = f" ({row['note']})" if row["note"] else ""
        why = f"{moved}, {row['who']}: {row['why']}{note}"
        return (row["at"][:10], "flag", row["flag"] or "-", "", _percent(row["share"]), why)
    word = "[red]rollback[/]" if row["what"] == "rollback" else row["what"].replace("_", " ")
    return (row["at"][:10], word, row["experiment"], "", "", f"{row['who']}: {row['why']}")


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a plain table, numbers to the right of the first two columns."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(head):
        table.add_column(name, justify="left" if place < 2 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*map(escape, row))
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def print_messages(home: Path, day: date) -> None:
    """Print the Slack messages of a day as the readers of their channel see them."""
    from pacer_pipelines.adapters.slack_blocks import as_lines
    from pacer_pipelines.adapters.slack_outbox import read_entry

    for path in sorted((home / "outbox").glob(f"*-{day}.json")):
        entry = read_entry(path)
        if entry is not None:
            click.secho(f"The Slack message of {day} to {entry.channel} ({entry.state})", bold=True)
            for line in as_lines(entry.message):
                click.echo(textwrap.fill(line, 96, initial_indent="  │ ", subsequent_indent="  │   "))
            click.echo()


def print_next_steps(home: Path, config_file: Path, day: date) -> None:
    """Print where to look after a run."""
    pacer, config = _shown(Path(sys.argv[0])), _shown(config_file)
    click.secho("Where to look next", bold=True)
    click.echo(f"  {pacer} verdict --date {day} --json --config {config}   every finding and check")
    click.echo(f"  {pacer} history --config {config}   verdicts, flag changes and what people did")
    click.echo(f"  {pacer} explain ID --config {config}   from a verdict back to lines of the log")
    click.echo(f"  {_shown(home / 'reports')}   one page per experiment, A against B over time")
    click.echo(f"  {_shown(home / 'reports' / 'data-docs' / 'index.html')}   every check of every day")
    click.echo(f"  {_shown(home / 'outbox')}   the Slack messages, as posted or waiting")
    click.echo(f"  PACER_CONFIG={config} make dev   lineage, checks and metadata in the Dagster UI")


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{share:g} %"


def _shown(path: Path) -> str:
    """The path as a person here would type it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
