"""The thread behind a message: its replies and pictures, each there once, whatever happened on the way.

Nothing here keeps a verdict from being told: what fails is noted in the outbox and tried again by the next run.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pacer_pipelines.adapters.letters import Letter, Part, Picture
from pacer_pipelines.adapters.slack_blocks import escape
from pacer_pipelines.adapters.slack_calls import GONE, Calls, Refused, Unclear
from pacer_pipelines.adapters.slack_forms import QUIET, in_some_form
from pacer_pipelines.adapters.slack_outbox import Kept, OutboxEntry, write_entry

EVENT_TYPE = "pacer_thread"

Field = Literal["replies", "pictures"]


def complete(calls: Calls, path: Path, entry: OutboxEntry, letter: Letter) -> OutboxEntry:
    """Bring the thread of a message up to date, piece by piece; the entry says how far it got.

    Args:
        calls: Slack.
        path: the message's file in the outbox.
        entry: the message, which is in Slack.
        letter: what belongs into its thread.
    """
    thread = _Thread(calls, path, entry)
    thread.announce(letter)
    try:
        for number, part in enumerate(letter.replies, start=1):
            thread.reply(f"reply-{number}", part)
        for picture in letter.pictures:
            thread.picture(picture)
        thread.clear(letter)
        thread.note("")
    except (Unclear, Refused) as error:
        thread.note(str(error))
    return thread.entry


class _Thread:
    """One thread, and what is known of it: on disk before each call."""

    def __init__(self, calls: Calls, path: Path, entry: OutboxEntry) -> None:
        self.calls, self.path, self.entry = calls, path, entry

    def announce(self, letter: Letter) -> None:
        """Note what belongs there, so that nothing is forgotten when the first piece fails."""
        replies = {name: Kept() for name in _replies(letter)}
        pictures = {picture.name: Kept() for picture in letter.pictures}
        known = self.entry
        self.entry = replace(
            known, replies={**replies, **known.replies}, pictures={**pictures, **known.pictures}
        )
        write_entry(self.path, self.entry)

    def note(self, problem: str) -> None:
        """Keep why something is missing."""
        self.entry = replace(self.entry, problem=problem)
        write_entry(self.path, self.entry)

    def reply(self, name: str, part: Part) -> None:
        """See that a reply is there and says this."""
        says, kept = _digest(part), self.entry.replies[name]
        if kept.state == "posted" and kept.says == says:
            return
        if kept.says and not kept.at:
            # begun once, and nobody knows its end
            kept = self._found_reply(name) or Kept()
            if kept.says == says:
                return self._keep("replies", name, kept)
        self._keep("replies", name, Kept("pending", kept.at, says))
        payload = {"verdict_id": self.entry.verdict_id, "part": name, "says": says}
        metadata = {"event_type": EVENT_TYPE, "event_payload": payload}
        at = self._changed(kept.at, part, metadata) if kept.at else ""
        self._keep("replies", name, Kept("posted", at or self._new(part, metadata), says))

    def _changed(self, at: str, part: Part, metadata: dict[str, Any]) -> str:
        """Where the reply is that was changed; nothing when it is gone."""
        place = {"channel": self.entry.channel_id, "ts": at, "metadata": metadata}
        try:
            in_some_form(self.calls, "chat.update", part, place)
        except Refused as error:
            if error.code not in GONE:
                raise
            return ""
        return at

    def _new(self, part: Part, metadata: dict[str, Any]) -> str:
        place = {"channel": self.entry.channel_id, "thread_ts": self.entry.ts, "metadata": metadata, **QUIET}
        _, answer = in_some_form(self.calls, "chat.postMessage", part, place)
        return str(answer["ts"])

    def picture(self, picture: Picture) -> None:
        """See that a picture is there. A file has no metadata: it is known by its name, which is what it shows."""
        kept = self.entry.pictures[picture.name]
        if kept.state == "posted":
            return
        if kept.at and self._has_file(kept.at, picture.name):
            return self._keep("pictures", picture.name, replace(kept, state="posted"))
        size = {"filename": picture.name, "length": len(picture.png)}
        place = self.calls.read("files.getUploadURLExternal", **size)
        self.calls.upload(place["upload_url"], picture.png)
        # known before it is shown, so that the next run can look for it
        self._keep("pictures", picture.name, Kept("pending", place["file_id"]))
        self.calls.write(
            "files.completeUploadExternal",
            files=[{"id": place["file_id"], "title": picture.title}],
            channel_id=self.entry.channel_id,
            thread_ts=self.entry.ts,
            # no alt_txt: with it a file never reaches its channel (slackapi/python-slack-sdk#1818)
            initial_comment=escape(f"{picture.title}: {picture.alt}"),
        )
        self._keep("pictures", picture.name, Kept("posted", place["file_id"]))

    def clear(self, letter: Letter) -> None:
        """Take away what an earlier version of the message had in its thread."""
        for name, kept in self.entry.replies.items():
            if name not in _replies(letter):
                self._gone("chat.delete", channel=self.entry.channel_id, ts=kept.at)
        names = {picture.name for picture in letter.pictures}
        for name, kept in self.entry.pictures.items():
            if name not in names:
                self._gone("files.delete", file=kept.at)
        kept_replies = {name: kept for name, kept in self.entry.replies.items() if name in _replies(letter)}
        kept_pictures = {name: kept for name, kept in self.entry.pictures.items() if name in names}
        self.entry = replace(self.entry, replies=kept_replies, pictures=kept_pictures)

    def _gone(self, method: str, **place: Any) -> None:
        if all(place.values()):
            try:
                self.calls.write(method, **place)
            except Refused as error:
                if error.code not in (*GONE, "file_not_found", "file_deleted"):
                    raise

    def _found_reply(self, name: str) -> Kept | None:
        for message in self._messages():
            metadata = message.get("metadata") or {}
            payload = metadata.get("event_payload") or {}
            if metadata.get("event_type") == EVENT_TYPE and payload.get("part") == name:
                return Kept("posted", message["ts"], payload["says"])
        return None

    def _has_file(self, file_id: str, name: str) -> bool:
        files = [file for message in self._messages() for file in message.get("files") or ()]
        return any(file_id == file.get("id") or name == file.get("name") for file in files)

    def _messages(self) -> list[dict[str, Any]]:
        """The messages of the thread, the newest first."""
        place = {"channel": self.entry.channel_id, "ts": self.entry.ts, "include_all_metadata": True}
        return list(self.calls.pages("conversations.replies", "messages", **place))[::-1]

    def _keep(self, field: Field, name: str, kept: Kept) -> None:
        known = self.entry.replies if field == "replies" else self.entry.pictures
        changed: dict[str, Any] = {field: {**known, name: kept}}
        self.entry = replace(self.entry, **changed)
        write_entry(self.path, self.entry)


def _replies(letter: Letter) -> list[str]:
    return [f"reply-{number}" for number in range(1, len(letter.replies) + 1)]


def _digest(part: Part) -> str:
    content = json.dumps(part.message, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]
