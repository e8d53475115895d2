"""E-mail is one adapter away: a door that knows letters and addresses only, against a server that speaks SMTP."""

import email
import smtplib
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage

import pytest
from slack_reports import rollback

from pacer_pipelines.adapters.letters import Address, Delivery, Door, Letter, Picture
from pacer_pipelines.adapters.slack_message import letter
from pacer_pipelines.errors import DeliveryFailed


@dataclass
class EmailDoor:
    """What another team would write: the text, the pictures beside it, urgent when it is loud."""

    port: int
    sent: set[str] = field(default_factory=set)

    @property
    def has_token(self) -> bool:
        return True

    def deliver(self, letter: Letter, address: Address) -> Delivery:
        if address.says in self.sent:
            return Delivery("already_posted", address.channel)
        message = EmailMessage()
        message["To"], message["From"] = address.channel, "pacer@example.org"
        message["Subject"], message["X-Priority"] = (
            letter.text.partition("\n")[0],
            "1" if letter.loud else "3",
        )
        message.set_content(letter.text)
        for picture in letter.pictures:
            message.add_attachment(picture.png, maintype="image", subtype="png", filename=picture.name)
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=5) as server:
                server.send_message(message)
        except OSError as error:
            raise DeliveryFailed(str(error)) from error
        self.sent.add(address.says)
        return Delivery("posted", address.channel)


class _Smtp(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as one message takes."""

    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        while line := self.rfile.readline():
            word = line.strip().upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.mails.append(b"".join(lines))  # type: ignore[attr-defined]
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return


@pytest.fixture
def server() -> Iterator[socketserver.TCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp) as running:
        running.mails = []  # type: ignore[attr-defined]
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield running
        running.shutdown()


def test_the_same_letter_goes_by_mail(server: socketserver.TCPServer) -> None:
    door: Door = EmailDoor(server.server_address[1])
    told = rollback()
    made = letter(told, [Picture("effect.png", "Effect", "words", b"\x89PNG effect")])
    address = Address("team@example.org", told.experiment, told.date, told.verdict_id)
    assert door.deliver(made, address).status == "posted"
    assert door.deliver(made, address).status == "already_posted"
    (raw,) = server.mails  # type: ignore[attr-defined]
    mail = email.message_from_bytes(raw, policy=policy.default)
    assert mail["Subject"] == "ROLLBACK judge-model-v2, 2026-11-15 (day 14 of 42)"
    assert mail["X-Priority"] == "1"
    body = mail.get_body()
    assert body is not None
    assert "GOOD rate is worse in B" in body.get_content()
    (picture,) = mail.iter_attachments()
    assert (picture.get_filename(), picture.get_content()) == ("effect.png", b"\x89PNG effect")


def test_a_mail_server_that_is_gone_is_a_delivery_that_failed(server: socketserver.TCPServer) -> None:
    told = rollback()
    address = Address("team@example.org", told.experiment, told.date, told.verdict_id)
    with pytest.raises(DeliveryFailed):
        EmailDoor(1).deliver(letter(told), address)
