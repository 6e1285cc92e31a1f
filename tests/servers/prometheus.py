"""A real Prometheus for tests, and its promtool."""

import contextlib
import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers import Missing, free_port

READY_WITHIN_SECONDS = 30
HOW_TO_GET = "a real Prometheus needs its programs (Debian: prometheus)"


def program(name: str) -> str:
    """Return the path of `prometheus` or `promtool`. Raises Missing."""
    found = shutil.which(name)
    if found is None:
        raise Missing(HOW_TO_GET)
    return found


@dataclass
class Prometheus:
    """One server, keeping its samples under `folder`."""

    folder: Path
    config: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return once it is ready."""
        command = [
            program("prometheus"),
            f"--config.file={self.config}",
            f"--storage.tsdb.path={self.folder / 'samples'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        with (self.folder / "prometheus.log").open("ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
        started = time.monotonic()
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() - started > READY_WITHIN_SECONDS:
                raise RuntimeError(f"Prometheus did not start:\n{(self.folder / 'prometheus.log').read_text()[-3000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def query(self, promql: str) -> list[dict[str, Any]]:
        """Return the result of an instant query. Raises AssertionError with Prometheus's own words if it is no PromQL."""
        form = urllib.parse.urlencode({"query": promql}).encode()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query", form, timeout=10) as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as refusal:
            raise AssertionError(f"{promql}: {json.load(refusal)['error']}") from refusal
        return found

    def _ready(self) -> bool:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=1).close()
            return True
        return False


@contextlib.contextmanager
def open_prometheus(folder: Path, config: Path) -> Iterator[Prometheus]:
    """Run a server for the block. Raises Missing."""
    server = Prometheus(folder, config)
    try:
        server.start()
        yield server
    finally:
        server.stop()
