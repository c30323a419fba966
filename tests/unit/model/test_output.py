"""What a person who pushes reads."""

import pytest

from receiver.model.errors import EXIT_CODES, PUSH_VERDICTS, ShipError
from receiver.model.output import Output, mask, secrets_of


@pytest.fixture
def written():
    return []


@pytest.fixture
def out(written):
    return Output(written.append)


def text(written) -> str:
    return b"".join(written).decode()


def test_a_transcript(out, written):
    out.step("Python app detected")
    out.say("Using Python 3.11.\nAnd that is all.")
    out.warn("The bind was ignored.")
    assert text(written) == (
        "-----> Python app detected\n"
        "       Using Python 3.11.\n"
        "       And that is all.\n"
        " !     The bind was ignored.\n"
    )


def test_an_error_says_what_happened_what_was_seen_and_what_to_do(out, written):
    out.error(ShipError("It broke.", detail="Seen: a.\nSeen: b.", advice="Do c.", reason="build/x"))
    assert text(written) == (
        "\n !     It broke.\n !\n !     Seen: a.\n !     Seen: b.\n !\n !     Do c.\n !\n"
        " !     (build/x)\n\n"
    )


def test_output_of_programs_comes_in_any_pieces_and_keeps_only_the_end_of_a_progress_line(
    out, written
):
    for piece in (b"Downlo", b"ading 1%\rDownloading 100%\nDone", b"\r\nno end"):
        out.feed(piece)
    out.flush()
    assert text(written) == "       Downloading 100%\n       Done\n       no end\n"


def test_config_values_never_pass(written):
    secrets = secrets_of({"SECRET_KEY": "s3cr", "DEBUG": "true", "URL": "postgres://u:p@h/d"})
    out = Output(written.append, secrets)
    out.feed(b"connecting to postgres://u:p@h/d with s3cr, debug is true\n")
    assert text(written) == "       connecting to [hidden] with [hidden], debug is true\n"


def test_a_secret_within_a_longer_one_does_not_leave_its_rest_behind():
    config = {"A_KEY": "abcd", "B_KEY": "abcdefgh"}
    assert mask("abcdefgh abcd", secrets_of(config)) == "[hidden] [hidden]"


@pytest.mark.parametrize(
    ("name", "value", "is_hidden"),
    [
        ("SITE_URL", "https://blog.example.com:8443/", False),
        ("DOMAIN", "blog.example.com", False),
        ("COOKIE_DOMAIN", ".example.com", False),
        ("ALLOWED_HOSTS", "blog.example.com,localhost", False),
        ("DJANGO_SETTINGS_MODULE", "mysite.settings", False),
        ("DATABASE_URL", "http://u:p@blog.example.com", True),
        ("UPSTREAM", "http://inside.example.com", True),
        ("NICKNAME", "blog.example.community", True),
        ("SECRET_KEY", "ample.com", True),
    ],
)
def test_what_everybody_may_know_is_shown(name: str, value: str, is_hidden: bool) -> None:
    assert bool(secrets_of({name: value}, "blog.example.com")) is is_hidden
    assert secrets_of({"LONG": "anything"}) == ("anything",)


def test_each_line_of_a_value_with_several_is_hidden():
    secrets = secrets_of({"PRIVATE_KEY": "-----BEGIN-----\nMIIabcdef\n-----END-----"})
    assert "MIIabcdef" in secrets


def test_every_verdict_on_a_push_belongs_to_an_exit_code():
    assert set(PUSH_VERDICTS) <= set(EXIT_CODES.values())
    assert ShipError("x", reason="build/any").exit_code == 4
    assert ShipError("x", reason="no-such-class/any").exit_code == 1


def test_a_program_that_says_too_much_is_cut_off_and_an_error_is_told_all_the_same(out, written):
    for _ in range(20):
        out.feed(b"x" * 1023 * 1024 + b"\n")
    out.error(ShipError("It broke."))
    told = text(written)
    assert len(told) < 17 * 1024 * 1024
    assert told.count("What programs say from here on is left out.") == 1
    assert " !     It broke." in told
