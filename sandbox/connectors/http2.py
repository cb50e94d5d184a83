"""HTTP/2 towards a connector: it dialled, but here the edge is the client."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from ..exchange import BrokenOffError, Headers

_WINDOW = 2**20


class Stream:
    """A request to a connector, and its answer."""

    def __init__(self, client: Client) -> None:
        """Prepare a request; the client gives it a number as soon as there is a free one."""
        self.id = 0
        self._client = client
        self._headers: Headers | None = None
        self._chunks: deque[DataReceived] = deque()
        self._has_ended = False
        self._is_broken = False
        self._changed = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Return whether the connector still works on the answer."""
        return not self._has_ended and not self._is_broken

    async def headers(self) -> Headers:
        """Wait for the headers of the answer."""
        while self._headers is None:
            await self._wait()
        return self._headers

    async def read(self) -> bytes:
        """Return the next part of the body, nothing at its end."""
        while not self._chunks:
            if self._has_ended:
                return b""
            await self._wait()
        chunk = self._chunks.popleft()
        self._client.make_room(self, chunk.flow_controlled_length)
        return chunk.data

    async def read_all(self) -> bytes:
        """Return the rest of the body."""
        body = b""
        while chunk := await self.read():
            body += chunk
        return body

    async def send(self, data: bytes) -> None:
        """Send a part of the body, as soon as there is room for it."""
        while data:
            while (room := self._client.room(self)) == 0:
                await self._wait()
            self._client.send(self, data[:room])
            data = data[room:]
            await self._client.drained()

    async def end(self) -> None:
        """Tell that nothing more is sent."""
        self._client.end(self)

    def abandon(self) -> None:
        """Reset the stream unless it is over."""
        self._client.reset(self)

    def take(self, event: Event) -> None:
        """Take what arrived for this stream."""
        match event:
            case ResponseReceived():
                self._headers = [(bytes(n), bytes(v)) for n, v in event.headers]
            case DataReceived():
                self._chunks.append(event)
            case StreamEnded():
                self._has_ended = True
            case StreamReset():
                # Go's server resets a stream without an error once its answer is complete.
                self._is_broken = not self._has_ended
        self.wake()

    def break_off(self) -> None:
        """End every wait for more data: the connection is gone."""
        self._is_broken = self._is_broken or not self._has_ended
        self.wake()

    def wake(self) -> None:
        """Have everyone who waits look again."""
        self._changed.set()

    async def _wait(self) -> None:
        if self._is_broken:
            raise BrokenOffError
        self._changed.clear()
        await self._changed.wait()


class Client(asyncio.Protocol):
    """The edge's side of a connection that a connector opened."""

    def __init__(self, serve: Callable[[Client], Coroutine[Any, Any, None]]) -> None:
        """Take what is done once the connection is open; when that is done it is closed."""
        self._serve = serve
        self._http = H2Connection(
            H2Configuration(client_side=True, header_encoding=None)
        )
        self._http.local_settings = Settings(
            client=True,
            initial_values={
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW,
            },
        )
        self._streams: dict[int, Stream] = {}
        self._transport: asyncio.Transport | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self.is_lost = False

    @property
    def peer(self) -> str:
        """Return the address of the other end."""
        assert self._transport is not None
        return str(self._transport.get_extra_info("peername")[0])

    @property
    def busy(self) -> int:
        """Return the number of open streams."""
        return self._http.open_outbound_streams

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the preface, and begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._http.initiate_connection()
        self._flush()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def data_received(self, data: bytes) -> None:
        """Hand what arrived to the streams."""
        try:
            events = self._http.receive_data(data)
        except ProtocolError:
            self.close()
            return
        for event in events:
            self._take(event)
        for stream in self._streams.values():
            # Room to send may have come for any of them.
            stream.wake()
        self._changed.set()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """End every stream."""
        self.is_lost = True
        self._may_write.set()
        self._changed.set()
        for stream in self._streams.values():
            stream.break_off()

    def pause_writing(self) -> None:
        """Wait until there is room in the buffer of the connection."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """Go on sending."""
        self._may_write.set()

    async def open(self, headers: Headers, *, ends: bool = False) -> Stream:
        """Send a request's headers, as soon as the connector allows one more stream."""
        most = self._http.remote_settings.max_concurrent_streams
        await self.until_idle(most - 1)
        if self.is_lost:
            raise BrokenOffError
        stream = Stream(self)
        stream.id = self._http.get_next_available_stream_id()
        try:
            self._http.send_headers(stream.id, headers, end_stream=ends)
        except ProtocolError:
            # HTTP/2 cannot have every header that HTTP/1.1 has.
            raise BrokenOffError from None
        self._streams[stream.id] = stream
        self._flush()
        return stream

    async def until_idle(self, streams: int) -> None:
        """Wait until no more than a number of streams is open."""
        while self.busy > streams and not self.is_lost:
            self._changed.clear()
            await self._changed.wait()

    def room(self, stream: Stream) -> int:
        """Return how much of a stream's body may be sent now."""
        try:
            window = self._http.local_flow_control_window(stream.id)
        except ProtocolError:
            raise BrokenOffError from None
        return min(window, self._http.max_outbound_frame_size)

    def send(self, stream: Stream, data: bytes) -> None:
        """Send a part of a body."""
        try:
            self._http.send_data(stream.id, data)
        except ProtocolError:
            raise BrokenOffError from None
        self._flush()

    def end(self, stream: Stream) -> None:
        """End a body, unless the connector wants no more of it."""
        try:
            self._http.end_stream(stream.id)
        except ProtocolError:
            return
        self._flush()

    def reset(self, stream: Stream) -> None:
        """Reset a stream unless it is over."""
        try:
            self._http.reset_stream(stream.id, ErrorCodes.CANCEL)
        except ProtocolError:
            return
        finally:
            self._streams.pop(stream.id, None)
            self._changed.set()
        self._flush()

    def make_room(self, stream: Stream, size: int) -> None:
        """Let the connector send more of a body, now that this much of it was read."""
        if size and not self.is_lost and stream.is_open:
            try:
                self._http.increment_flow_control_window(size, stream.id)
            except ProtocolError:
                return
            self._flush()

    async def drained(self) -> None:
        """Wait while the buffer of the connection is full."""
        await self._may_write.wait()

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    async def stop(self) -> None:
        """Hang up, and wait for the end of what is done with the connection."""
        self.close()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await self._serve(self)
        finally:
            self.close()

    def _take(self, event: Event) -> None:
        if isinstance(event, ConnectionTerminated):
            self.close()
        stream = self._streams.get(getattr(event, "stream_id", None) or 0)
        if isinstance(event, DataReceived) and event.flow_controlled_length:
            # Only streams wait for those who read slowly, not the connection that they share.
            self._http.increment_flow_control_window(event.flow_controlled_length)
        if stream is None:
            return
        stream.take(event)
        if isinstance(event, StreamReset):
            del self._streams[stream.id]

    def _flush(self) -> None:
        data = self._http.data_to_send()
        if data and self._transport is not None and not self.is_lost:
            self._transport.write(data)
