"""One link of a router, from its introduction to its end."""

from __future__ import annotations

import asyncio

import msgspec

from vareon_runtime.envelope import Kind, hops
from vareon_runtime.routing.link import Link, Wire
from vareon_runtime.routing.router import Hello, Router

HELLO_WITHIN_S = 5.0


async def serve(router: Router, wire: Wire, links: set[Link]) -> None:
    """Give what comes over a wire to the router, until either side hangs up.

    The link is among ``links`` meanwhile, for whoever wants to flush it or to hang up.
    """
    first = await _first(wire)
    hello = read_hello(first) if first else None
    if first is None or hello is None:
        await wire.close()
        return
    link = Link(wire)
    links.add(link)
    peer = router.attach(link, hello)
    rest = first[hops(first)[0].end :]
    try:
        if rest:
            router.receive(peer, rest)
        await link.run(lambda batch: router.receive(peer, batch))
    finally:
        links.discard(link)
        router.detach(peer)


def read_hello(batch: bytes) -> Hello | None:
    """The introduction a link begins with; None if it is not one."""
    try:
        first = hops(batch)[0]
        if first.kind != Kind.HELLO:
            return None
        return msgspec.msgpack.decode(batch[first.start : first.end], type=Hello)
    except (ValueError, IndexError, msgspec.MsgspecError):
        return None


async def _first(wire: Wire) -> bytes | None:
    try:
        async with asyncio.timeout(HELLO_WITHIN_S):
            return await wire.receive()
    except TimeoutError:
        return None
