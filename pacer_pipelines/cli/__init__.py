"""The same doors for a person at a terminal: one module per group of commands, ``pacer --help`` lists them."""

try:
    import click
except ModuleNotFoundError as error:
    raise SystemExit("pacer: the daily job is an extra: pip install 'pacer-pipelines[pipeline]'") from error

from pacer_pipelines import __version__
from pacer_pipelines.cli.audit import explain, replay, replay_bundle
from pacer_pipelines.cli.digest import digest
from pacer_pipelines.cli.forget import forget, retain
from pacer_pipelines.cli.history import history
from pacer_pipelines.cli.look import dashboard, home, verdict
from pacer_pipelines.cli.outbox import outbox
from pacer_pipelines.cli.plan import plan
from pacer_pipelines.cli.reconcile import reconcile
from pacer_pipelines.cli.rollout import acknowledge, approve, flag, rollback
from pacer_pipelines.cli.run import backfill, run
from pacer_pipelines.cli.segments import segments
from pacer_pipelines.cli.slack_app import slack_app
from pacer_pipelines.cli.watch import watch


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pacer")
def main() -> None:
    """Judge A against B every day: promote, hold or roll back, with reasons.

    One pacer.toml names sources, home, plans and flag file; see examples/pacer_fortnight/pacer.toml.
    """


for command in (
    run, backfill, watch, verdict, history, explain, replay, replay_bundle, reconcile, segments, digest, dashboard,
    plan, approve, rollback, acknowledge, slack_app, outbox, flag, forget, retain, home,
):  # fmt: skip
    main.add_command(command)
