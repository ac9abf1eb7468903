"""Tokens by command, one by one and as a file."""

from pathlib import Path

import pytest

from tests.app.conftest import Cli


def test_a_token_is_set_and_changed_by_what_is_named(cli: Cli) -> None:
    cli("organisation", "create", "nord", "--name", "Nord")
    cli("provider", "create", "DE*ABC", "--name", "ABC")
    made = cli(
        *("token", "set", "04:A2:B3", "--organisation", "nord", "--group-id", "G1"),
        *("--valid-until", "2027-01-01", "--json"),
    ).json
    assert (made["organisation"], made["status"]) == ("nord", "accepted")
    assert made["valid_until"] == "2026-12-31T23:00:00Z"

    changed = cli("token", "set", "04a2b3", "--status", "blocked", "--json").json
    assert (changed["organisation"], changed["group_id"]) == ("nord", "G1")
    assert (changed["status"], changed["valid_until"]) == ("blocked", "2026-12-31T23:00:00Z")
    moved = cli("token", "set", "04A2B3", "--provider", "DE*ABC", "--json").json
    assert (moved["organisation"], moved["provider"]) == (None, "DE*ABC")
    assert len(cli("token", "list", "--query", "A2", "--json").json) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("T1", "--organisation", "nobody"), 1, "There is no organisation 'nobody'."),
        (("T1", "--provider", "DE*XXX"), 1, "There is no provider 'DE*XXX'."),
        (("T1", "--type", "Banana"), 1, "type must be one of"),
        (("::",), 1, "id_token has 1 to"),
        (("T1", "--status", "happy"), 2, "--status"),
        (("T1", "--organisation", "root", "--provider", "DE*ABC"), 2, "Name one of"),
    ],
)
def test_a_token_that_cannot_be_is_refused(
    cli: Cli, arguments: tuple[str, ...], status: int, said: str
) -> None:
    refused = cli("token", "set", *arguments)

    assert refused.status == status
    assert said in refused.err


def test_a_file_of_tokens_is_taken_whole(cli: Cli, tmp_path: Path) -> None:
    cli("provider", "create", "DE*ABC", "--name", "ABC")
    file = tmp_path / "tokens.csv"
    file.write_text(
        "\ufeffid_token;status;provider\r\nA1;accepted;\r\n\r\nA2;blocked;de-abc\r\n",
        encoding="utf-8",
    )

    assert cli("token", "import", str(file), "--json").json == {"imported": 2}
    own, foreign = cli("token", "list", "--json").json
    assert (own["organisation"], own["provider"]) == ("root", None)
    assert (foreign["organisation"], foreign["provider"]) == (None, "DE*ABC")


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (b"", ["line 1: the columns are id_token and any of"]),
        (b"token\nA1\n", ["line 1: the columns are id_token and any of"]),
        (b"id_token\n", ["it has no rows"]),
        (b"id_token,status\nA1\n", ["line 2: not as many cells as the head has"]),
        (b"id_token\nA\xff\n", ["it is no CSV in UTF-8"]),
        (
            b"id_token,status,provider\nA1,happy,\nA2,,DE*XXX\nA-1,,\n",
            [
                "line 2: status must be one of",
                "line 3: There is no provider 'DE*XXX'.",
                "line 4: this token stands in line 2 already",
            ],
        ),
    ],
)
def test_of_a_file_with_a_mistake_nothing_is_taken(
    cli: Cli, tmp_path: Path, content: bytes, problems: list[str]
) -> None:
    file = tmp_path / "tokens.csv"
    file.write_bytes(content)
    refused = cli("token", "import", str(file))

    assert refused.status == 1
    for problem in problems:
        assert problem in refused.err
    assert cli("token", "list", "--json").json == []


def test_a_file_that_is_not_there_is_wrong_use(bare: Cli) -> None:
    assert bare("token", "import", "missing.csv").status == 2
    assert bare("tariff", "create", "missing.json").status == 2
