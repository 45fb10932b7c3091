"""Bytes on the wire: whatever is packed comes out the same, and nonsense is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vareon_runtime import envelope
from vareon_runtime.envelope import Kind, Request, Wait, hops, item, pack_request, unpack_request
from vareon_runtime.identity import EntityId, Principal

texts = st.text(min_size=1, max_size=40).filter(lambda text: "\x1f" not in text)
principals = st.none() | st.builds(Principal, texts, st.lists(texts, max_size=3).map(tuple))
requests = st.builds(
    Request,
    target=st.builds(EntityId, texts, texts),
    name=texts,
    message_id=st.binary(min_size=16, max_size=16),
    principal=principals,
    within_s=st.floats(allow_nan=False),
    trace_id=st.binary(min_size=16, max_size=16),
    span_id=st.binary(min_size=8, max_size=8),
    body=st.binary(max_size=300),
    waits=st.lists(
        st.builds(
            Wait,
            st.builds(EntityId, st.from_regex(r"[a-z]{1,9}", fullmatch=True), texts),
            st.binary(min_size=16, max_size=16),
        ),
        max_size=3,
    ).map(tuple),
    fingerprint=st.just(b""),
    expected=st.none(),
)


@given(requests)
def test_a_request_survives_the_wire(request: Request) -> None:
    payload = pack_request(request)
    assert unpack_request(payload) == request
    assert envelope.target_kind(payload, 0) == request.target.kind.encode()
    assert envelope.carries_principal(payload, 0) == (request.principal is not None)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(Kind)),
            st.integers(0, 255),
            st.integers(0, 255),
            st.binary(max_size=50),
        ),
        max_size=20,
    )
)
def test_a_batch_is_its_items(parts: list[tuple[Kind, int, int, bytes]]) -> None:
    batch = b"".join(
        item(kind, flags, shard, 7, n, body) for n, (kind, flags, shard, body) in enumerate(parts)
    )
    found = hops(batch)
    assert [(h.kind, h.flags, h.shard, batch[h.start : h.end]) for h in found] == parts
    assert [h.correlation for h in found] == list(range(len(parts)))


@given(requests, st.integers(min_value=1))
def test_a_cut_batch_is_refused(request: Request, cut: int) -> None:
    batch = item(Kind.REQUEST, 0, 0, 0, 1, pack_request(request))
    with pytest.raises(ValueError, match="ends inside"):
        hops(batch[: -(cut % (len(batch) - 1)) - 1])


@given(st.binary(max_size=120))
def test_nonsense_is_a_value_error_or_a_request(payload: bytes) -> None:
    try:
        unpack_request(payload)
    except ValueError:
        pass


@given(
    body=st.binary(max_size=40),
    fingerprint=st.sampled_from([b"", b"12345678"]),
    expected=st.none() | st.integers(0, 2**64 - 1),
)
def test_what_comes_before_a_body_is_taken_off_it(
    body: bytes, fingerprint: bytes, expected: int | None
) -> None:
    """Whatever of it there is."""
    flags, before = envelope.prefix(fingerprint, expected)
    found = envelope.opened(_sent(before + body), flags | envelope.TRUSTED)
    assert (found.body, found.fingerprint, found.expected) == (body, fingerprint, expected)


@pytest.mark.parametrize("flags", [envelope.KEYED, envelope.GUARDED, envelope.PREFIXED])
def test_what_lacks_it_is_refused(flags: int) -> None:
    """It would be taken for the body."""
    with pytest.raises(ValueError, match="comes"):
        envelope.opened(_sent(b"1234567"), flags | envelope.TRUSTED)


def _sent(body: bytes) -> Request:
    return Request(EntityId("a", "b"), "Add", bytes(16), None, 1.0, bytes(16), bytes(8), body)
