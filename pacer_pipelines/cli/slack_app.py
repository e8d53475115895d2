"""``pacer slack-app``: the small process behind the buttons of the messages; it writes records and moves no flag."""

import os
from typing import TYPE_CHECKING

import click

from pacer_pipelines.cli.world import Refusal, with_world
from pacer_pipelines.config import World

if TYPE_CHECKING:
    from slack_bolt import App


@click.command("slack-app")
@with_world
@click.option("--http", "port", type=click.IntRange(1, 65535), help="Listen here, instead of Socket Mode")
@click.option("--host", default="127.0.0.1", show_default=True, help="With --http: the address to listen on")
def slack_app(world: World, port: int | None, host: str) -> None:
    """Answer the buttons in Slack: approve, hold, roll back, acknowledge.

    A click is checked and written down; the watch (pacer watch, or Dagster's sensor) moves the flag. Needs
    SLACK_BOT_TOKEN, and SLACK_APP_TOKEN for Socket Mode or SLACK_SIGNING_SECRET for --http. Stop with Ctrl-C.
    """
    from pacer_pipelines.adapters.slack_app import http_app, socket_handler

    if not world.settings.people:
        raise Refusal("pacer.toml names no [[people]], so no message has a button; see docs/slack-app.md")
    if port is None:
        token = _secret("SLACK_APP_TOKEN", "xapp-")
        handler = socket_handler(_app(world, ""), token)
        click.echo("listening in Socket Mode; stop with Ctrl-C")
        handler.start()  # type: ignore[no-untyped-call]
        return
    import uvicorn

    app = _app(world, _secret("SLACK_SIGNING_SECRET"))
    click.echo(f"listening on http://{host}:{port}/slack/events; stop with Ctrl-C")
    uvicorn.run(http_app(app), host=host, port=port, log_level="warning")


def _secret(name: str, begins: str = "") -> str:
    value = os.environ.get(name, "")
    if not value or not value.startswith(begins):
        got = "nothing" if not value else "another kind of token"
        raise Refusal(f"{name}: got {got}, allowed: the one of your Slack app{begins and f', {begins}…'}")
    return value


def _app(world: World, signing_secret: str) -> "App":
    """The app, whose every click reads plans and people anew."""
    from pacer_pipelines.adapters.clicks import Answer, Click
    from pacer_pipelines.adapters.slack_app import Doing, make_app
    from pacer_pipelines.orchestration.clicks import answer
    from pacer_pipelines.orchestration.resources import WorldResource
    from pacer_pipelines.orchestration.updates import show_now

    def fresh() -> WorldResource:
        return WorldResource(config_file=str(world.config_file))

    def record(pressed: Click) -> Answer:
        resource = fresh()
        return answer(resource, pressed, resource.now())

    def after(given: Answer) -> None:
        resource = fresh()
        for done in show_now(resource, resource.world.plan(given.experiment)):
            click.echo(f"{given.experiment}: {done}")

    doing = Doing(record, after)
    return make_app(_secret("SLACK_BOT_TOKEN"), signing_secret, doing, os.environ.get("SLACK_BASE_URL"))
