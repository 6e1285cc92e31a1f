"""The image without a container engine: the Dockerfile's own steps in a clean folder, then used as the image is."""

import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.compose import ROOT

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
BUILD = DOCKERFILE.partition("\n\nFROM ")[0]
PREFIX = "/opt/attache"
INSTRUCTION = re.compile(r"^(COPY|RUN|ENV) (.+)$", re.MULTILINE)
WITHOUT_RIGHTS = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs")


@pytest.fixture(scope="module")
def without_rights() -> tuple[str, ...]:
    """What to put before a command so that it has no rights; nothing where we have none ourselves."""
    if os.getuid() != 0:
        return ()
    python = str(Path(sys.executable).resolve())
    if subprocess.run([*WITHOUT_RIGHTS, python, "-c", ""], check=False, capture_output=True).returncode != 0:
        pytest.skip(f"{python} cannot be run by other users")
    return WITHOUT_RIGHTS


@pytest.fixture
def image() -> Iterator[Path]:
    """A prefix made by the build stage from what it copies, and nothing in it writable."""
    with tempfile.TemporaryDirectory(prefix="attache-image-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # for the user who has no rights
        build, prefix = folder / "build", folder / "prefix"
        build.mkdir()
        env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHON": sys.executable}
        env |= {n: v for n, v in os.environ.items() if n.startswith("PIP_") or n.endswith(("_CERT_FILE", "_CA_BUNDLE"))}
        for kind, rest in INSTRUCTION.findall(BUILD):
            if kind == "COPY":
                *sources, target = rest.split()
                for source in sources:
                    _copy(ROOT / source, build / target / (source if target == "./" else ""))
            elif kind == "RUN":
                command = shlex.split(rest.replace(PREFIX, str(prefix)))
                done = subprocess.run(command, cwd=build, env=env, check=False, capture_output=True, text=True)
                assert done.returncode == 0, done.stdout + done.stderr
        shutil.rmtree(build)
        _forbid_writing(prefix)
        yield prefix


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _forbid_writing(prefix: Path) -> None:
    for path in (prefix, *prefix.rglob("*")):
        if not path.is_symlink():
            path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o555)


def _run(prefix: Path, rights: tuple[str, ...], *args: str) -> str:
    command = [*rights, str(prefix / "bin" / args[0]), *args[1:]]
    done = subprocess.run(command, cwd="/", env={"PATH": "/usr/bin:/bin"}, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(400)
def test_the_images_steps_make_an_attache_that_runs_without_rights_from_a_read_only_tree(
    without_rights: tuple[str, ...], image: Path
):
    assert _run(image, without_rights, "attache", "--version").startswith("attache, version ")
    assert '"asyncapi"' in _run(image, without_rights, "attache", "schema")
    assert "fetcher" in _run(image, without_rights, "attache", "--help")
    # What a service reads from the package must have come along: data, templates, migrations.
    _run(
        image, without_rights, "python", "-c",
        "from importlib.resources import files\n"
        "from services.fetcher.sources import load_sources\n"
        "from services.tagger.rules import load_rules\n"
        "import services.cli.healthcheck, shared, services, migrations\n"
        "assert load_sources(None) and load_rules()\n"
        "assert (files('migrations') / 'versions').is_dir()\n"
        "assert (files('services.web') / 'templates' / 'base.html').is_file()",
    )  # fmt: skip
