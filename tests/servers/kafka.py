"""A real Kafka broker (KRaft, one node), run from the jars that Maven fetches, with the machine's Java.

It has two listeners for clients: `port`, and a second one that advertises `proxied_port`, where a test may put a
proxy that forwards to `behind_proxy_port`: Kafka's clients go where the broker says it is, so a proxy must be what it says.
"""

import base64
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers import Missing, free_port

HERE = Path(__file__).resolve().parent
CLASSPATH = HERE.parents[1] / ".cache" / "kafka-classpath.txt"
READY_WITHIN_SECONDS = 90
HOW_TO_GET = "a real Kafka broker needs Java 17 or newer and Maven (Debian: default-jre-headless maven)"


def classpath() -> str:
    """Return the class path of the broker, asking Maven for it once. Raises Missing."""
    if shutil.which("java") is None:
        raise Missing(HOW_TO_GET)
    newer = CLASSPATH.is_file() and CLASSPATH.stat().st_mtime >= (HERE / "pom.xml").stat().st_mtime
    if not newer or not all(Path(jar).is_file() for jar in CLASSPATH.read_text().split(os.pathsep)):
        if shutil.which("mvn") is None:
            raise Missing(HOW_TO_GET)
        CLASSPATH.parent.mkdir(exist_ok=True)
        asked = subprocess.run(
            ["mvn", "--quiet", "--batch-mode", "--file", HERE / "pom.xml", "dependency:build-classpath", f"-Dmdep.outputFile={CLASSPATH}"],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        if asked.returncode != 0:
            raise Missing(f"Maven could not fetch the broker's jars: {(asked.stdout + asked.stderr).strip()[-400:]}")
    return CLASSPATH.read_text().strip()


@dataclass
class Broker:
    """One broker. Its data stay in `folder` over stops and starts; all methods block until done."""

    folder: Path
    properties: Mapping[str, str] = field(default_factory=dict)
    heap: str = "384m"
    port: int = field(default_factory=free_port)
    proxied_port: int = field(default_factory=free_port)
    behind_proxy_port: int = field(default_factory=free_port)
    controller_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "broker.log"

    def start(self) -> None:
        """Start, and return once clients are served."""
        config = self._configure()
        self.process = self._java("kafka.Kafka", str(config))
        started = time.monotonic()
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() - started > READY_WITHIN_SECONDS:
                self.kill()
                raise RuntimeError(f"the broker did not start:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop as an operator does (SIGTERM)."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once (SIGKILL), as a crash would."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it hang (SIGSTOP): connections stay open, nothing is answered."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen broker go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def _configure(self) -> Path:
        config = self.folder / "server.properties"
        first = not config.exists()
        local = "127.0.0.1"
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": f"{local}:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"DIRECT://{local}:{self.port},PROXIED://{local}:{self.behind_proxy_port},"
            f"CONTROLLER://{local}:{self.controller_port}",
            "advertised.listeners": f"DIRECT://{local}:{self.port},PROXIED://{local}:{self.proxied_port}",
            "listener.security.protocol.map": "DIRECT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "DIRECT",
            "log.dirs": str(self.folder / "data"),
            "offsets.topic.num.partitions": "1",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "auto.create.topics.enable": "false",
            "broker.session.timeout.ms": "3000",  # how long a killed one bars its successor
            "broker.heartbeat.interval.ms": "500",
            "log.retention.check.interval.ms": "86400000",  # clocks in tests are often far from the wall's
            **self.properties,
        }
        config.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        if first:
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            tool = self._java(
                "kafka.tools.StorageTool", "format", "--standalone", f"--cluster-id={cluster}", "-c", str(config)
            )
            if tool.wait(60) != 0:
                raise RuntimeError(f"the broker's folder could not be made:\n{self.log.read_text()[-3000:]}")
        return config

    def _java(self, *args: str) -> "subprocess.Popen[bytes]":
        flags = [
            f"-Xmx{self.heap}",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        ]
        with self.log.open("ab") as out:
            return subprocess.Popen(
                ["java", *flags, "-cp", classpath(), *args], stdout=out, stderr=out, start_new_session=True
            )

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


@contextlib.contextmanager
def open_broker(folder: Path, properties: Mapping[str, str] | None = None) -> Iterator[Broker]:
    """Run a broker in `folder` for the block. Raises Missing."""
    classpath()
    broker = Broker(folder, properties or {})
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()


if __name__ == "__main__":
    try:
        print(f"a broker of {len(classpath().split(os.pathsep))} jars can be started")
    except Missing as why:
        sys.exit(f"no broker: {why}")
