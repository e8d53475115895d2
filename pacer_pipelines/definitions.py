"""The front door for Dagster: ``workspace.yaml`` loads this module.

Logs, ratings and cards land as Parquet (exposures, feedback_events, llm_logs, anki_cards, card_reviews,
anki_reviews, anki_card_links, roster), expectations check them (log_checks), dbt reduces them to daily sums per variant
(staging, intermediate, marts), a snapshot of the marts is published (published_marts), each experiment is judged
(verdicts), and the flag (traffic_flag), Slack (slack_message) and the page (report_page) follow.
The world is the one of PACER_CONFIG, or of ``pacer.toml`` in the working directory.
"""

from pacer_pipelines.config import find_config, load_world
from pacer_pipelines.orchestration.definitions import build_definitions

defs = build_definitions(load_world(find_config()))
