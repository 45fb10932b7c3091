"""Types that live for years: recorded bytes of every version stay readable."""

from __future__ import annotations

import pickle
from typing import ClassVar

import msgspec
import pytest

from vareon_runtime import codec
from vareon_runtime.entity import Delta, Event, Message, Request, Reset, State
from vareon_runtime.errors import BY_CODE, InternalError, InvalidMessage, VareonError, from_code
from vareon_runtime.identity import Principal

FIRST_VERSION = bytes.fromhex("01 81 a4 6e616d65 a3 616e6e".replace(" ", ""))
"""``{"name": "ann"}`` as version 1 of `Greet` was recorded."""


class Greet(Request[str]):
    schema_version: ClassVar[int] = 3
    upgrades: ClassVar[dict] = {
        1: lambda fields: {"first_name": fields["name"]},
        2: lambda fields: {**fields, "loud": False},
    }

    first_name: str
    loud: bool


class Tank(State):
    schema_version: ClassVar[int] = 2
    upgrades: ClassVar[dict] = {1: lambda fields: {"litres": fields["level"] * 10}}

    litres: int = 0


class Filled(Event):
    litres: int


def test_a_recorded_message_is_read_through_its_upgrades() -> None:
    assert codec.decode(Greet, FIRST_VERSION) == Greet("ann", loud=False)


def test_a_recorded_state_is_read_through_its_upgrades() -> None:
    assert codec.decode_state(Tank, 1, msgspec.msgpack.encode({"level": 3})).litres == 30
    assert codec.decode_state(Tank, 2, msgspec.msgpack.encode({"litres": 3})).litres == 3


def test_newer_or_broken_bytes_are_refused() -> None:
    newer = bytes([9]) + FIRST_VERSION[1:]
    unknown = codec.encode(Greet("a", loud=True))[:1] + msgspec.msgpack.encode({"what": 1})
    for body in (newer, unknown, b"", b"\x03\xc1", b"\x03"):
        with pytest.raises(InvalidMessage):
            codec.decode(Greet, body)
    with pytest.raises(InternalError):
        codec.decode_state(Tank, 2, b"\xc1")


@pytest.mark.parametrize("frame", [Delta("s", 1, 4, "text"), Reset("s", 2), Filled(5)])
def test_frames_come_back_as_what_they_were(frame: Message) -> None:
    assert codec.decode_frame(codec.encode_frame(frame)) == frame


def test_a_frame_nobody_here_knows_is_passed_over() -> None:
    assert codec.decode_frame(b"\x04What\x01\x80") is None


@pytest.mark.parametrize("kind", BY_CODE.values())
def test_every_error_crosses_processes_whole(kind: type[VareonError]) -> None:
    error = kind("Do this next.", 2.5, ({"loc": ["a"], "message": "no"},))
    for copy in (
        pickle.loads(pickle.dumps(error)),
        codec.decode_error(codec.encode_error(error)),
        from_code(error.code, error.detail, error.retry_after_s, error.errors),
    ):
        assert type(copy) is kind
        assert (copy.detail, copy.retry_after_s, copy.errors) == (
            error.detail,
            error.retry_after_s,
            error.errors,
        )


def test_codes_are_unique() -> None:
    def tree(kind: type[VareonError]) -> list[type[VareonError]]:
        return [kind, *(found for child in kind.__subclasses__() for found in tree(child))]

    codes = [kind.code for kind in tree(VareonError)]
    assert len(codes) == len(set(codes))


def test_a_digest_binds_name_principal_and_body() -> None:
    marks = {
        codec.digest(name, principal, body)
        for name in ("Add", "Take")
        for principal in (None, Principal("a"), Principal("a", ("admin",)))
        for body in (b"", b"x")
    }
    assert len(marks) == 12


def test_json_from_outside_is_a_body_too() -> None:
    """So that a message which was set aside can be sent again as one of ours."""
    body = codec.json_body(b'{"first_name": "ann", "loud": true}')
    assert codec.decode(Greet, body) == Greet("ann", loud=True)
    with pytest.raises(InvalidMessage):
        codec.decode(Greet, codec.json_body(b"{"))


def test_a_body_is_shown_as_json_without_its_type() -> None:
    assert msgspec.json.decode(codec.body_as_json(FIRST_VERSION) or b"") == {"name": "ann"}
    assert msgspec.json.decode(codec.body_as_json(codec.json_body(b'{"a":1}')) or b"") == {"a": 1}
    for unreadable in (b"", b"\x01\xc1", codec.json_body(b"{")):
        assert codec.body_as_json(unreadable) is None
