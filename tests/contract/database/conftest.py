"""Databases of their own for tests that change the schema."""

import shutil

import pytest

from tests.contract.conftest import DATABASES


@pytest.fixture(params=DATABASES)
def url(request, tmp_path, migrated_file):
    """The DB_URL of a migrated, empty database, once of each kind; a new one each time."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql_database"))
    shutil.copy(migrated_file, tmp_path / "attache.db")
    return f"sqlite:///{tmp_path}/attache.db"
