"""The client of OpenAI-compatible servers, against a real one over loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from actors.cognisys.completion import Chunk, Deadlines, Said
from actors.cognisys.destination import Destinations
from actors.cognisys.keyring import KeyRing
from actors.cognisys.messages import ModelRoute
from actors.cognisys.openai_wire import OpenAiWire
from tests.support.upstream import Upstream, answer_to
from vareon_runtime.errors import (
    Overloaded,
    UpstreamError,
    UpstreamIncomplete,
    UpstreamInvalid,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
)

KEYS = KeyRing(("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=",))
SECRET = "sk-very-secret-0123456789"
QUICK = Deadlines(connect_s=1.0, first_token_s=0.4, between_s=0.3, total_s=1.0)
HELLO = [Said("user", "hello there")]


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as server:
        yield server


@pytest.fixture
async def wire() -> AsyncIterator[OpenAiWire]:
    client = OpenAiWire(KEYS, Destinations())
    yield client
    await client.close()


@pytest.fixture
async def quick() -> AsyncIterator[OpenAiWire]:
    client = OpenAiWire(KEYS, Destinations(), QUICK)
    yield client
    await client.close()


def route_to(base_url: str, model: str = "fake-small", secret: str = SECRET) -> ModelRoute:
    return ModelRoute(
        model_name=model,
        reason="test",
        provider_name="Fake",
        base_url=base_url,
        anywhere=True,
        api_key_encrypted=KEYS.encrypt(secret),
    )


async def collect(wire: OpenAiWire, route: ModelRoute, prompt: list[Said] = HELLO) -> list[Chunk]:
    return [chunk async for chunk in wire.stream(route, prompt)]


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


async def test_streams_an_answer(upstream: Upstream, wire: OpenAiWire) -> None:
    """Text, finish reason and counts arrive; prompt, key and settings were sent."""
    prompt = [Said("user", "one"), Said("assistant", "two"), Said("user", "three four")]
    chunks = await collect(wire, route_to(upstream.base_url), prompt)
    assert text_of(chunks) == "(3) You said: three four"
    assert len([chunk for chunk in chunks if chunk.text]) == 5
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["stop"]
    assert chunks[-1].prompt_tokens == 3
    request = upstream.requests[0]
    assert request.messages == [{"role": said.role, "content": said.content} for said in prompt]
    assert request.headers["Authorization"] == f"Bearer {SECRET}"
    assert request.body["temperature"] == 0.7


async def test_pieces_come_as_they_are_sent(upstream: Upstream, wire: OpenAiWire) -> None:
    """The first piece is there while the server still holds the rest."""
    upstream.script("gate")
    async with aclosing(wire.stream(route_to(upstream.base_url), HELLO)) as chunks:
        first = await anext(chunks)
        assert first.text == "(1) "
        upstream.release()
        rest = [chunk async for chunk in chunks]
    assert first.text + text_of(rest) == "(1) You said: hello there"


async def test_a_connection_is_used_again(upstream: Upstream, wire: OpenAiWire) -> None:
    """Answers one after another share a connection."""
    for _ in range(3):
        await collect(wire, route_to(upstream.base_url))
    assert len({request.connection for request in upstream.requests}) == 1


async def test_many_at_once(upstream: Upstream, wire: OpenAiWire) -> None:
    """More answers than connections all arrive."""
    prompts = [[Said("user", f"number {number}")] for number in range(100)]
    answers = await asyncio.gather(
        *(collect(wire, route_to(upstream.base_url), prompt) for prompt in prompts)
    )
    expected = [answer_to([{"content": prompt[0].content}]) for prompt in prompts]
    assert [text_of(answer) for answer in answers] == expected
    assert len({request.connection for request in upstream.requests}) <= 64


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ("401", UpstreamRejected),
        ("403", UpstreamRejected),
        ("404", UpstreamRejected),
        ("429", UpstreamRateLimited),
        ("500", UpstreamUnreachable),
        ("503", UpstreamUnreachable),
        ("silence", UpstreamTimeout),
        ("silence-after-head", UpstreamTimeout),
        ("stall", UpstreamTimeout),
        ("cut", UpstreamIncomplete),
        ("reset", UpstreamUnreachable),
        ("no-done", UpstreamIncomplete),
        ("garbage", UpstreamInvalid),
        ("binary", UpstreamInvalid),
        ("web-page", UpstreamInvalid),
        ("huge", UpstreamInvalid),
        ("error-event", UpstreamUnreachable),
        ("limit-event", UpstreamRateLimited),
        ("redirect", UpstreamRejected),
        ("quotes-key", UpstreamRejected),
    ],
)
async def test_every_fault_is_a_typed_error(
    upstream: Upstream, quick: OpenAiWire, behaviour: str, expected: type[UpstreamError]
) -> None:
    """Each fault has its type, a sentence, and never the key."""
    upstream.script(behaviour)
    begin = asyncio.get_running_loop().time()
    with pytest.raises(UpstreamError) as caught:
        await collect(quick, route_to(upstream.base_url))
    assert type(caught.value) is expected
    assert caught.value.detail.endswith(".")
    assert SECRET not in caught.value.detail
    assert asyncio.get_running_loop().time() - begin < 3.0
    assert text_of(await collect(quick, route_to(upstream.base_url))) == answer_to(
        [{"content": "hello there"}]
    )


async def test_retry_after_is_passed_on(upstream: Upstream, wire: OpenAiWire) -> None:
    """The wait that the provider asks for reaches the caller."""
    upstream.script("429")
    with pytest.raises(UpstreamRateLimited) as caught:
        await collect(wire, route_to(upstream.base_url))
    assert caught.value.retry_after_s == 7.0


async def test_a_slow_answer_ends_at_the_total(upstream: Upstream, quick: OpenAiWire) -> None:
    """Every piece in time does not help an answer that never ends."""
    prompt = [Said("user", "word " * 100)]
    with pytest.raises(UpstreamTimeout, match="not finished within 1 s"):
        await collect(quick, route_to(upstream.base_url, "pace-50"), prompt)


async def test_a_closed_port_is_unreachable(wire: OpenAiWire) -> None:
    """Nobody listening is said so."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/v1"
        with pytest.raises(UpstreamUnreachable, match="refuses connections"):
            await collect(wire, route_to(url))


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ("plain-json", "(1) You said: hello there"),
        ("split", "Grüße 👋🏽 there"),
        ("finish-without-done", "(1) You said: hello there"),
    ],
)
async def test_odd_servers_are_understood(
    upstream: Upstream, wire: OpenAiWire, behaviour: str, expected: str
) -> None:
    """No streaming, cut characters and a missing last event are no errors."""
    upstream.script(behaviour)
    assert text_of(await collect(wire, route_to(upstream.base_url))) == expected


