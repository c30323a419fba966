"""Apps of an embedded server: all are one account, and nothing keeps them apart."""

from receiver.model.names import AppName


class OneNetwork:
    """Everybody reaches everybody."""

    def keep_apart(self, *, leaving: AppName | None = None) -> bool:
        """Nothing: only root could."""
        del leaving
        return False

    def trouble(self) -> str | None:
        """None: nobody was told that they are."""
        return None

    def remove(self) -> None:
        """Nothing: nothing is there."""
