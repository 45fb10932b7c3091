"""The built-in responder: what answers while no model is connected.

It claims nothing that it cannot do. It says that no model is connected, shows the commands
that connect one, and answers a few questions about the system from the tables.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Executable, func, select

from actors.cognisys.completion import Chunk
from vareon_runtime.clock import Clock
from vareon_runtime.models import (
    ChatMessageRow,
    ConversationRow,
    LlmModelRow,
    LlmProviderRow,
    UserRoleRow,
    UserRow,
)

Read = Callable[[Executable], Awaitable[list[Any]]]

MAX_LISTED = 50
_WORDS = re.compile(r"\s*\S+\s*|\s+")


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What the host knows of itself.

    Attributes:
        name: Of the host.
        url: Where this installation answers.
        started_s: When the host started, epoch seconds.
    """

    name: str
    url: str
    started_s: float


class Guide:
    """Answers as ``vareon/guide``.

    Args:
        facts: Of the host it runs in.
        clock: Tells how long the host has run.
    """

    def __init__(self, facts: HostFacts, clock: Clock) -> None:
        self._facts = facts
        self._clock = clock

    async def stream(self, text: str, user_id: str, read: Read) -> AsyncGenerator[Chunk, None]:
        """The answer, word by word and without artificial delay."""
        answer = await self.answer(text, user_id, read)
        for word in _WORDS.findall(answer):
            yield Chunk(word)
            await asyncio.sleep(0)
        yield Chunk(finish_reason="stop")

    async def answer(self, text: str, user_id: str, read: Read) -> str:
        """The whole answer to what a user said."""
        match text.strip().partition(" ")[0].lower():
            case "/help":
                return HELP
            case "/status":
                return await self._status(user_id, read)
            case "/models":
                return await self._models(read)
            case "/whoami":
                return await _whoami(user_id, read)
            case word if word.startswith("/"):
                return f"I do not know `{word[:40]}`.\n\n{HELP}"
        return _NO_MODEL + self._how_to_connect()

    def _how_to_connect(self) -> str:
        return _CONNECT.replace("{url}", self._facts.url)

    async def _status(self, user_id: str, read: Read) -> str:
        up_s = max(0, int(self._clock.time() - self._facts.started_s))
        conversations = await _count(
            read, select(func.count()).where(ConversationRow.user_id == user_id)
        )
        messages = await _count(
            read,
            select(func.count())
            .select_from(ChatMessageRow)
            .join(ConversationRow, ConversationRow.id == ChatMessageRow.conversation_id)
            .where(ConversationRow.user_id == user_id),
        )
        models = await _count(read, select(func.count()).where(LlmModelRow.is_active.is_(True)))
        return (
            f"This answer was made in `{self._facts.name}`, which has been up for "
            f"{_duration(up_s)}.\n\n"
            f"- your conversations: {conversations}\n"
            f"- messages in them: {messages}\n"
            f"- active models: {models}\n"
        )

    async def _models(self, read: Read) -> str:
        rows = await read(_listed_models())
        if not rows:
            return "No model is connected.\n\n" + self._how_to_connect()
        lines = [
            f"- `{row.model_name}` of {row.name}"
            + ("" if row.is_active and row.enabled else " (switched off)")
            for row in rows[:MAX_LISTED]
        ]
        more = "\n- and more" if len(rows) > MAX_LISTED else ""
        return "Models, newest first:\n\n" + "\n".join(lines) + more + "\n"


async def _whoami(user_id: str, read: Read) -> str:
    rows = await read(select(UserRow.username).where(UserRow.id == user_id))
    if not rows:
        return f"You are signed in under the id `{user_id}`, which has no account here.\n"
    roles = await read(
        select(UserRoleRow.role).where(UserRoleRow.user_id == user_id).order_by(UserRoleRow.role)
    )
    held = ", ".join(row.role for row in roles) or "none"
    return f"You are `{rows[0].username}`, roles: {held}. Your id is `{user_id}`.\n"


async def _count(read: Read, statement: Executable) -> int:
    rows = await read(statement)
    return int(rows[0][0]) if rows else 0


def _listed_models() -> Executable:
    return (
        select(
            LlmModelRow.model_name,
            LlmModelRow.is_active,
            LlmProviderRow.name,
            LlmProviderRow.enabled,
        )
        .join(LlmProviderRow, LlmProviderRow.id == LlmModelRow.provider_id)
        .order_by(LlmModelRow.created_at.desc(), LlmModelRow.id.desc())
        .limit(MAX_LISTED + 1)
    )


def _duration(seconds: int) -> str:
    parts = []
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{name}")
    return " ".join(parts[:2]) or "0s"


HELP = """\
I am `vareon/guide`, the built-in responder. I answer these and nothing else:

- `/help` shows this list
- `/status` says how this installation is
- `/models` lists the connected models
- `/whoami` says who you are here

Say anything else and I show how to connect a model.
"""

_NO_MODEL = """\
I am `vareon/guide`, the built-in responder, not a language model: no model is connected \
to this installation yet, so I cannot answer that. Your message is stored all the same.

"""

_CONNECT = """\
Commands are for the machine this runs on; in a clone, `vareon` is `.venv/bin/vareon` there.

**With an OpenAI or OpenRouter key:** stop with `vareon down`, then start with the key:

```
OPENAI_API_KEY=sk-... vareon up
```

```
OPENROUTER_API_KEY=sk-or-... vareon up
```

**With Ollama on this machine:** it is found at start when it runs on its usual port:

```
ollama pull llama3.2
vareon down
vareon up
```

**With any OpenAI-compatible server, while this runs** (replace address, key and model):

```
TOKEN=$(vareon token)

curl -s {url}/api/cognisys/providers/ \\
  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
  -d '{"name": "mine", "base_url": "http://127.0.0.1:8000/v1", "api_key": ""}'

curl -s {url}/api/cognisys/models/ \\
  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
  -d '{"provider_id": "ID FROM ABOVE", "model_name": "my-model", "type": "chat"}'
```

The newest active model answers from then on. `/help` lists what I can answer meanwhile.
"""
