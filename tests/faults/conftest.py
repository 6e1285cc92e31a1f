"""What the fault tests share."""

from datetime import timedelta

import pytest

import services.fetcher.service
import services.notifier.dispatch
import shared.consume


@pytest.fixture
def quick_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pause two seconds at most, so that a fault of seconds is to these pauses what one of minutes is to the real ones."""
    for module in (shared.consume, services.fetcher.service, services.notifier.dispatch):
        monkeypatch.setattr(module, "PAUSE_CAP", timedelta(seconds=2))
