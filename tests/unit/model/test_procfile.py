"""Every way a Procfile is written, and every way it goes wrong."""

import pytest

from receiver.model.errors import BuildError
from receiver.model.procfile import parse_procfile


@pytest.mark.parametrize(
    ("data", "types"),
    [
        (b"web: gunicorn app:app\n", {"web": "gunicorn app:app"}),
        (b"web: gunicorn app:app", {"web": "gunicorn app:app"}),
        (b"web:gunicorn app:app", {"web": "gunicorn app:app"}),
        (b"web :\tgunicorn app:app  \n", {"web": "gunicorn app:app"}),
        (b"web: a\r\nworker: b\r\n", {"web": "a", "worker": "b"}),
        (b"web: a\rworker: b\r", {"web": "a", "worker": "b"}),
        (b"\xef\xbb\xbfweb: a\n", {"web": "a"}),
        (b"# all of it\n\n  # more\nweb: a # not a comment\n", {"web": "a # not a comment"}),
        (
            (b"release: python manage.py migrate\nweb: a\n"),
            {"release": "python manage.py migrate", "web": "a"},
        ),
        (b"worker: a\n", {"worker": "a"}),
        (b"web: a \\\n  --more \\ \r\n -x\nworker: b\n", {"web": "a --more -x", "worker": "b"}),
        (b"web: a \\", {"web": "a"}),
        (b"web: PORT=1 sh -c 'a: b' && c\n", {"web": "PORT=1 sh -c 'a: b' && c"}),
        ("web: echo Grüße\n".encode(), {"web": "echo Grüße"}),
    ],
)
def test_is_read(data: bytes, types: dict[str, str]) -> None:
    assert parse_procfile(data) == types
    assert list(parse_procfile(data)) == list(types)


@pytest.mark.parametrize(
    ("data", "reason", "seen"),
    [
        (b"", "procfile-empty", "empty"),
        (b"\n \n# web: a\n", "procfile-empty", "empty"),
        ("web: a\n".encode("utf-16"), "procfile-encoding", "UTF-16"),
        ("web: a\n".encode("utf-16-le"), "procfile-encoding", "UTF-16"),
        (b"web: a\nworker: gr\xfc\xdfe\n", "procfile-encoding", "line 2"),
        (
            b"web: a\n\ngunicorn app\n",
            "procfile-invalid",
            "Line 3 of the Procfile cannot be read: gunicorn app",
        ),
        (b"web:\n", "procfile-invalid", "no command"),
        (b"web: a\n: b\n", "procfile-invalid", "Line 2"),
        (b"web: a\nweb: b\n", "procfile-invalid", "line 1 already"),
        (b"Web: a\n", "procfile-invalid", "'Web' cannot be a process type"),
        (b"../web: a\n", "procfile-invalid", "'../web'"),
        (b"web: a\n\x1b[31mred\n", "procfile-invalid", "\\x1b[31mred"),
    ],
)
def test_is_refused(data: bytes, reason: str, seen: str) -> None:
    with pytest.raises(BuildError) as refused:
        parse_procfile(data)
    assert refused.value.reason == f"build/{reason}"
    assert seen in f"{refused.value.title} {refused.value.detail}"
    assert refused.value.advice
