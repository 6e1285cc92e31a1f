"""The e-mail channel against a real SMTP server."""

import asyncio
import dataclasses
import socket
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import msgspec
import pytest
from aiosmtpd.smtp import SMTP

from services.notifier.delivery import Accepted, Refused, TryLater
from services.notifier.senders.email import EmailSender, read_server
from shared.settings import BadSettings
from shared.subscriptions import Email

FROM = "Attaché <attache@watch.example>"


class Mailbox:
    """An SMTP server's handler: keeps what it took; `replies` are given to RCPT and DATA before it takes anything."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.rcpt_replies: list[str] = []
        self.data_replies: list[str] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.rcpt_replies:
            return self.rcpt_replies.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.data_replies:
            return self.data_replies.pop(0)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        return "250 taken"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
async def smtp_url(mailbox: Mailbox) -> AsyncIterator[str]:
    def protocol() -> SMTP:
        return SMTP(mailbox, hostname="mail.test")

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()


@pytest.fixture
def mail(delivery):
    return dataclasses.replace(delivery, channel=Email(to=("desk@watch.example",)))


async def test_the_alert_arrives_as_plain_text_under_the_delivery_s_id(smtp_url, mailbox, mail, now):
    assert await EmailSender(smtp_url, FROM).send(mail, now) == Accepted("smtp-accepted")
    (message,) = mailbox.taken
    assert message["To"] == "desk@watch.example"
    assert message["From"] == FROM
    assert message["Subject"] == "[P2] TEST, not news: Freedonia and Sylvania agree on a joint exercise"
    assert message["Message-ID"] == "<dlv_one@watch.example>"
    assert message["References"] == f"<{mail.alert.development_id}@watch.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"] == "Sun, 01 Mar 2026 12:00:00 +0000"
    assert message.get_content_type() == "text/plain"
    assert "“agreed to hold a joint exercise”" in message.get_content()


async def test_a_line_break_in_an_alert_adds_no_header(smtp_url, mailbox, mail, now):
    alert = msgspec.structs.replace(mail.alert, line="Talks\r\nBcc: everyone@else.example\r\n\r\nboo")
    await EmailSender(smtp_url, FROM).send(dataclasses.replace(mail, alert=alert), now)
    (message,) = mailbox.taken
    assert message["Bcc"] is None
    assert message["Subject"] == "[P2] Talks Bcc: everyone@else.example boo"


async def test_a_greylisted_message_is_tried_later_and_then_taken(smtp_url, mailbox, mail, now):
    mailbox.rcpt_replies = ["450 4.2.0 greylisted, come back"]
    sender = EmailSender(smtp_url, FROM)
    assert await sender.send(mail, now) == TryLater("smtp-450")
    assert await sender.send(mail, now) == Accepted("smtp-accepted")
    assert [message["Message-ID"] for message in mailbox.taken] == ["<dlv_one@watch.example>"]


@pytest.mark.parametrize(
    ("where", "reply", "outcome"),
    [
        ("rcpt", "550 5.1.1 no such mailbox", Refused("smtp-550")),
        ("data", "451 4.3.0 disk full", TryLater("smtp-451")),
        ("data", "554 5.7.1 looks like spam", Refused("smtp-554")),
    ],
)
async def test_replies_of_the_server_decide(smtp_url, mailbox, mail, now, where, reply, outcome):
    getattr(mailbox, f"{where}_replies").append(reply)
    assert await EmailSender(smtp_url, FROM).send(mail, now) == outcome
    assert mailbox.taken == []


async def test_a_server_that_is_not_there_is_tried_later(mail, now):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        outcome = await EmailSender(f"smtp://127.0.0.1:{unused.getsockname()[1]}", FROM).send(mail, now)
    assert isinstance(outcome, TryLater)
    assert outcome.reason.startswith("smtp-unreachable")


async def test_without_a_server_in_the_settings_mail_waits(mail, now):
    assert await EmailSender("", FROM).send(mail, now) == TryLater("no-smtp-server: SMTP_URL is not set")


def test_a_password_goes_over_tls_only_but_for_this_machine():
    assert read_server("smtp://u:p%40ss@mail.example:587").start_tls is True
    assert read_server("smtp://u:p%40ss@mail.example:587").password == "p@ss"
    assert read_server("smtps://u:p@mail.example").use_tls
    assert read_server("smtp://u:p@localhost").start_tls is None
    assert read_server("smtp://mail.example").start_tls is None
    assert "p@ss" not in repr(read_server("smtp://u:p%40ss@mail.example"))


@pytest.mark.parametrize("url", ["smtp://", "http://mail.example", "smtp://mail.example:port"])
def test_an_smtp_url_that_is_none_is_refused_by_name(url):
    with pytest.raises(BadSettings, match="SMTP_URL must be"):
        read_server(url)
