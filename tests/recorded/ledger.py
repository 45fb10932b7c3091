"""An entity that has changed twice since its first version.

1. ``LedgerState(cents: int, entries: list[int])``; ``Book(cents: int)``
2. amounts have a currency: ``LedgerState(amount: int, currency: str, entries: list[int])``;
   ``Book(amount: int, currency: str)``
3. the entries became rows, and only their number stays: ``LedgerState(amount: int, currency: str,
   booked: int)``; in ``Book`` the text is new: ``Book(amount: int, currency: str, text: str)``
"""

from __future__ import annotations

from typing import Any, ClassVar

from vareon_runtime.entity import Context, Entity, Request, State, command, entity, query
from vareon_runtime.message import Upgrade


def _with_currency(fields: dict[str, Any]) -> dict[str, Any]:
    fields["amount"], fields["currency"] = fields.pop("cents"), "EUR"
    return fields


def _counted(fields: dict[str, Any]) -> dict[str, Any]:
    fields["booked"] = len(fields.pop("entries"))
    return fields


def _with_text(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "text": "before texts"}


class LedgerState(State):
    schema_version: ClassVar[int] = 3
    upgrades: ClassVar[dict[int, Upgrade]] = {1: _with_currency, 2: _counted}

    amount: int = 0
    currency: str = "EUR"
    booked: int = 0
    last_text: str = ""


class Book(Request[int], frozen=True, forbid_unknown_fields=True):
    schema_version: ClassVar[int] = 3
    upgrades: ClassVar[dict[int, Upgrade]] = {1: _with_currency, 2: _with_text}

    amount: int
    currency: str
    text: str


class GetLedger(Request[list[Any]]):
    pass


@entity("ledger")
class Ledger(Entity[LedgerState]):
    """Adds up."""

    @command(creates=True)
    async def book(self, message: Book, context: Context) -> int:
        self.state.amount += message.amount
        self.state.booked += 1
        self.state.last_text = message.text
        return self.state.amount

    @query
    async def read(self, message: GetLedger, context: Context) -> list[Any]:
        state = self.state
        return [state.amount, state.currency, state.booked, state.last_text]
