"""This machine: what runs on it, room, ports, files of secrets."""

import asyncio
import http.client
import json
import os
import pyexpat
import re
import shutil
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import lxml.etree

from services.cli.doctor.finding import Finding
from services.cli.doctor.judgement.disk import Disk, judge_disk
from services.cli.doctor.judgement.ports import Port, judge_ports
from services.cli.doctor.judgement.secrets import SecretFile, judge_secrets
from services.cli.doctor.judgement.settings import judge_settings
from services.cli.doctor.judgement.versions import Version, Versions, judge_versions
from shared.asgi import PortTaken, listen
from shared.eventlog import BadLog
from shared.settings import Settings

READYZ_SECONDS = 3
READYZ_BYTES = 65_536


async def examine_settings(settings: Settings) -> Sequence[Finding]:
    """Look at settings that are valid each, together."""
    return judge_settings(settings)


async def examine_versions(settings: Settings) -> Sequence[Finding]:
    """Look at the interpreter and the libraries that matter."""
    kafka = settings.log_url.startswith("kafka:")
    return judge_versions(
        Versions(
            attache=_release("attache"),
            python=tuple(sys.version_info[:3]),
            sqlite=sqlite3.sqlite_version_info,
            expat=numbers(pyexpat.EXPAT_VERSION),
            libxml2=lxml.etree.LIBXML_VERSION,
            feedparser=numbers(_release("feedparser")),
            broker_client=_release("aiokafka") if kafka else None,
            slow_client=_extension_trouble() if kafka else None,
        )
    )


def _extension_trouble() -> str | None:
    from shared.eventlog.kafka.client import require_extension  # loads the client only where it is used

    try:
        require_extension()
    except BadLog as trouble:
        return str(trouble)
    return None


def numbers(written: str) -> Version:
    """Read the numbers at the beginning of a version, such as "expat_2.5.0" or "6.0.14.post1"."""
    found = re.search(r"\d+(\.\d+)*", written)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def _release(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0"


async def examine_disk(settings: Settings) -> Sequence[Finding]:
    """Look at the file system where the data are, and try to write there."""
    return judge_disk(await asyncio.to_thread(_look_at_disk, settings.data_dir))


def _look_at_disk(folder: Path) -> Disk:
    folder = folder.absolute()
    place = next(place for place in (folder, *folder.parents) if place.exists())
    usage = shutil.disk_usage(place)
    inodes = os.statvfs(place)
    return Disk(
        folder=str(folder),
        exists=place == folder,
        free_bytes=usage.free,
        total_bytes=usage.total,
        free_inodes=inodes.f_favail,
        total_inodes=inodes.f_files,
        trouble=_writing_trouble(place),
    )


def _writing_trouble(place: Path) -> str | None:
    if not place.is_dir():
        return f"{place} is no folder"
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"room?")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return f"cannot write in {place}: {error.strerror}"
    return None


async def examine_ports(settings: Settings) -> Sequence[Finding]:
    """Try to listen on our ports; where another does, ask whether it is Attaché."""
    ports = (("WEB_PORT", settings.web_host, settings.web_port), ("OPS_PORT", settings.ops_host, settings.ops_port))
    return judge_ports(await asyncio.gather(*(asyncio.to_thread(_look_at_port, *port) for port in ports)))


def _look_at_port(setting: str, host: str, number: int) -> Port:
    try:
        listen(host, number, setting=setting).close()
    except PortTaken as taken:
        reasons = _ready(host, number)
        trouble = str(taken.__cause__ or taken)
        if isinstance(taken.__cause__, OSError) and taken.__cause__.strerror:
            trouble = taken.__cause__.strerror.lower()
        return Port(setting, host, number, trouble, attache=reasons is not None, reasons=reasons or {})
    return Port(setting, host, number)


def _ready(host: str, number: int) -> dict[str, str] | None:
    """Ask /readyz what keeps Attaché from being ready; None if what answers is not Attaché."""
    any_address = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
    connection = http.client.HTTPConnection(any_address.get(host, host), number, timeout=READYZ_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = json.loads(connection.getresponse().read(READYZ_BYTES))
        if answer["status"] not in {"ready", "not-ready"}:
            return None
        return {str(name): str(reason) for name, reason in answer.get("reasons", {}).items()}
    except (OSError, http.client.HTTPException, ValueError, TypeError, KeyError, AttributeError):
        return None
    finally:
        connection.close()


async def examine_secrets(settings: Settings) -> Sequence[Finding]:
    """Look at who may read the files that hold secrets."""
    named = {
        "DB_PASSWORD_FILE": settings.db_password_file,
        "KAFKA_PASSWORD_FILE": settings.kafka.password_file,
        "KAFKA_KEY_FILE": settings.kafka.key_file,
        "SUBSCRIPTIONS_FILE": settings.subscriptions_file if _has_secret(settings.subscriptions_file) else None,
    }
    files = [_look_at_secret(setting, path) for setting, path in named.items() if path is not None]
    urls = {"DB_URL": settings.db_url, "SMTP_URL": settings.smtp_url}
    return judge_secrets(files, [setting for setting, url in urls.items() if re.search(r"//[^/@]*:[^/@]+@", url)])


def _has_secret(path: Path | None) -> bool:
    if path is None:
        return False
    try:
        return b"whsec_" in path.read_bytes()
    except OSError:
        return False


def _look_at_secret(setting: str, path: Path) -> SecretFile:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            return SecretFile(setting, str(path), mode, empty=not file.read(64).strip())
    except OSError as error:
        return SecretFile(setting, str(path), trouble=str(error.strerror))
