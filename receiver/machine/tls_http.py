"""HTTP over TLS to an address, under a name that need not lead there."""

import http.client

from receiver.model.address import TlsAddress


class TlsConnection(http.client.HTTPConnection):
    """A connection that believes any certificate: whether visitors trust it is another question."""

    def __init__(self, address: TlsAddress, *, limit_s: float) -> None:
        super().__init__(address.host, address.port, timeout=limit_s)
        self._name = address.name

    def connect(self) -> None:
        """Connect, and shake hands."""
        import ssl  # noqa: PLC0415 - 15 ms that only such a connection needs

        super().connect()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock, server_hostname=self._name)
