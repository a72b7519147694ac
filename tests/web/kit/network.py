"""A network between a browser and a server, in which things go wrong when a test says so.

The browser opens the network's port instead of the server's. Each request is passed on over a connection of its own.
Media goes through it as well: in the SDP that passes, the server's address becomes one of the network's.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto

from tests.web.kit.datagrams import DatagramPath, server_address, with_candidate, without_candidates
from tests.web.kit.messages import Head, read_head

CHUNK = 65_536
CHUNKS_UNDER_WAY = 1000


class WebSockets(Enum):
    """What becomes of WebSockets that begin."""

    PASS = auto()
    REFUSED = auto()  # answered with 403, as proxies do that do not know them
    SILENT = auto()  # not answered at all


class Streams(Enum):
    """What becomes of server-sent events."""

    PASS = auto()
    HELD = auto()  # nothing of an answer arrives until it is complete
    BODY_HELD = auto()  # nothing but its head


class Cut(Enum):
    """How a network is down."""

    STALLED = auto()  # nothing arrives; what is sent over TCP meanwhile arrives afterwards
    RESET = auto()  # TCP connections break, and so do new ones


class Network:
    """What lies between the browser and the server at `server_port`.

    Args:
        server_port: Of the server, on this machine.
    """

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self.udp_blocked = False
        self.websockets = WebSockets.PASS
        self.streams = Streams.PASS
        self.latency = 0.0  # seconds, each way
        self.datagrams = 0  # that have passed, both ways
        self._server_port = server_port
        self._cut: Cut | None = None
        self._is_up = asyncio.Event()
        self._writers: set[StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._paths: list[DatagramPath] = []
        self._end = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def origin(self) -> str:
        """Where the browser finds the server."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self, how: Cut = Cut.STALLED) -> None:
        """Let nothing through until `restore`: no TCP, no UDP."""
        self._do(lambda: self._go_down(how))

    def restore(self) -> None:
        self._do(self._go_up)

    @contextmanager
    def down(self, how: Cut = Cut.STALLED) -> Iterator[None]:
        """Let nothing through until the block ends."""
        self.cut(how)
        try:
            yield
        finally:
            self.restore()

    # --- in the network's own thread --------------------------------------------------------------------------

    async def run(self, ready: threading.Event) -> None:
        """Carry what comes until `stop`."""
        self._loop = asyncio.get_running_loop()
        self._is_up.set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=CHUNK)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._end.wait()
        server.close()
        for path in self._paths:
            path.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def stop(self) -> None:
        self._do(self._end.set)

    def _do(self, deed: Callable[[], None]) -> None:
        """Do something in the network's thread; returns when it is done."""
        assert self._loop is not None
        done = threading.Event()

        def do() -> None:
            deed()
            done.set()

        self._loop.call_soon_threadsafe(do)
        assert done.wait(timeout=10)

    def _go_down(self, how: Cut) -> None:
        self._cut = how
        self._is_up.clear()
        if how is Cut.RESET:
            for writer in self._writers:
                _reset(writer)

    def _go_up(self) -> None:
        self._cut = None
        self._is_up.set()

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        with self._tracked(writer), contextlib.suppress(OSError, EOFError):
            if self._cut is Cut.RESET:
                _reset(writer)
                return
            head = await read_head(reader)
            await self._is_up.wait()
            if head.is_upgrade and self.websockets is not WebSockets.PASS:
                await self._refuse(reader, writer)
                return
            await self._exchange(head, reader, writer)

    async def _refuse(self, reader: StreamReader, writer: StreamWriter) -> None:
        if self.websockets is WebSockets.REFUSED:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        else:
            await reader.read()  # until the browser gives up

    async def _exchange(self, head: Head, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port, limit=CHUNK)
        except OSError:  # there is no server
            _reset(writer)
            return
        with self._tracked(to_server):
            await self._send_request(head, reader, to_server)
            ways = (self._carry(reader, to_server), self._answer(head, from_server, writer))
            tasks = [asyncio.ensure_future(way) for way in ways]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_request(self, head: Head, reader: StreamReader, to_server: StreamWriter) -> None:
        body = b""
        if head.is_offer:
            body = without_candidates(await reader.readexactly(head.length))
            head.set("Content-Length", str(len(body)))
        if not head.is_upgrade:
            head.set("Connection", "close")
        to_server.write(head.encode() + body)

    async def _answer(self, request: Head, from_server: StreamReader, writer: StreamWriter) -> None:
        head = await read_head(from_server)
        if request.is_offer and head.is_created:
            answer = self._led_through(await from_server.readexactly(head.length))
            head.set("Content-Length", str(len(answer)))
            await self._pass(writer, head.encode() + answer)
        elif head.content_type == "text/event-stream" and self.streams is not Streams.PASS:
            await self._hold(head, from_server, writer)
        else:
            await self._pass(writer, head.encode())
            await self._carry(from_server, writer)

    async def _hold(self, head: Head, from_server: StreamReader, writer: StreamWriter) -> None:
        if self.streams is Streams.BODY_HELD:
            await self._pass(writer, head.encode())
            await self._pass(writer, await from_server.read())
        else:
            await self._pass(writer, head.encode() + await from_server.read())

    async def _carry(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Carry bytes until there are no more."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(CHUNKS_UNDER_WAY)
        loop = asyncio.get_running_loop()

        async def deliver() -> None:
            due, data = await under_way.get()
            while data:
                await asyncio.sleep(max(0.0, due - loop.time()))
                await self._pass(writer, data)
                due, data = await under_way.get()
            await self._is_up.wait()

        delivery = asyncio.ensure_future(deliver())
        try:
            data = b"-"
            while data:
                data = await reader.read(CHUNK)
                await under_way.put((loop.time() + self.latency, data))
            await delivery
        finally:
            delivery.cancel()

    async def _pass(self, writer: StreamWriter, data: bytes) -> None:
        await self._is_up.wait()
        writer.write(data)
        await writer.drain()

    def _led_through(self, answer: bytes) -> bytes:
        """Return an answer that leads the browser's datagrams through this network."""
        server = server_address(answer)
        assert server is not None, f"an answer without an IPv4 address: {answer.decode()}"
        path = DatagramPath(asyncio.get_running_loop(), server, self._carry_datagram)
        self._paths.append(path)
        return with_candidate(answer, server, path.address)

    def _carry_datagram(self, send: Callable[[], None]) -> None:
        if self.udp_blocked or self._cut:
            return
        self.datagrams += 1
        if self.latency:
            asyncio.get_running_loop().call_later(self.latency, send)
        else:
            send()

    @contextmanager
    def _tracked(self, writer: StreamWriter) -> Iterator[None]:
        self._writers.add(writer)
        try:
            yield
        finally:
            self._writers.discard(writer)
            writer.close()


def _reset(writer: StreamWriter) -> None:
    """Break a connection, so that the other side gets an error."""
    door: socket.socket = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):  # it is closed
        door.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def running_network(server_port: int) -> Iterator[Network]:
    """Run a network in front of a server until the block ends."""
    network = Network(server_port)
    ready = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(network.run(ready)))
    thread.start()
    assert ready.wait(timeout=10)
    try:
        yield network
    finally:
        network.stop()
        thread.join(timeout=10)
