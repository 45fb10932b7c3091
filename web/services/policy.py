"""The policy, as routes and sockets name it."""

from __future__ import annotations

from actors.policy import *  # noqa: F403 - all of it, under one name
