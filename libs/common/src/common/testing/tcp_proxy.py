"""A TCP proxy that can make a network bad: slow, narrow, silent, broken, while it runs.

async with TcpProxy("127.0.0.1", broker.port) as proxy:
    proxy.down.latency_s = 0.2
    proxy.blackhole()
    proxy.heal()
"""

import asyncio
import contextlib
import random
import socket
import struct
import time
from dataclasses import dataclass, field, fields
from types import TracebackType
from typing import Self

from common.local_processes import free_port

_CHUNK_BYTES = 64 * 1024
# What one direction of a connection holds back before it stops reading, as a kernel's buffers do.
_HELD_BYTES = 1024 * 1024
_TICK_S = 0.01
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Toxics:
    """What is wrong in one direction; each may be changed at any time, also for live connections."""

    latency_s: float = 0
    jitter_s: float = 0
    """Latency is uniform in latency ± jitter; bytes never overtake each other."""
    bytes_per_s: float | None = None
    slice_bytes: int | None = None
    """Forward at most so many bytes at once, `slice_delay_s` apart."""
    slice_delay_s: float = 0
    limit_bytes: int | None = None
    """Close a connection once it has carried so many bytes in this direction."""
    blackhole: bool = False
    """Nothing passes, not even a close; what was sent arrives after healing, as TCP resends."""

    def heal(self) -> None:
        for toxic in fields(self):
            setattr(self, toxic.name, toxic.default)


