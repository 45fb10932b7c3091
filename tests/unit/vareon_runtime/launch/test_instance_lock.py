"""One instance per data dir."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vareon_runtime.errors import ConfigurationError
from vareon_runtime.launch import instance_lock
from vareon_runtime.launch.instance_lock import InstanceLock


def test_second_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    """The refusal names the owner; afterwards the lock is free."""
    assert instance_lock.owner(tmp_path) is None
    first = InstanceLock.take(tmp_path)
    assert instance_lock.owner(tmp_path) == os.getpid()
    with pytest.raises(ConfigurationError, match=str(os.getpid())):
        InstanceLock.take(tmp_path)
    first.release()
    assert instance_lock.owner(tmp_path) is None
    InstanceLock.take(tmp_path).release()
