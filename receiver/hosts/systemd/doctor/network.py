"""Whether apps are kept apart on the network."""

from collections.abc import Iterator

from receiver.hosts.network import Network
from receiver.model.finding import Finding, Install


def look(network: Network) -> Iterator[Finding]:
    """What is wrong with the rules of nftables."""
    why = network.trouble()
    if why is None:
        return
    yield Finding(
        name="network.open",
        severity="warning",
        title="Apps are not kept apart on the network.",
        seen=(why,),
        means="An app can connect to the port of another, or take one that is free and get its"
        " visitors.",
        does="write the rules, and have nft read them",
        repair=(Install(),),
        advice="Where nft is missing: `apt-get install nftables`, then `ship doctor --fix`.",
    )
