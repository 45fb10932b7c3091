"""The dispatcher: who may say what, who hears of a loss, and that it reads no bodies."""

from __future__ import annotations

import msgspec
import pytest

from vareon_runtime import codec, envelope
from vareon_runtime.clock import SystemClock
from vareon_runtime.envelope import Kind, Request, hops, item, pack_request
from vareon_runtime.errors import InvalidMessage, NotPermitted, Overloaded, Unavailable
from vareon_runtime.identity import SHARDS, EntityId, Principal
from vareon_runtime.placement import owner_of, to_bitmap
from vareon_runtime.routing import router as router_module
from vareon_runtime.routing.link import Link
from vareon_runtime.routing.router import Claim, Hello, Peer, Router


class RecordingLink(Link):
    def __init__(self) -> None:
        super().__init__(wire=None)
        self.full = False

    def send(self, item: bytes, *, reserved: bool = False) -> bool:
        if self.full and not reserved:
            return False
        return super().send(item, reserved=reserved)

    def taken(self) -> list[tuple[int, int, int, bytes]]:
        batch = b"".join(self.waiting)
        self._first.clear()
        self._queue.clear()
        self._bytes = 0
        return [(h.kind, h.correlation, h.flags, batch[h.start : h.end]) for h in hops(batch)]


def peer(router: Router, role: str, name: str = "x") -> tuple[Peer, RecordingLink]:
    link = RecordingLink()
    everything = Claim(to_bitmap(range(SHARDS)), 1) if role == "host" else None
    return router.attach(link, Hello(role, name, 1, claim=everything)), link


def request(number: int = 1, *, flags: int = 0, principal: Principal | None = None) -> bytes:
    body = pack_request(
        Request(
            EntityId("counter", "a"),
            "Add",
            b"i" * 16,
            principal,
            0.0,
            b"t" * 16,
            b"s" * 8,
            b"\xff never read \xff",
        )
    )
    return item(Kind.REQUEST, flags, 3, 999, number, body)


def refusal(link: RecordingLink) -> Exception:
    (answer,) = link.taken()
    assert answer[0] == Kind.ERROR
    return codec.decode_error(answer[3])


def test_a_request_goes_to_the_host_and_its_reply_comes_back() -> None:
    router = Router(SystemClock())
    front, front_link = peer(router, "front_door")
    host, host_link = peer(router, "host")
    router.receive(front, request(7) + request(8))
    passed = host_link.taken()
    assert [p[0] for p in passed] == [Kind.REQUEST] * 2
    assert passed[0][2] & envelope.TRUSTED
    assert passed[0][3] == request()[envelope.HOP_SIZE :]
    router.receive(host, item(Kind.REPLY, 0, 0, 0, passed[1][1], b"b"))
    router.receive(host, item(Kind.REPLY, 0, 0, 0, passed[0][1], b"a"))
    assert [(c, body) for _, c, _, body in front_link.taken()] == [(8, b"b"), (7, b"a")]
    assert router.status()["pending"] == 0
    assert router.status()["requests"] == {"counter": 2}
    router.receive(host, item(Kind.REPLY, 0, 0, 0, passed[0][1], b"again"))
    assert not front_link.taken(), "a request is answered once"


def test_only_front_doors_and_hosts_may_name_a_principal() -> None:
    router = Router(SystemClock())
    peer(router, "host")
    client, link = peer(router, "client")
    router.receive(client, request(principal=Principal("admin", ("admin",))))
    assert isinstance(refusal(link), NotPermitted)
    _, host_link = peer(router, "host", "second")
    router.receive(client, request(flags=envelope.TRUSTED))
    for _, _, flags, _ in host_link.taken():
        assert not flags & envelope.TRUSTED


def test_without_a_host_the_answer_comes_at_once() -> None:
    router = Router(SystemClock())
    front, link = peer(router, "front_door")
    router.receive(front, request())
    assert isinstance(refusal(link), Unavailable)


def test_who_waits_for_a_lost_host_hears_of_it() -> None:
    router = Router(SystemClock())
    front, link = peer(router, "front_door")
    host, _ = peer(router, "host")
    router.receive(front, request(5))
    router.detach(host)
    assert isinstance(refusal(link), Unavailable)
    assert front.in_flight == 0


def test_a_host_whose_link_is_cut_is_away_not_full() -> None:
    router = Router(SystemClock())
    front, front_link = peer(router, "front_door")
    _, host_link = peer(router, "host")
    host_link.closed = True
    router.receive(front, request())
    assert isinstance(refusal(front_link), Unavailable), "the caller's bus asks again"


def test_a_stranger_cannot_answer_for_a_host() -> None:
    router = Router(SystemClock())
    front, link = peer(router, "front_door")
    _, host_link = peer(router, "host")
    other, _ = peer(router, "client")
    router.receive(front, request(5))
    hop_id = host_link.taken()[0][1]
    router.receive(other, item(Kind.REPLY, 0, 0, 0, hop_id, b"forged"))
    assert not link.taken()


def test_a_full_queue_and_a_full_link_refuse_at_once(monkeypatch) -> None:
    router = Router(SystemClock())
    front, link = peer(router, "front_door")
    _, host_link = peer(router, "host")
    host_link.full = True
    router.receive(front, request())
    assert isinstance(refusal(link), Overloaded)
    host_link.full = False
    monkeypatch.setattr(router_module, "IN_FLIGHT_LIMIT", 1)
    router.receive(front, request(1) + request(2))
    assert isinstance(refusal(link), Overloaded)


