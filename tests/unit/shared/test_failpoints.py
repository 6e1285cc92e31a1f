import signal
import subprocess
import sys

import pytest

from shared import failpoints
from shared.settings import BadSettings


def run(armed: str, passings: int) -> int:
    program = (
        f"from shared import failpoints as f\nf.arm([{armed!r}])\n"
        f"for _ in range({passings}): f.passing('store.handled'); f.passing('store.written')"
    )
    return subprocess.run([sys.executable, "-c", program], check=False).returncode


def test_an_armed_failpoint_kills_the_process_at_the_passing_it_names():
    assert run("store.written", 1) == -signal.SIGKILL
    assert run("store.handled:3", 2) == 0
    assert run("store.handled:3", 3) == -signal.SIGKILL


@pytest.mark.parametrize("spec", ["store.nowhere", "store.handled:x"])
def test_a_name_that_is_none_is_refused(spec):
    with pytest.raises(BadSettings, match=r"must be one of fetcher\.leased"):
        failpoints.arm([spec])


def test_nothing_happens_where_nothing_is_armed():
    failpoints.arm([])
    for name in failpoints.NAMES:
        failpoints.passing(name)
