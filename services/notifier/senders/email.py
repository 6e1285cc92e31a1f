"""Alerts by e-mail, plain text, through the operator's own SMTP server.

The server's address is a setting of the operator, not a wish of a user, so the guard that keeps webhooks off private
networks does not apply to it.
"""

import asyncio
import ipaddress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib

from services.notifier.delivery import ATTEMPT_DEADLINE, Accepted, Delivery, Outcome, Refused, TryLater, of_smtp
from services.notifier.wording import clean, plain_text, subject
from shared.events import Alert
from shared.settings import BadSettings
from shared.subscriptions import Email

GREETING_DEADLINE = timedelta(seconds=5)


@dataclass(frozen=True)
class Server:
    """Where mail is handed in. `start_tls`: True must, None if the server offers it."""

    host: str
    port: int | None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    use_tls: bool = False
    start_tls: bool | None = None


def read_server(url: str) -> Server:
    """Read smtp://user:password@host:port (STARTTLS) or smtps://… (TLS from the start); raises BadSettings.

    A password is only ever sent over TLS, except to this machine itself.
    """
    form = "SMTP_URL must be smtp://[user:password@]host[:port], or smtps:// for TLS from the start"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadSettings(f"{form}: {error}") from error
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise BadSettings(form)
    encrypted = parts.scheme == "smtps"
    must_start_tls = not encrypted and parts.password is not None and not _is_this_machine(parts.hostname)
    return Server(
        host=parts.hostname,
        port=port,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        use_tls=encrypted,
        start_tls=True if must_start_tls else (False if encrypted else None),
    )


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class EmailSender:
    """Hands messages to one SMTP server, or puts them off while there is none in the settings."""

    def __init__(self, smtp_url: str, mail_from: str) -> None:
        self._server = read_server(smtp_url) if smtp_url else None
        self._from = mail_from

    async def send(self, delivery: Delivery, now: datetime) -> Outcome:
        """Hand in one message; 4yz replies and network trouble are tried later, 5yz never."""
        if not isinstance(delivery.channel, Email):
            return Refused("not-an-e-mail")
        if self._server is None:
            return TryLater("no-smtp-server: SMTP_URL is not set")
        message = compose(delivery, delivery.channel, self._from, now)
        try:
            async with asyncio.timeout(ATTEMPT_DEADLINE.total_seconds()):
                await aiosmtplib.send(message, **_reaching(self._server, ATTEMPT_DEADLINE))
        except (aiosmtplib.SMTPException, OSError) as error:
            return _trouble(error)
        return Accepted("smtp-accepted")


async def greet(smtp_url: str, *, deadline: timedelta = GREETING_DEADLINE) -> str | None:
    """Connect and log in as `EmailSender` would, and send nothing; return why that fails, or None.

    Raises BadSettings for a URL that cannot be read.
    """
    client = aiosmtplib.SMTP(**_reaching(read_server(smtp_url), deadline))
    try:
        async with asyncio.timeout(deadline.total_seconds()), client:
            return None
    except (aiosmtplib.SMTPException, OSError) as error:
        return clean(str(error))[:200] or f"no answer within {deadline.total_seconds():g} s"


def _reaching(server: Server, deadline: timedelta) -> dict[str, Any]:
    return {
        "hostname": server.host,
        "port": server.port,
        "username": server.username,
        "password": server.password,
        "use_tls": server.use_tls,
        "start_tls": server.start_tls,
        "timeout": deadline.total_seconds(),
    }


def _trouble(error: Exception) -> Outcome:
    match error:
        case aiosmtplib.SMTPRecipientsRefused():
            return of_smtp(max(recipient.code for recipient in error.recipients))
        case aiosmtplib.SMTPAuthenticationError():
            return TryLater(f"smtp-login-{error.code}")  # the operator's to mend, so no alert is given up for it
        case aiosmtplib.SMTPResponseException():
            return of_smtp(error.code)
        case TimeoutError():
            return TryLater("timeout")
        case _:
            return TryLater(f"smtp-unreachable: {clean(str(error))[:200]}")


def compose(delivery: Delivery, channel: Email, mail_from: str, now: datetime) -> EmailMessage:
    """Write the message. Its id is the delivery's, so a repeat can be recognised; one development is one thread."""
    domain = parseaddr(mail_from)[1].partition("@")[2] or "localhost"
    message = EmailMessage(policy=SMTP)
    message["From"] = mail_from
    message["To"] = ", ".join(channel.to)
    message["Subject"] = subject(delivery.alert)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{delivery.id}@{domain}>"
    message["References"] = _story(delivery.alert, domain)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(plain_text(delivery))
    return message


def _story(alert: Alert, domain: str) -> str:
    return f"<{alert.development_id}@{domain}>"
