"""The base of the resources: one class for each kind of object of the API."""

from .transport import Transport


class Resource:
    """A kind of object of the API, read and written through the transport."""

    def __init__(self, transport: Transport) -> None:
        """Take what sends the requests."""
        self._transport = transport
