import json

from click.testing import CliRunner

from services.cli.main import cli
from shared.asyncapi import asyncapi


def test_the_document_is_printed_as_json_people_can_read():
    result = CliRunner().invoke(cli, ["schema"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == json.loads(json.dumps(asyncapi()))
    assert "Attaché event contract" in result.stdout
    assert result.stdout.count("\n") > 500
