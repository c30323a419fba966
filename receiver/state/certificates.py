"""The records of certificates, and the PEM files that nginx reads.

A PEM file is never written anew: a new certificate is a new file, so that nginx's files name what
they were tested with, and an undone change finds it again.
"""

from collections.abc import Mapping

from receiver.machine import files
from receiver.model.certificate import Certificate, Standing, wildcard_of
from receiver.model.layout import Layout
from receiver.state import records


def read_all(layout: Layout) -> Mapping[str, Standing]:
    """By name, what is known of its certificate.

    Raises:
        ServerError: a record cannot be read
    """
    found = (
        records.read_json(path, Standing) for path in sorted(layout.certificates.glob("*.json"))
    )
    return {standing.name: standing for standing in found if standing is not None}


def serving(layout: Layout, name: str) -> Standing | None:
    """The record of the certificate that a host name is served with: its own, else that of all
    names beside it; None where there is none.
    """
    for each in (name, wildcard_of(name)):
        found = read(layout, each)
        if found.certificate is not None and found.certificate.covers(name):
            return found
    return None


def of_name(layout: Layout, name: str) -> Certificate | None:
    """The certificate that a host name is served with; None where there is none."""
    found = serving(layout, name)
    return found.certificate if found is not None else None


def read(layout: Layout, name: str) -> Standing:
    """What is known of the certificate of one name."""
    return records.read_json(layout.certificate(name), Standing) or Standing(name=name)


def write(layout: Layout, standing: Standing) -> None:
    """Replace the record of a name."""
    records.write_json(layout.certificate(standing.name), standing)


def keep_pem(layout: Layout, file: str, pem: str) -> None:
    """Keep the text of a certificate and its key, before the record that names its file."""
    files.write_atomically(layout.certificates / file, pem, mode=0o600)


def forget(layout: Layout, name: str) -> None:
    """Remove the record of a name; its files go with `sweep`."""
    files.remove(layout.certificate(name))


def sweep(layout: Layout) -> None:
    """Remove the files that no record names, and none of nginx's either."""
    found = (standing.certificate for standing in read_all(layout).values())
    kept = {each.file for each in found if each is not None} | {layout.self_signed.name}
    sites = [path.read_text() for path in layout.sites_available.glob("*ship-*.conf")]
    for path in layout.certificates.glob("*.pem"):
        if path.name not in kept and not any(path.name in text for text in sites):
            files.remove(path)


def path_of(layout: Layout, certificate: Certificate) -> str:
    """Where nginx finds a certificate, and its key."""
    return str(layout.certificates / certificate.file)
