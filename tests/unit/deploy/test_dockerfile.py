import fnmatch
import re
import tomllib

from tests.servers.compose import ROOT

TEXT = (ROOT / "deploy" / "Dockerfile").read_text()
BUILD, _, IMAGE = TEXT.partition("\n\nFROM ")


def _copied() -> list[str]:
    return [source for line in re.findall(r"^COPY (?!--)(.+)$", BUILD, re.MULTILINE) for source in line.split()[:-1]]


def test_what_is_copied_is_there_and_not_ignored():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    let_in = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert sorted(_copied()) == sorted(let_in)
    assert all((ROOT / source).exists() for source in _copied())


def test_nothing_secret_or_local_is_let_in():
    for name in (".env", "deploy/local", "data", ".git", "tests"):
        assert not any(fnmatch.fnmatch(name, let_in) for let_in in _copied())


def test_it_runs_as_a_user_without_rights():
    users = re.findall(r"^USER (\S+)$", IMAGE, re.MULTILINE)
    assert [user.isdigit() and int(user) > 0 for user in users] == [True]


def test_both_stages_stand_on_the_same_versioned_python():
    bases = re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE)
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", bases[0])


def test_the_label_tells_the_version_of_the_project():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f'org.opencontainers.image.version="{version}"' in IMAGE


def test_it_is_watched_by_its_own_readiness():
    assert re.search(r'^HEALTHCHECK .* CMD \["python", "-m", "services.cli.healthcheck"\]$', IMAGE, re.MULTILINE)
