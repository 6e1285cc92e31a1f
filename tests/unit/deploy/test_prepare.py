import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from shared.subscriptions import parse_subscriptions
from tests.servers.compose import ROOT

SECRETS = ("database_password", "grafana_password")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy" / "prepare.sh", tmp_path / "deploy")
    return tmp_path


def _prepare(checkout: Path) -> str:
    return subprocess.run([checkout / "deploy" / "prepare.sh"], check=True, capture_output=True, text=True).stdout


def _secrets(checkout: Path) -> dict[str, str]:
    return {name: (checkout / "deploy" / "local" / "secrets" / name).read_text() for name in SECRETS}


def test_passwords_are_random_and_closed_to_others(checkout: Path):
    said = _prepare(checkout)
    secrets = _secrets(checkout)
    assert all(len(password) >= 40 and password.strip() == password for password in secrets.values())
    assert len(set(secrets.values())) == len(SECRETS)
    assert all(name in said for name in SECRETS)
    assert not any(password in said for password in secrets.values())
    folder = checkout / "deploy" / "local" / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert all(stat.S_IMODE((folder / name).stat().st_mode) == 0o444 for name in SECRETS)


def test_what_is_there_stays(checkout: Path):
    (checkout / ".env").write_text("CONTACT=desk@example.org")
    _prepare(checkout)
    secrets = _secrets(checkout)
    subscriptions = checkout / "deploy" / "local" / "config" / "subscriptions.toml"
    subscriptions.write_text("# mine\n")
    assert _prepare(checkout) == ""
    assert _secrets(checkout) == secrets
    assert subscriptions.read_text() == "# mine\n"
    assert (checkout / ".env").read_text() == "CONTACT=desk@example.org\nATTACHE_LOCAL=./deploy/local\n"


def test_settings_are_closed_to_others_because_a_mail_servers_password_may_be_among_them(checkout: Path):
    _prepare(checkout)
    assert stat.S_IMODE((checkout / ".env").stat().st_mode) == 0o600


def test_the_subscriptions_file_is_valid_and_so_is_the_example_in_it(checkout: Path):
    _prepare(checkout)
    text = (checkout / "deploy" / "local" / "config" / "subscriptions.toml").read_text()
    assert parse_subscriptions(text) == ()
    example = text[text.index("# [[subscription]]") :].replace("# ", "")
    assert [one.id for one in parse_subscriptions(example)] == ["khm-usa"]


def test_git_never_sees_any_of_it():
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {".env", "deploy/local/"} <= set(ignored)
