"""What an Aptfile may ask for."""

import pytest

from receiver.model.errors import BuildError, UsageError
from receiver.model.manifest import parse_manifest
from receiver.model.system_packages import parse_aptfile, parse_names, refusal


def test_words_are_packages_and_comments_are_not() -> None:
    text = "\ufeff# sound\nffmpeg libmagic1  # both\r\n\n  g++\nffmpeg\n#:repo:x\n"
    assert parse_aptfile(text.encode()) == ("ffmpeg", "libmagic1", "g++")


@pytest.mark.parametrize(
    ("word", "why"),
    [
        (":repo:deb http://x/ stable main", "No package source"),
        ("https://x/y.deb", "not from an address"),
        ("./y.deb", "not from an address"),
        ("-o=Dir::Etc=/tmp", "It is an option"),
        ("--reinstall", "It is an option"),
        ("libpq5=15.3-1", "write `libpq5`"),
        ("libpq5/stable", "write `libpq5`"),
        ("libpq5:i386", "write `libpq5`"),
        ("nginx-", "would have apt remove"),
        ("/etc/passwd", "A package name has"),
        ("../x", "A package name has"),
        ("lib.*", "A package name has"),
        ("FFmpeg", "A package name has"),
        ("a" * 101, "A package name has"),
        ("x", "A package name has"),
        ("lib;rm", "A package name has"),
        ("~nlib", "A package name has"),
        ("libé", "A package name has"),
    ],
)
def test_other_forms_are_refused_each_with_its_reason(word: str, why: str) -> None:
    assert why in refusal(word)
    with pytest.raises(BuildError) as refused:
        parse_aptfile(f"ffmpeg\n{word}\n".encode())
    assert refused.value.reason == "build/aptfile-invalid"
    assert refused.value.title.startswith("Line 2 of Aptfile cannot be used: ")
    assert why in refused.value.detail
    if not word.startswith("-"):
        with pytest.raises(UsageError):
            parse_names([word])


def test_a_list_in_ship_toml_has_the_same_names() -> None:
    assert parse_manifest(b'[build]\napt = ["libmagic1"]\n').build.apt == ("libmagic1",)
    with pytest.raises(BuildError) as refused:
        parse_manifest(b'[build]\napt = ["libmagic1", "nginx-"]\n')
    assert refused.value.reason == "build/manifest-invalid"
    assert "Line 2: `build.apt`, 'nginx-': " in refused.value.detail


def test_a_file_of_more_packages_than_anybody_needs_is_refused() -> None:
    with pytest.raises(BuildError):
        parse_aptfile("\n".join(f"lib{n}" for n in range(201)).encode())


def test_a_command_needs_a_name() -> None:
    with pytest.raises(UsageError):
        parse_names([])
    assert parse_names(["ffmpeg", "ffmpeg"]) == ("ffmpeg",)
