"""A message in the newest form that the workspace takes: a verdict arrives, if need be as one line of text."""

from collections.abc import Mapping
from typing import Any

from pacer_pipelines.adapters.letters import Part
from pacer_pipelines.adapters.slack_calls import Calls, Refused
from pacer_pipelines.adapters.slack_outbox import Form

QUIET = {"unfurl_links": False, "unfurl_media": False, "link_names": False}
BLOCKS_REFUSED = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})


def in_some_form(
    calls: Calls, method: str, part: Part, place: Mapping[str, Any]
) -> tuple[Form, dict[str, Any]]:
    """Say it with the newest blocks, or with those that every workspace knows, or with its text alone.

    Returns:
        The form that Slack took, and its answer.

    Raises:
        Unclear, Refused: as ``Calls.write``; blocks are refused only when not even the text was taken.
    """
    text = part.message["text"]
    forms: list[tuple[Form, dict[str, Any]]] = [
        ("full", part.message),
        ("text", {"text": text, "blocks": []}),
    ]
    if part.plain:
        forms.insert(1, ("plain", part.plain))
    for form, message in forms[:-1]:
        try:
            return form, calls.write(method, **{**message, **place})
        except Refused as error:
            if error.code not in BLOCKS_REFUSED:
                raise
    form, message = forms[-1]
    return form, calls.write(method, **{**message, **place})
