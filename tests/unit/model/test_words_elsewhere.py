"""What is answered to commands of other platforms, and to words that are no command at all."""

import re

import pytest

from receiver.cli.command import unknown
from receiver.model import catalogue
from receiver.model.catalogue import COMMANDS
from receiver.model.words_elsewhere import all_words, answer

DANGEROUS = {other for name, row in COMMANDS.items() if row.ends for other in (name, *row.also)}
STRAY = (
    "deploi",
    "destory",
    "destry",
    "delte",
    "ps:rstart",
    "restar",
    "renme",
    "stpo",
    "letsencrypt:enable",
    "certs:auto",
    "domains:add",
    "domains:clear",
    "pg:create",
    "pg:reset",
    "pg:backups:capture",
    "redis:cli",
    "postgres:destroy",
    "enter",
    "maintenance:enabel",
    "maintenance",
    "lock:release",
    "keys:remov",
    "run:stopp",
    "server:sto",
    "ps:exec",
    "ps:kil",
    "kil",
    "clos",
    "storage:umount",
    "acess:remove",
    "config:unst",
    "config:remov",
    "login",
    "push",
    "report",
    "events",
    "metrics",
    "container:push",
    "app:exec",
    "accessory:boot",
    "builder:set",
    "nginx:set",
    "resource:reserve",
    "cleanup",
)


def suggested(text: str) -> set[str]:
    return {found[1] for found in re.finditer(r"`ship ([a-z:-]+)", text)}


def test_every_command_that_is_named_exists() -> None:
    for word, text in all_words().items():
        for name in suggested(text):
            assert name in COMMANDS or name in catalogue.other_names(), (word, name)


def test_no_answer_names_a_command_that_ends_something() -> None:
    for word, text in all_words().items():
        assert not suggested(text) & DANGEROUS, word


def test_a_word_that_became_a_command_is_taken_out_of_the_table() -> None:
    now = {word for word in all_words() if catalogue.canonical(word)}
    assert not now, "these are commands by now: remove them from receiver/model/words_elsewhere.py"


def test_the_table_answers_what_people_bring_along() -> None:
    assert len(all_words()) >= 60
    assert all(text.endswith((".", "`.")) for text in all_words().values())


@pytest.mark.parametrize("typed", STRAY)
@pytest.mark.parametrize("blank", [":", " "])
def test_no_stray_word_is_answered_with_a_command_that_ends_something(
    typed: str, blank: str
) -> None:
    words = typed.replace(":", blank).split()
    told = unknown(words)
    assert not suggested(told.detail) & DANGEROUS, told.detail
    assert not set(catalogue.similar(words)) & DANGEROUS


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("pg:backups:capture", "no backups"),
        ("pg backups", "no backups"),
        ("pg:create blog", "config:set DATABASE_URL"),
        ("letsencrypt:enable blog", "ship certs"),
        ("domain add example.com", "ship domains:add"),
        ("ps:exec", "ship run bash"),
        ("app exec ls", "ship apps"),
        ("accessory boot db", "no databases"),
        ("enter web", "ship run bash"),
    ],
)
def test_a_true_answer_is_given(typed: str, told: str) -> None:
    assert told in unknown(typed.split()).detail


def test_a_word_of_nobody_has_no_answer() -> None:
    assert answer(["qqqqqq"]) == ""
    assert unknown(["qqqqqq"]).detail == ""
