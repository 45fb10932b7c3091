"""Typed structs to bytes and back, across the versions of their types.

A body is one byte of schema version and msgpack. Bytes of an older version are decoded as plain
fields, led through the type's ``upgrades`` and only then checked against the type.
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from vareon_runtime.envelope import pack_principal
from vareon_runtime.errors import InternalError, InvalidMessage, VareonError, from_code
from vareon_runtime.identity import Principal
from vareon_runtime.message import Delta, Event, Reset, State

V = TypeVar("V", bound=State)
T = TypeVar("T")

_encoder = msgspec.msgpack.Encoder()
encode_plain = _encoder.encode
JSON_VERSION = 0xFF
"""Stands where a schema version would: the rest is JSON, as it came from outside."""
MAX_DIGEST = 8


_decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}
_json_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
_versions: dict[Any, bytes] = {}
"""By type; types are few and live as long as the process."""


def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    found = _decoders.get(kind)
    if found is None:
        found = _decoders[kind] = msgspec.msgpack.Decoder(kind)
    return found


def _json_decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    found = _json_decoders.get(kind)
    if found is None:
        found = _json_decoders[kind] = msgspec.json.Decoder(kind)
    return found


def _version_byte(kind: Any) -> bytes:
    found = _versions.get(kind)
    if found is None:
        found = _versions[kind] = bytes((getattr(kind, "schema_version", 0),))
    return found


def encode(value: Any) -> bytes:
    """A message, or any msgpack-encodable value, as a body."""
    return _version_byte(type(value)) + encode_plain(value)


def decode(kind: type[T], body: bytes) -> T:
    """The value of a body.

    Raises:
        InvalidMessage: If the body does not fit the type.
    """
    if not body:
        raise InvalidMessage("The message has no body.")
    try:
        if body[0] == JSON_VERSION:
            return decode_json(kind, bytes(body[1:]))
        expected = _version_byte(kind)[0]
        if body[0] == expected or expected == 0:
            value: T = _decoder(kind).decode(memoryview(body)[1:])
        else:
            value = upgraded(kind, body[0], memoryview(body)[1:])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidMessage(f"The message does not fit its type: {error}.") from error
    return value


def decode_json(kind: type[T], body: bytes) -> T:
    """The value of a JSON body.

    Raises:
        InvalidMessage: If it is not JSON or does not fit the type.
    """
    try:
        value: T = _json_decoder(kind).decode(body or b"{}")
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidMessage(f"The body does not fit {kind.__name__}: {error}.") from error
    return value


def json_body(text: bytes) -> bytes:
    """JSON from outside as a body that `decode` reads."""
    return bytes((JSON_VERSION,)) + text


def body_as_json(body: bytes) -> bytes | None:
    """A body as JSON without knowing its type; None if it cannot be shown so."""
    try:
        if body[:1] == bytes((JSON_VERSION,)):
            return msgspec.json.format(body[1:], indent=0)
        return msgspec.json.encode(msgspec.msgpack.decode(body[1:]))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, TypeError, ValueError):
        return None


def encode_json(value: Any) -> bytes:
    """A value as JSON."""
    return msgspec.json.encode(value)


def decode_state(kind: type[V], version: int, raw: bytes) -> V:
    """A stored state, upgraded to the type's present version.

    Raises:
        InternalError: If it was written by newer code or does not fit.
    """
    try:
        if version == kind.schema_version:
            value: V = _decoder(kind).decode(raw)
        else:
            value = upgraded(kind, version, raw)
    except msgspec.MsgspecError as error:
        raise InternalError(f"A stored {kind.__name__} cannot be read: {error}.") from error
    return value


def upgraded(kind: Any, version: int, raw: Any) -> Any:
    """Bytes of an older version as the present type.

    Raises:
        InvalidMessage: If the version is newer than this code, or a step is missing.
    """
    wanted = kind.schema_version
    if version > wanted:
        raise InvalidMessage(
            f"{kind.__name__} version {version} is newer than this program's {wanted}; upgrade it."
        )
    fields = msgspec.msgpack.decode(raw)
    while version < wanted:
        step = kind.upgrades.get(version)
        if step is None:
            raise InvalidMessage(f"{kind.__name__} cannot be read from version {version}.")
        fields = step(fields)
        version += 1
    return msgspec.convert(fields, kind)


def encode_error(error: VareonError) -> bytes:
    """An error for the wire."""
    return encode_plain((error.code, error.detail, error.retry_after_s, error.errors))


def decode_error(payload: bytes) -> VareonError:
    """The error that `encode_error` wrote."""
    code, detail, retry_after_s, errors = msgspec.msgpack.decode(payload)
    return from_code(code, detail, retry_after_s, tuple(errors))


def encode_frame(frame: Delta | Reset | Event) -> bytes:
    """A stream frame: its type's name and body."""
    name = type(frame).__name__.encode()
    return bytes((len(name),)) + name + encode(frame)


def decode_frame(payload: bytes) -> Delta | Reset | Event | None:
    """The frame; None if its type is not known to this process."""
    split = 1 + payload[0]
    kind = _frame_types(payload[1:split].decode())
    return None if kind is None else decode(kind, payload[split:])


@cache
def _frame_types(name: str) -> type[Any] | None:
    waiting: list[type[Any]] = [Delta, Reset, Event]
    while waiting:
        kind = waiting.pop()
        if kind.__name__ == name:
            return kind
        waiting.extend(kind.__subclasses__())
    return None


def digest(name: str, principal: Principal | None, body: bytes) -> bytes:
    """What an id is bound to: eight bytes of the message's name, principal and body."""
    mark = blake2b(body, digest_size=MAX_DIGEST)
    mark.update(name.encode())
    mark.update(pack_principal(principal))
    return mark.digest()
