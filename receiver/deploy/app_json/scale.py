"""How many processes an app.json wants of each type at an app's first deploy. Pure."""

from collections.abc import Collection, Mapping

from receiver.model.app_json import Formation
from receiver.model.formation import RELEASE, WEB


def initial_scale(
    formation: Mapping[str, Formation], types: Collection[str]
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Numbers by type, and sentences on what of the formation does not count.

    Elsewhere one web process is a machine or a container with as many workers as its own command
    says. So one of them leaves the number of workers to that command, and only a larger number is
    taken as one of workers.

    Args:
        formation: that of app.json
        types: process types of the release
    """
    wanted: dict[str, int] = {}
    notices = []
    for name, group in formation.items():
        if group.quantity is None or name == RELEASE:
            continue
        if name not in types:
            notices.append(
                f"app.json: formation.{name} does not count: there is no such process type."
            )
        elif name == WEB and group.quantity == 0:
            notices.append(
                "app.json: formation.web does not count: to stop web, type `ship ps:stop web`."
            )
        elif name != WEB or group.quantity > 1:
            wanted[name] = group.quantity
    return wanted, tuple(notices)
