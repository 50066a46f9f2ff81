import asyncio
import contextlib
import time

import pytest

from common.local_processes import free_port
from common.testing.tcp_proxy import TcpProxy


class Echo:
    """Says everything back, and remembers how its connections ended."""

    def __init__(self):
        self.ends = []

    async def serve(self, reader, writer):
        try:
            while chunk := await reader.read(65536):
                writer.write(chunk)
                await writer.drain()
            self.ends.append("closed")
        except ConnectionResetError:
            self.ends.append("reset")
        finally:
            writer.close()


@pytest.fixture
async def echo():
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    echo.port = server.sockets[0].getsockname()[1]
    yield echo
    server.close()


@pytest.fixture
async def proxy(echo):
    async with TcpProxy("127.0.0.1", echo.port, seed=1) as proxy:
        yield proxy


@contextlib.asynccontextmanager
async def connected(proxy):
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def say(streams, message, timeout_s=5):
    reader, writer = streams
    writer.write(message)
    async with asyncio.timeout(timeout_s):
        return await reader.readexactly(len(message))


async def until(condition, timeout_s=5):
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_healthy_network_carries_everything_unchanged_and_fast(proxy):
    message = bytes(range(256)) * 40_000
    async with connected(proxy) as streams:
        reader, writer = streams
        begun_at = time.monotonic()
        writer.write(message)
        assert await reader.readexactly(len(message)) == message
        assert time.monotonic() - begun_at < 10


async def test_connections_are_counted_and_a_close_is_passed_on(proxy, echo):
    async with connected(proxy) as first, connected(proxy) as second:
        await say(first, b"1")
        await say(second, b"2")
        assert proxy.connections == 2

    await until(lambda: proxy.connections == 0)
    assert proxy.accepted == 2
    assert echo.ends == ["closed", "closed"]


async def test_a_half_closed_connection_still_hears_the_answer(proxy):
    async with connected(proxy) as (reader, writer):
        writer.write(b"question")
        writer.write_eof()

        assert await reader.read() == b"question"


async def test_latency_is_per_direction_and_can_be_changed_at_any_time(proxy):
    async with connected(proxy) as streams:
        proxy.down.latency_s = 0.3
        assert 0.3 <= await timed(say(streams, b"slow")) < 2

        proxy.up.latency_s = 0.2
        assert 0.5 <= await timed(say(streams, b"slower")) < 2

        proxy.heal()
        assert await timed(say(streams, b"fast")) < 0.29


async def test_latency_delays_bytes_and_does_not_narrow_the_pipe(proxy):
    proxy.down.latency_s = 0.2
    async with connected(proxy) as streams:
        assert await timed(say(streams, b"x" * 500_000)) < 1.4


async def test_jitter_never_reorders_bytes(proxy):
    proxy.down.latency_s = 0.02
    proxy.down.jitter_s = 0.02
    message = b"".join(b"%04d" % number for number in range(200))
    async with connected(proxy) as (reader, writer):
        for start in range(0, len(message), 4):
            writer.write(message[start : start + 4])
            await asyncio.sleep(0.001)
        assert await reader.readexactly(len(message)) == message


async def test_bandwidth_is_kept(proxy):
    proxy.down.bytes_per_s = 64_000
    async with connected(proxy) as streams:
        assert 0.4 < await timed(say(streams, b"x" * 32_000)) < 4


async def test_a_slicer_sends_single_bytes(proxy):
    proxy.down.slice_bytes = 1
    proxy.down.slice_delay_s = 0.001
    async with connected(proxy) as (reader, writer):
        writer.write(b"abcdefgh")
        chunks = []
        while sum(map(len, chunks)) < 8:
            chunks.append(await reader.read(100))
        assert b"".join(chunks) == b"abcdefgh"
        assert len(chunks) > 4


async def test_a_connection_is_closed_when_it_has_carried_its_limit(proxy):
    proxy.down.limit_bytes = 10
    async with connected(proxy) as (reader, writer):
        writer.write(b"x" * 25)

        assert await reader.read() == b"x" * 10
    await until(lambda: proxy.connections == 0)


async def test_a_limited_connection_ends_although_the_sender_goes_on(proxy):
    proxy.up.limit_bytes = 10
    async with connected(proxy) as (reader, writer):
        writer.write(b"x" * 20_000_000)

        # Closed with bytes unread is a reset, and may take the last bytes with it.
        with contextlib.suppress(ConnectionResetError):
            assert (b"x" * 10).startswith(await reader.read())
        await until(lambda: proxy.connections == 0)


async def test_a_reset_reaches_both_ends(proxy, echo):
    async with connected(proxy) as streams:
        await say(streams, b"hello")

        assert proxy.reset() == 1

        with pytest.raises(ConnectionResetError):
            await say(streams, b"still there?")
    await until(lambda: echo.ends == ["reset"])
    async with connected(proxy) as streams:
        assert await say(streams, b"again") == b"again"


async def test_a_blackhole_is_silent_and_gives_everything_back_after_healing(proxy, echo):
    async with connected(proxy) as streams:
        await say(streams, b"hello")
        proxy.blackhole()

        with pytest.raises(TimeoutError):
            await say(streams, b"lost?", timeout_s=0.3)
        async with connected(proxy) as late:
            with pytest.raises(TimeoutError):
                await say(late, b"nobody", timeout_s=0.2)
            assert proxy.connections == 2

            proxy.heal()

            assert await late[0].readexactly(6) == b"nobody"
        assert await streams[0].readexactly(5) == b"lost?"


async def test_a_close_does_not_pass_a_blackhole(proxy, echo):
    async with connected(proxy) as streams:
        await say(streams, b"hello")
        proxy.blackhole()
    await asyncio.sleep(0.2)
    assert echo.ends == []

    proxy.heal()

    await until(lambda: echo.ends == ["closed"])


async def test_refused_connections_leave_the_live_ones_alone(proxy):
    async with connected(proxy) as streams:
        await say(streams, b"hello")
        await proxy.refuse()

        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", proxy.port)
        assert await say(streams, b"still here") == b"still here"

        await proxy.accept()
        async with connected(proxy) as again:
            assert await say(again, b"back") == b"back"


async def test_a_dead_server_behind_it_resets_the_client(echo):
    async with TcpProxy("127.0.0.1", free_port()) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        writer.close()


async def test_stopping_ends_what_is_open(echo):
    proxy = TcpProxy("127.0.0.1", echo.port)
    await proxy.start()
    async with connected(proxy) as streams:
        await say(streams, b"hello")

        await proxy.stop()

        with pytest.raises(ConnectionResetError):
            await say(streams, b"still there?")
    assert proxy.connections == 0


async def timed(awaitable):
    begun_at = time.monotonic()
    await awaitable
    return time.monotonic() - begun_at
