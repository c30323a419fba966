"""Runs a buildpack of somebody else's, with the classic contract: detect, compile, release."""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from receiver.building import buildpack_store
from receiver.building.builder import Builder
from receiver.hosts.accounts import ids
from receiver.machine import files
from receiver.model.classic import FolderSource, GitSource, Released, Source, parse_release
from receiver.model.errors import BuildError
from receiver.model.program import RUNTIME

_CLASSIC = RUNTIME / "classic.py"
_CERTIFICATE = "SSL_CERT_FILE"
_SHOWN_LINES = 20


class ClassicBuild(msgspec.Struct):
    """One buildpack with the classic contract, in the sandbox of the app's build."""

    builder: Builder
    source: Source
    work: Path
    exports: Sequence[Path]

    @property
    def pack(self) -> Path:
        return (
            Path(self.source.path) if isinstance(self.source, FolderSource) else self.work / "pack"
        )

    def fetch(self) -> None:
        """Put the buildpack's files where the app's account reads them, and can harm nobody by
        writing them.
        """
        uid, gid = ids(self.builder.host.accounts.owner(self.builder.paths.name))
        # the folder of all is root's: a buildpack puts no link where root makes the next one's
        files.make_folder(self.work.parent, mode=0o711)
        files.make_folder(self.work, mode=0o750, uid=uid, gid=gid)
        if isinstance(self.source, GitSource):
            trusted = self.builder.pip.env.get(_CERTIFICATE)
            certificates = {"GIT_SSL_CAINFO": trusted} if trusted else {}
            store = self.builder.server.layout.buildpacks
            archive = buildpack_store.stored(store, self.source, certificates)
            self.builder.unpack(archive, self.pack)

    def detect(self) -> str:
        """What it says that it found."""
        status, said = self._run("detect", shown=False)
        if status:
            raise BuildError(
                f"The buildpack {self.source.name} does not fit this app.",
                detail=_last_lines(said) or "Its bin/detect found nothing that it knows.",
                advice=f"Take it out with `ship buildpacks:remove {self.source.name}`,"
                " or commit the files that it looks for.",
                reason="build/buildpack-does-not-fit",
            )
        return (said.strip().splitlines() or [self.source.name])[-1].strip()

    def compile(self) -> None:
        """Have it change the tree."""
        status, said = self._run("compile", shown=True)
        if status:
            end = f"The end of its output:\n{_last_lines(said)}"
            raise BuildError(
                f"The buildpack {self.source.name} failed.",
                detail=end if said.strip() else "It wrote nothing.",
                advice="Look above for what it was doing. It runs as the app's account, and finds"
                " the config vars in files of its third argument.",
                reason="build/buildpack-failed",
            )

    def release(self) -> Released:
        """What it asks for besides; nothing where it has no such program."""
        status, said = self._run("release", shown=False)
        return parse_release(self.source.name, said) if status == 0 else Released({}, {})

    def _run(self, step: str, *, shown: bool) -> tuple[int, str]:
        builder = self.builder
        cache = builder.paths.cache / "buildpacks" / self.source.name
        places = (self.pack, self.work, builder.release.source, cache)
        argv = (sys.executable, "-I", "-S", str(_CLASSIC), str(builder.release.env), step)
        found = builder.perform(
            (*argv, *map(str, places), *map(str, self.exports)),
            (builder.release.source, builder.paths.cache, self.work.parent),
            builder.out.feed if shown else None,
        )
        builder.out.flush()
        return found


def _last_lines(said: str) -> str:
    return "\n".join(said.strip().splitlines()[-_SHOWN_LINES:])
