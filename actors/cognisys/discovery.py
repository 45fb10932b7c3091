"""Model providers that can be found at start: a local Ollama, and keys in the environment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

from actors.cognisys.messages import OfferProvider, ProviderView
from actors.names import provider
from vareon_runtime.clock import SystemClock
from vareon_runtime.errors import VareonError
from vareon_runtime.identity import IdSource, Principal, seeded_ids
from vareon_runtime.routing.bus import MessageBus

OLLAMA_URL = "http://127.0.0.1:11434"
OPENAI_URL = "https://api.openai.com/v1"
OPENROUTER_URL = "https://openrouter.ai/api/v1"
MAX_MODELS = 50
MAX_LIST_BYTES = 8 * 1024 * 1024
LOCAL_WITHIN_S = 1.0
REMOTE_WITHIN_S = 5.0

_NOT_CHAT = (
    "embed",
    "bge-",
    "rerank",
    "whisper",
    "tts",
    "audio",
    "realtime",
    "transcribe",
    "image",
    "dall-e",
    "moderation",
    "search",
    "instruct",
    "davinci",
    "babbage",
    "sora",
    "computer-use",
    "deep-research",
    "codex",
)
_OPENAI_CHAT = ("gpt-", "chatgpt-", "o1", "o3", "o4", "ft:gpt-")
_OPENAI_DEFAULTS = ("gpt-4.1-mini", "gpt-4o-mini", "gpt-5-mini")
_OPENROUTER_DEFAULTS = ("openrouter/auto",)


@dataclass(frozen=True, slots=True)
class FoundProvider:
    """A provider that answered, or should have.

    Attributes:
        models: Chat models; the last one is to be the newest and so the default.
        note: Why there are none, for the terminal; never the key.
    """

    name: str
    base_url: str
    api_key: str = ""
    models: tuple[str, ...] = ()
    note: str = ""

    def __repr__(self) -> str:
        """Without the key: objects end up in logs."""
        return f"FoundProvider({self.name!r}, {self.base_url!r}, models={len(self.models)})"


class _UnreadableError(Exception):
    """A list of models could not be had; the text says why."""


async def discover(
    environ: Mapping[str, str], *, ollama_url: str = OLLAMA_URL
) -> list[FoundProvider]:
    """Look for providers; never raises and takes some seconds at most.

    Ollama stands first and keys that the operator gave stand last, so that the default model
    is one of theirs.
    """
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        looked = await asyncio.gather(
            _ollama(session, ollama_url),
            _openrouter(session, environ),
            _openai(session, environ),
        )
    return [found for found in looked if found is not None]


async def offer(
    bus: MessageBus,
    found: Iterable[FoundProvider],
    existing: Mapping[str, str],
    *,
    principal: Principal | None = None,
    ids: IdSource | None = None,
) -> list[FoundProvider]:
    """Make the found providers known; known ones only gain models and a changed key.

    Args:
        bus: Reaches the hosts.
        found: What `discover` returned, in that order.
        existing: Ids of the providers in the database, under their names and, so that a
            renamed one is known again, under their addresses.
        principal: An administrator; None is the system itself.
        ids: Where a new provider's id comes from.

    Returns:
        The same providers; the note of one that could not be stored says why.
    """
    source = ids or seeded_ids(SystemClock())
    told = []
    for one in found:
        note = one.note
        if one.models:
            known = existing.get(one.name) or existing.get(one.base_url)
            provider_id = known or source.text_id()
            try:
                await _offer_one(bus, provider_id, one, principal)
            except VareonError as error:
                note = error.detail
        told.append(FoundProvider(one.name, one.base_url, one.api_key, one.models, note))
    return told


async def _offer_one(
    bus: MessageBus, provider_id: str, one: FoundProvider, principal: Principal | None
) -> ProviderView:
    message = OfferProvider(
        name=one.name, base_url=one.base_url, api_key=one.api_key, models=one.models
    )
    return await bus.ask(provider(provider_id), message, principal=principal)


async def _ollama(session: aiohttp.ClientSession, url: str) -> FoundProvider | None:
    try:
        listed = await _get(session, f"{url}/api/tags", "", LOCAL_WITHIN_S)
    except _UnreadableError:
        return None
    names = [
        name
        for model in _entries(listed, "models")
        if isinstance(name := model.get("name"), str) and _may_chat(name)
    ]
    note = "" if names else "it runs but has no chat model; try: ollama pull llama3.2"
    return FoundProvider(
        "Ollama", f"{url}/v1", models=_default_last(names[:MAX_MODELS], None, ()), note=note
    )


async def _openai(
    session: aiohttp.ClientSession, environ: Mapping[str, str]
) -> FoundProvider | None:
    url = environ.get("OPENAI_BASE_URL", "").strip().rstrip("/") or OPENAI_URL
    prefixes = _OPENAI_CHAT if url == OPENAI_URL else ("",)
    return await _with_key(session, environ, "OpenAI", "OPENAI", url, prefixes, _OPENAI_DEFAULTS)


async def _openrouter(
    session: aiohttp.ClientSession, environ: Mapping[str, str]
) -> FoundProvider | None:
    return await _with_key(
        session, environ, "OpenRouter", "OPENROUTER", OPENROUTER_URL, ("",), _OPENROUTER_DEFAULTS
    )


async def _with_key(
    session: aiohttp.ClientSession,
    environ: Mapping[str, str],
    name: str,
    variable: str,
    url: str,
    prefixes: tuple[str, ...],
    defaults: tuple[str, ...],
) -> FoundProvider | None:
    key = environ.get(f"{variable}_API_KEY", "").strip()
    if not key:
        return None
    chosen = environ.get(f"{variable}_MODEL", "").strip() or None
    try:
        listed = await _get(session, f"{url}/models", key, REMOTE_WITHIN_S)
    except _UnreadableError as error:
        only = (chosen,) if chosen else ()
        return FoundProvider(name, url, key, only, str(error))
    names = [
        model["id"]
        for model in sorted(_entries(listed, "data"), key=_age, reverse=True)
        if isinstance(model.get("id"), str)
        and model["id"].startswith(prefixes)
        and _may_chat(model["id"])
    ]
    models = _default_last(names, chosen, defaults)
    return FoundProvider(name, url, key, models, "" if models else "it lists no chat model")


def _default_last(
    newest_first: list[str], chosen: str | None, defaults: tuple[str, ...]
) -> tuple[str, ...]:
    """At most 50 names, the one that should be the default at the end."""
    names = list(dict.fromkeys(newest_first))
    default = chosen or next((name for name in defaults if name in names), None)
    if default is None:
        return tuple(reversed(names[:MAX_MODELS]))
    others = [name for name in names if name != default][: MAX_MODELS - 1]
    return (*reversed(others), default)


def _may_chat(name: str) -> bool:
    lowered = name.lower()
    return len(name) <= 200 and not any(word in lowered for word in _NOT_CHAT)


def _age(model: dict[str, Any]) -> float:
    created = model.get("created")
    return float(created) if isinstance(created, int | float) else 0.0


def _entries(listed: Any, field: str) -> list[dict[str, Any]]:
    found = listed.get(field) if isinstance(listed, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


async def _get(session: aiohttp.ClientSession, url: str, key: str, within_s: float) -> Any:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        async with (
            asyncio.timeout(within_s),
            session.get(url, headers=headers, allow_redirects=False) as response,
        ):
            if response.status in (401, 403):
                raise _UnreadableError("the key is not accepted")
            if response.status != 200:
                raise _UnreadableError(f"its list of models answers HTTP {response.status}")
            return msgspec.json.decode(await _bounded(response))
    except TimeoutError:
        raise _UnreadableError(f"no answer within {within_s:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        reason = "offline" if isinstance(error, OSError) else "its list of models is unreadable"
        raise _UnreadableError(reason) from None


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > MAX_LIST_BYTES:
            raise _UnreadableError("its list of models is too long")
    return bytes(body)
