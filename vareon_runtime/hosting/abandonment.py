"""The last resort for an effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vareon_runtime.errors import VareonError
from vareon_runtime.hosting.effect_call import RunningEffect
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.ports import Unit
from vareon_runtime.telemetry import failure

if TYPE_CHECKING:
    from vareon_runtime.hosting.host import Host


class Abandonment:
    """Removes an effect whose end could not be stored in any form."""

    def __init__(self, host: Host, effect: RunningEffect, rows: list[RowChange]) -> None:
        self.unit = Unit(effect.target, finished=effect.record.effect_id, rows=rows)
        self.void = False
        self._host = host
        self._effect = effect

    def committed(self) -> None:
        """Forget it."""
        self._host.effects.finished(self._effect.target, self._effect.record.effect_id)

    def failed(self, error: VareonError) -> None:
        """The next life of the host finds its row."""
        failure("effect_not_abandoned", error, entity=str(self._effect.target))
