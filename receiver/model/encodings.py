"""Texts that are not in UTF-8, and how they become so."""

import codecs

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def is_utf16(data: bytes) -> bool:
    """Whether this is most likely a text in UTF-16, as programs of Windows write it."""
    return data.startswith(_UTF16) or b"\0" in data


def as_utf8(path: str, data: bytes) -> str:
    """What to do with a file so that it is a text in UTF-8, by what it is now."""
    save, commit = "Save it as UTF-8 and commit it again.", f"> new && mv new {path}`."
    if is_utf16(data):
        return (
            f"{save} In PowerShell: `(Get-Content {path}) | Set-Content -Encoding utf8 {path}`."
            f" Elsewhere: `iconv -f UTF-16 -t UTF-8 {path} {commit}"
        )
    return f"{save} If it was written on Windows: `iconv -f WINDOWS-1252 -t UTF-8 {path} {commit}"