class TcpProxy:
    """Listens on `host:port` and forwards to the server behind; toxics are per direction.

    `up` is from the client to the server, `down` the way back.
    """

    def __init__(
        self,
        server_host: str,
        server_port: int,
        *,
        port: int = 0,
        seed: int | None = None,
    ) -> None:
        """`port` 0 takes a free one and keeps it; `seed` makes the jitter repeatable."""
        self.host = "127.0.0.1"
        self.port = port
        self.up = Toxics()
        self.down = Toxics()
        self._server = (server_host, server_port)
        self._random = random.Random(seed)
        self._listener: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepted = 0

    @property
    def connections(self) -> int:
        """Connections open now."""
        return len(self._connections)

    @property
    def accepted(self) -> int:
        """Connections ever taken."""
        return self._accepted

    async def start(self) -> None:
        if self.port == 0:
            self.port = free_port(self.host)
        await self.accept()

    async def stop(self) -> None:
        """Close the listener and reset what is open."""
        await self.refuse()
        self.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Aborted transports are closed in the loop's next round.
        await asyncio.sleep(0)

    async def refuse(self) -> None:
        """New connections get ECONNREFUSED, as with no server there; live ones stay."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            # The socket is closed in the loop's next round.
            await asyncio.sleep(0)

    async def accept(self) -> None:
        """Take connections again after `refuse`."""
        if self._listener is None:
            self._listener = await asyncio.start_server(
                self._serve, self.host, self.port, limit=_CHUNK_BYTES
            )

    def blackhole(self) -> None:
        """Both directions fall silent; connections are still taken and lead nowhere."""
        self.up.blackhole = self.down.blackhole = True

    def heal(self) -> None:
        """Take all toxics away; `refuse` is ended by `accept`."""
        self.up.heal()
        self.down.heal()

    def reset(self) -> int:
        """Send RST to both ends of every live connection; how many there were."""
        connections = list(self._connections)
        for connection in connections:
            connection.reset()
        return len(connections)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._accepted += 1
        connection = _Connection([writer])
        self._connections.add(connection)
        try:
            server_reader, server_writer = await asyncio.open_connection(
                *self._server, limit=_CHUNK_BYTES
            )
            connection.writers.append(server_writer)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, server_writer, self.up, connection))
                both.create_task(self._carry(server_reader, writer, self.down, connection))
        except* OSError:
            # Refused by the server, or one side was reset: the other side is told the same.
            connection.reset()
        finally:
            connection.close()
            self._connections.discard(connection)
            self._tasks.discard(task)

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        toxics: Toxics,
        connection: "_Connection",
    ) -> None:
        """Two halves: one stamps what arrives with the time it is due, one sends it then."""
        held = _Held()
        async with asyncio.TaskGroup() as halves:
            halves.create_task(self._take(reader, held, toxics))
            halves.create_task(self._give(held, writer, toxics, connection))

    async def _take(self, reader: asyncio.StreamReader, held: "_Held", toxics: Toxics) -> None:
        due_at = 0.0
        while True:
            try:
                chunk: bytes | None = await reader.read(_CHUNK_BYTES)
            except OSError:
                # A reset travels like the bytes before it, and no faster.
                chunk = None
            delay_s = toxics.latency_s + self._random.uniform(-1, 1) * toxics.jitter_s
            due_at = max(due_at, time.monotonic() + delay_s)
            await held.put(due_at, chunk)
            if not chunk:
                return

    async def _give(
        self,
        held: "_Held",
        writer: asyncio.StreamWriter,
        toxics: Toxics,
        connection: "_Connection",
    ) -> None:
        try:
            await self._give_all(held, writer, toxics, connection)
        finally:
            held.abandon()

    async def _give_all(
        self,
        held: "_Held",
        writer: asyncio.StreamWriter,
        toxics: Toxics,
        connection: "_Connection",
    ) -> None:
        carried = 0
        while True:
            due_at, chunk = await held.get()
            while (wait_s := due_at - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            await _while_dark(toxics)
            if chunk is None:
                raise ConnectionResetError
            if not chunk:
                # Half closed: the other direction may still have something to say.
                if not writer.is_closing():
                    writer.write_eof()
                return
            view = memoryview(chunk)
            while view:
                await _while_dark(toxics)
                size = min(len(view), toxics.slice_bytes or len(view))
                if toxics.bytes_per_s is not None:
                    # Small bites, so that a change of the rate is soon felt.
                    size = min(size, max(1, int(toxics.bytes_per_s * 0.05)))
                if toxics.limit_bytes is not None:
                    size = min(size, toxics.limit_bytes - carried)
                    if size <= 0:
                        connection.close()
                        return
                if writer.is_closing():
                    return
                writer.write(view[:size])
                await writer.drain()
                carried += size
                view = view[size:]
                held.release(size)
                if toxics.bytes_per_s is not None:
                    await asyncio.sleep(size / toxics.bytes_per_s)
                if toxics.slice_bytes is not None:
                    await asyncio.sleep(toxics.slice_delay_s)
            if toxics.limit_bytes is not None and carried >= toxics.limit_bytes:
                connection.close()
                return


async def _while_dark(toxics: Toxics) -> None:
    while toxics.blackhole:
        await asyncio.sleep(_TICK_S)


class _Held:
    """Chunks on their way, bounded in bytes."""

    def __init__(self) -> None:
        self._chunks: asyncio.Queue[tuple[float, bytes | None]] = asyncio.Queue()
        self._bytes = 0
        self._is_abandoned = False
        self._has_room = asyncio.Event()
        self._has_room.set()

    async def put(self, due_at: float, chunk: bytes | None) -> None:
        await self._has_room.wait()
        self._bytes += len(chunk or b"")
        if self._bytes >= _HELD_BYTES and not self._is_abandoned:
            self._has_room.clear()
        self._chunks.put_nowait((due_at, chunk))

    async def get(self) -> tuple[float, bytes | None]:
        return await self._chunks.get()

    def abandon(self) -> None:
        """Nobody takes anything any more; who puts must not wait for that."""
        self._is_abandoned = True
        self._has_room.set()

    def release(self, size: int) -> None:
        self._bytes -= size
        if self._bytes < _HELD_BYTES:
            self._has_room.set()


@dataclass(eq=False)
class _Connection:
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def close(self) -> None:
        for writer in self.writers:
            writer.close()

    def reset(self) -> None:
        for writer in self.writers:
            transport_socket = writer.get_extra_info("socket")
            with contextlib.suppress(OSError, AttributeError):
                transport_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()
