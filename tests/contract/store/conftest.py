import pytest

from tests.unit.store.conftest import a_claim, an_arrival


@pytest.fixture
def arrival():
    return an_arrival


@pytest.fixture
def claim():
    return a_claim
