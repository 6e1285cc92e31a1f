"""A real PostgreSQL server of this machine's newest version, in a folder of its own; root starts it as `postgres`."""

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers import Missing, free_port

READY_WITHIN_SECONDS = 60
HOW_TO_GET = "a real PostgreSQL server needs its programs (Debian: postgresql)"
QUICK = ("fsync=off", "full_page_writes=off")
"""For servers that only ever crash as a process: what was committed is with the kernel. (Without synchronous commits it
would still be with the server for a moment, and a kill would lose it.)"""


def programs() -> Path:
    """Return the folder of initdb and postgres. Raises Missing."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(re.sub(r"\D", "", path.parent.name)))
    if found:
        return found[-1]
    if (initdb := shutil.which("initdb")) is not None:
        return Path(initdb).parent
    raise Missing(HOW_TO_GET)


@dataclass
class Server:
    """One server. Its data stay in `folder` over stops and starts; all methods block until done."""

    folder: Path
    settings: Sequence[str] = QUICK
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def url(self, database: str = "postgres", *, port: int | None = None) -> str:
        return f"postgresql://attache@127.0.0.1:{port or self.port}/{database}"

    def start(self) -> None:
        """Start, and return once clients are served."""
        data = self.folder / "data"
        if not data.exists():
            self._run(
                "initdb",
                "--pgdata",
                str(data),
                "--auth",
                "trust",
                "--username",
                "attache",
                "--no-sync",
                "--encoding",
                "UTF8",
                "--locale",
                "C.UTF-8",
            )
        options = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.folder}",
            "max_connections=200",
            *self.settings,
        ]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self._as_postgres("postgres", "-D", str(data), *(part for option in options for part in ("-c", option))),
                stdout=out, stderr=out, start_new_session=True, cwd=self.folder,
            )  # fmt: skip
        started = time.monotonic()
        while subprocess.run(
            [programs() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False
        ).returncode:
            if self.process.poll() is not None or time.monotonic() - started > READY_WITHIN_SECONDS:
                self.kill()
                raise RuntimeError(f"PostgreSQL did not start:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop as an operator does, ending sessions (fast shutdown, SIGINT)."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it at once, as a crash would: the server's own immediate shutdown (SIGQUIT), which recovers at the next start."""
        self._end(signal.SIGQUIT)

    def new_database(self, *, template: str = "template1") -> str:
        """Make an empty database, or a copy of one nobody is connected to, and return its name."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run one statement with psql and return what it prints, bare."""
        done = subprocess.run(
            [programs() / "psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", statement],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, how) if how is not signal.SIGQUIT else self.process.send_signal(how)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.process = None

    def _run(self, program: str, *args: str) -> None:
        done = subprocess.run(
            self._as_postgres(program, *args), check=False, capture_output=True, text=True, cwd=self.folder
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stdout}{done.stderr}")

    @staticmethod
    def _as_postgres(program: str, *args: str) -> list[str]:
        command = [str(programs() / program), *args]
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            return ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", *command]
        return command


@contextlib.contextmanager
def open_server(*, settings: Sequence[str] = QUICK) -> Iterator[Server]:
    """Run a server for the block in a new folder, which goes with it. Raises Missing."""
    programs()
    with tempfile.TemporaryDirectory(prefix="attache-postgresql-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if os.getuid() == 0:
            try:
                owner = pwd.getpwnam("postgres")
            except KeyError as error:
                raise Missing(HOW_TO_GET) from error
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        server = Server(folder, settings)
        try:
            server.start()
            yield server
        finally:
            server.kill()
