"""A bad network between workers and their broker.

Passes WebSocket frames on and, once it blows, delays them, cuts and resets
connections, also in the middle of a frame, stalls them (open, and silent),
for a while or until the end, turns new ones away, and swallows
acknowledgements of either side.
"""

import asyncio
import collections
import json
import random
import socket
import struct

from harness import aio

LATENCIES = [0, 0, 0, 0.005, 0.05, 0.2]
SWALLOWED = 0.02        # of acknowledgements
FAULT_PAUSE = 0.5       # mean seconds between faults
STALL = 6.0             # mean seconds
FOR_GOOD = 0.1          # of stalls: until the peer gives up, or the end
HALF = 0.3              # of cuts: in the middle of a frame
ACKS = ("ack", "client_ack")


async def read_frame(reader):
    """One WebSocket frame: (as it travels, payload as it was meant)."""
    head = await reader.readexactly(2)
    size = head[1] & 0x7f
    more = b""
    if size >= 126:
        more = await reader.readexactly(2 if size == 126 else 8)
        size = int.from_bytes(more, "big")
    mask = await reader.readexactly(4) if head[1] & 0x80 else b""
    data = await reader.readexactly(size)
    text = data
    if mask and size < 512:     # more is no acknowledgement
        text = bytes(c ^ mask[i % 4] for i, c in enumerate(data))
    return head + more + mask + data, text if size < 512 else b""


class Link:
    """One connection, and its other half to the broker."""

    def __init__(self, proxy, reader, writer):
        self.proxy = proxy
        self.client = reader, writer
        self.broker = None
        self.latency = proxy.rng.choice(LATENCIES) if proxy.bad else 0
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.half = False           # break off within the next frame

    async def run(self):
        try:
            self.broker = await asyncio.open_connection(
                "127.0.0.1", self.proxy.upstream())
        except OSError:
            self.client[1].close()
            return
        pumps = [asyncio.ensure_future(p) for p in (
            self.pump(self.client[0], self.broker[1]),
            self.pump(self.broker[0], self.client[1]))]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for p in pumps:
            p.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        for _, writer in (self.client, self.broker):
            writer.close()

    async def pump(self, reader, writer):
        """Until either side ends."""
        queue = asyncio.Queue(1000)
        writing = asyncio.ensure_future(self.write(queue, writer))
        try:
            await queue.put((0, await reader.readuntil(b"\r\n\r\n")))
            while True:
                raw, text = await read_frame(reader)
                if self.swallow(text):
                    continue
                due = asyncio.get_running_loop().time() + self.latency
                await queue.put((due, raw))
        except (OSError, asyncio.IncompleteReadError,
                asyncio.LimitOverrunError):
            await queue.put((0, None))
            await writing
        finally:
            writing.cancel()

    async def write(self, queue, writer):
        loop = asyncio.get_running_loop()
        try:
            while True:
                due, raw = await queue.get()
                if due > loop.time():
                    await asyncio.sleep(due - loop.time())
                await self.flowing.wait()
                if raw is None:
                    return
                if self.half and len(raw) > 2:
                    writer.write(raw[:len(raw) // 2])
                    await writer.drain()
                    self.reset()
                    return
                writer.write(raw)
                await writer.drain()
        except OSError:
            pass

    def swallow(self, text):
        if not self.proxy.bad or self.proxy.rng.random() >= SWALLOWED:
            return False
        try:
            kind = json.loads(text)["type"]
        except (ValueError, KeyError, TypeError):
            return False
        if kind not in ACKS:
            return False
        self.proxy.count[f"{kind} swallowed"] += 1
        return True

    def reset(self):
        for half in self.client, self.broker:
            if half is None:
                continue
            sock = half[1].get_extra_info("socket")
            if sock is not None:
                try:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                    struct.pack("ii", 1, 0))
                except OSError:
                    pass
            half[1].transport.abort()
        self.flowing.set()

    def cut(self):
        for half in self.client, self.broker:
            if half is not None:
                half[1].close()
        self.flowing.set()

    async def stall(self, seconds):
        self.flowing.clear()
        if seconds is None:
            return
        await asyncio.sleep(seconds)
        self.flowing.set()


class Proxy:
    def __init__(self):
        self.bad = False
        self.rng = None
        self.links = set()
        self.count = collections.Counter()
        self._server = self._blowing = None
        self._broker = None

    def start(self, broker):
        """The URL to use instead of the broker's."""
        self._broker = broker

        async def go():
            self._server = await asyncio.start_server(
                self._serve, "127.0.0.1", 0)
            return self._server.sockets[0].getsockname()[1]
        self.port = aio.run(go())
        return f"ws://127.0.0.1:{self.port}/ws"

    def upstream(self):
        return self._broker.port

    async def _serve(self, reader, writer):
        if self.bad and self.rng.random() < 0.1:
            self.count["turned away"] += 1
            writer.transport.abort()
            return
        link = Link(self, reader, writer)
        self.links.add(link)
        try:
            await link.run()
        finally:
            self.links.discard(link)

    def blow(self, seed):
        """From now on it is bad."""
        self.rng = random.Random(seed)
        self.bad = True

        async def go():
            self._blowing = asyncio.ensure_future(self._faults())
        aio.run(go())

    async def _faults(self):
        while True:
            await asyncio.sleep(self.rng.expovariate(1 / FAULT_PAUSE))
            if not self.links:
                continue
            link = self.rng.choice(sorted(self.links, key=id))
            what = self.rng.choice(["cut", "reset", "stall", "slow"])
            self.count[what] += 1
            if what == "slow":
                link.latency = self.rng.choice(LATENCIES)
            elif what == "stall":
                seconds = self.rng.expovariate(1 / STALL)
                if self.rng.random() < FOR_GOOD:
                    seconds = None
                    self.count["stall for good"] += 1
                asyncio.ensure_future(link.stall(seconds))
            elif self.rng.random() < HALF:
                link.half = True
            elif what == "cut":
                link.cut()
            else:
                link.reset()

    def heal(self):
        """From now on it is good; what hangs is reset."""
        self.bad = False

        async def go():
            self._blowing.cancel()
            for link in self.links:
                link.latency = 0
                link.half = False
                if not link.flowing.is_set():
                    link.reset()
        aio.run(go())

    def close(self):
        async def go():
            self._server.close()
            for link in list(self.links):
                link.reset()
        aio.run(go())
