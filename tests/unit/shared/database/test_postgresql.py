import pytest

from shared.database.engine import BadDatabaseUrl, open_database
from shared.database.postgresql import PARAMETERS, shown_url


async def opened(url, **options):
    async with open_database(url, **options) as engine:
        return engine.url.render_as_string()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me@db.test/attache", "postgresql+asyncpg://me@db.test/attache"),
        ("postgresql://me:secret@db.test:5433/attache", "postgresql+asyncpg://me:***@db.test:5433/attache"),
        ("postgresql://me@db.test/attache?sslmode=verify-full", "postgresql+asyncpg://me@db.test/attache"),
        ("postgresql://me@/attache?host=/run/postgresql", "postgresql+asyncpg://me@/attache"),
        ("postgresql://me@a.test:1,b.test:2/attache?target_session_attrs=read-write", "postgresql+asyncpg://me@a.test:1/attache"),
        ("postgresql://me@db.test/attache?connect_timeout=3&application_name=mine", "postgresql+asyncpg://me@db.test/attache"),
    ],
)  # fmt: skip
async def test_urls_as_people_write_them_are_understood(url, shown):
    assert await opened(url) == shown


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://me:hidden@db.test", "names no database"),
        ("postgresql://me:hidden@db.test/attache?pool_size=5", "unknown parameter pool_size; known: application_name"),
        ("postgresql://me:hidden@db.test/attache?sslmode=on", "sslmode=on: must be one of disable"),
        ("postgresql://me:hidden@db.test/attache?sslrootcert=/no/such.pem", "sslrootcert=/no/such.pem: no such file"),
        ("postgresql://me:hidden@db.test/attache?connect_timeout=soon", "connect_timeout=soon: must be seconds"),
        ("postgresql://me:hidden@db.test:port/attache", "DB_URL"),
    ],
)
async def test_what_cannot_be_used_is_named_without_the_password(url, words):
    with pytest.raises(BadDatabaseUrl, match=words) as told:
        await opened(url)
    assert "hidden" not in str(told.value)


@pytest.mark.parametrize("content", ["", "\n"])
async def test_a_password_file_without_a_password_is_refused(tmp_path, content):
    file = tmp_path / "password"
    file.write_text(content)
    with pytest.raises(BadDatabaseUrl, match=r"DB_PASSWORD_FILE=.*the file is empty"):
        await opened("postgresql://me@db.test/attache", password_file=file)


async def test_a_password_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadDatabaseUrl, match=r"DB_PASSWORD_FILE=.*No such file"):
        await opened("postgresql://me@db.test/attache", password_file=tmp_path / "none")


async def test_two_passwords_are_one_too_many(tmp_path):
    file = tmp_path / "password"
    file.write_text("one")
    with pytest.raises(BadDatabaseUrl, match="leave one of them out") as told:
        await opened("postgresql://me:hidden@db.test/attache", password_file=file)
    assert "hidden" not in str(told.value)


def test_only_the_first_of_several_hosts_is_shown_and_others_stay_as_they_are():
    assert shown_url("postgresql://me:a,b@one:1,two:2/db?x=1,2") == "postgresql://me:a,b@one:1/db?x=1,2"
    assert shown_url("sqlite:///a,b/c.db") == "sqlite:///a,b/c.db"
    assert list(PARAMETERS) == sorted(PARAMETERS)