async def test_a_refused_setting_is_left_out(upstream: Upstream, wire: OpenAiWire) -> None:
    """A model that refuses the temperature is asked without it, and that is remembered."""
    route = route_to(upstream.base_url, "fault-refuse-temperature")
    for _ in range(2):
        assert text_of(await collect(wire, route)) == "(1) You said: hello there"
    assert ["temperature" in request.body for request in upstream.requests] == [
        True,
        False,
        False,
    ]


async def test_a_stale_connection_is_replaced(wire: OpenAiWire) -> None:
    """A kept connection that the server closes on use costs one retry, not an error."""
    answered = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        while await _request(reader):
            if answered == 1:
                answered += 1
                break
            answered += 1
            body = b'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\n'
            body += b"data: [DONE]\n\n"
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n"
            head += "Content-Type: text/event-stream\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        route = route_to(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
        assert text_of(await collect(wire, route)) == "hi"
        assert text_of(await collect(wire, route)) == "hi"
        await wire.close()
    assert answered == 3


async def _request(reader: asyncio.StreamReader) -> bool:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return False
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    )
    await reader.readexactly(length)
    return True


async def test_an_abandoned_answer_gives_its_connection_up(
    upstream: Upstream, wire: OpenAiWire
) -> None:
    """A cancelled turn leaves nothing behind that the next one would read."""
    upstream.script("gate")
    async with aclosing(wire.stream(route_to(upstream.base_url), HELLO)) as chunks:
        await anext(chunks)
    assert text_of(await collect(wire, route_to(upstream.base_url))) == "(1) You said: hello there"


async def test_waiting_for_a_free_connection_is_not_silence(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider's time begins when its connection is free; the wait for it ends, too."""
    monkeypatch.setattr("actors.cognisys.openai_wire.CONNECTIONS_PER_ENDPOINT", 1)
    wire = OpenAiWire(KEYS, Destinations(), Deadlines(free_s=1.0, first_token_s=0.4))
    route = route_to(upstream.base_url)
    upstream.script("gate")
    async with aclosing(wire.stream(route, HELLO)) as chunks:
        await anext(chunks)
        with pytest.raises(Overloaded):
            await collect(wire, route)
        patient = asyncio.create_task(collect(wire, route))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(patient), 0.6)
        upstream.release()
        async for _ in chunks:
            pass
    assert text_of(await patient) == "(1) You said: hello there"
    await wire.close()