def test_nonsense_is_refused_and_harms_nobody() -> None:
    router = Router(SystemClock())
    front, link = peer(router, "front_door")
    peer(router, "host")
    router.receive(front, item(Kind.REQUEST, 0, SHARDS, 0, 1, b"x" * 60))
    assert isinstance(refusal(link), InvalidMessage)
    router.receive(front, item(Kind.REQUEST, 0, 0, 0, 1, b"short"))
    assert isinstance(refusal(link), InvalidMessage)
    router.receive(front, item(250, 0, 0, 0, 1, b"x"))
    assert not link.taken()


def test_streams_carry_frames_credit_and_cancel() -> None:
    router = Router(SystemClock())
    front, link = peer(router, "front_door")
    host, host_link = peer(router, "host")
    router.receive(front, request(5, flags=envelope.STREAM))
    hop_id = host_link.taken()[0][1]
    router.receive(host, item(Kind.FRAME, 0, 0, 0, hop_id, b"one"))
    assert link.taken() == [(Kind.FRAME, 5, 0, b"one")]
    router.receive(front, item(Kind.CREDIT, 0, 0, 0, 5, b"c") + item(Kind.CANCEL, 0, 0, 0, 5, b""))
    assert [(k, c) for k, c, _, _ in host_link.taken()] == [
        (Kind.CREDIT, hop_id),
        (Kind.CANCEL, hop_id),
    ]
    assert front.in_flight == router.status()["pending"] == host.shares.total == 0
    router.receive(host, item(Kind.FRAME, 0, 0, 0, hop_id, b"late"))
    assert not link.taken(), "its reader has left"
    router.receive(front, request(6, flags=envelope.STREAM))
    hop_id = host_link.taken()[0][1]
    router.detach(front)
    assert [(k, c) for k, c, _, _ in host_link.taken()] == [(Kind.CANCEL, hop_id)]
    assert front.in_flight == router.status()["pending"] == host.shares.total == 0


def test_status_names_the_links() -> None:
    router = Router(SystemClock())
    front, link = peer(router, "front_door", "front-door@x")
    router.receive(front, item(Kind.STATUS, 0, 0, 0, 4, b""))
    (answer,) = link.taken()
    assert msgspec.msgpack.decode(answer[3])["links"][0]["name"] == "front-door@x"


def test_of_two_claims_to_a_shard_the_later_one_counts() -> None:
    router = Router(SystemClock())
    front, _ = peer(router, "front_door")
    old, old_link = peer(router, "host", "old")
    _, new_link = peer(router, "host", "new")
    claim = msgspec.msgpack.encode(Claim(to_bitmap({3}), 2))
    router.receive(old, item(Kind.CLAIM, 0, 0, 0, 0, claim))
    router.receive(front, request())
    assert len(old_link.taken()) == 1
    assert not new_link.taken()
    nothing = msgspec.msgpack.encode(Claim(to_bitmap(()), 3))
    router.receive(old, item(Kind.CLAIM, 0, 0, 0, 0, nothing))
    router.receive(front, request(2))
    assert len(new_link.taken()) == 1


def test_only_hosts_claim() -> None:
    router = Router(SystemClock())
    front, front_link = peer(router, "front_door")
    claim = msgspec.msgpack.encode(Claim(to_bitmap({3}), 2))
    router.receive(front, item(Kind.CLAIM, 0, 0, 0, 0, claim))
    router.receive(front, request())
    assert isinstance(refusal(front_link), Unavailable)


def test_a_host_that_comes_moves_only_its_own_shards() -> None:
    before = [owner_of(shard, ("a", "b")) for shard in range(SHARDS)]
    after = [owner_of(shard, ("a", "b", "c")) for shard in range(SHARDS)]
    assert all(now in (was, "c") for was, now in zip(before, after, strict=True))
    assert 50 < after.count("c") < 120
    assert owner_of(1, ()) is None


def test_a_caller_that_hangs_up_is_made_known_to_the_host() -> None:
    router = Router(SystemClock())
    front, link = peer(router, "front_door")
    other, _ = peer(router, "front_door")
    host, host_link = peer(router, "host")
    router.receive(front, request(7) + request(8))
    seven, eight = (p[1] for p in host_link.taken())
    router.receive(other, item(Kind.CANCEL, 0, 0, 0, 7, b""))
    assert not host_link.taken(), "only its own"
    router.receive(front, item(Kind.CANCEL, 0, 0, 0, 7, b""))
    assert [(p[0], p[1]) for p in host_link.taken()] == [(Kind.CANCEL, seven)]
    assert front.in_flight == 2, "its host answers it all the same"
    router.receive(host, item(Kind.ERROR, 0, 0, 0, seven, b"stopped"))
    assert front.in_flight == 1
    link.taken()
    router.detach(front)
    assert [(p[0], p[1]) for p in host_link.taken()] == [(Kind.CANCEL, eight)]


@pytest.mark.parametrize("number", [7, 1 << 40])
def test_a_number_is_used_once_at_a_time(number: int) -> None:
    router = Router(SystemClock())
    front, link = peer(router, "front_door")
    peer(router, "host")
    router.receive(front, request(7))
    router.receive(front, request(number))
    assert isinstance(refusal(link), InvalidMessage)
