"""The last resort: when Slack does not take what cannot wait, one line goes to a plain webhook.

Incoming webhooks of Slack, Microsoft Teams, Mattermost and Google Chat all take ``{"text": …}``.
"""

import http.client
import json
import logging
import urllib.error
import urllib.request
from pathlib import Path

from pacer_pipelines.adapters.atomic_file import replace_text
from pacer_pipelines.adapters.letters import Address, Letter
from pacer_pipelines.adapters.slack_blocks import TEXT_LIMIT, cut, escape

WEBHOOK_VARIABLE = "PACER_ALARM_WEBHOOK"
TIMEOUT_SECONDS = 10

_log = logging.getLogger(__name__)


class AlarmWebhook:
    """Rings once for each thing that was said and could not be delivered; never stops anything."""

    def __init__(self, url: str, outbox: Path) -> None:
        """Keep where to ring.

        Args:
            url: address of the webhook, which is a secret.
            outbox: folder of the outbox; what rang is remembered below it.
        """
        self._url, self._rang = url, outbox / "alarms"

    def ring(self, letter: Letter, address: Address, problem: str) -> str:
        """Say that a message is not in Slack, and what it says; gives what became of it, in a few words.

        At least once: it is remembered only after the webhook has taken it.
        """
        mark = self._rang / f"{address.name}-{address.says}"
        if mark.exists():
            return "the alarm rang before"
        first = letter.text.partition("\n")[0]
        text = cut(escape(f"Slack did not take this: {first}. {problem}"), TEXT_LIMIT)
        body = json.dumps({"text": text}).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):
                pass
        except (OSError, ValueError, http.client.HTTPException, urllib.error.URLError) as error:
            # the address is a secret: only the kind of failure is told
            _log.error("the alarm could not ring: %s", type(error).__name__)
            return f"the alarm could not ring either ({type(error).__name__})"
        replace_text(mark, text + "\n")
        return "the alarm rang"
