"""The baseline of `benchmarks.http`: FastAPI doing nothing."""

from __future__ import annotations

from fastapi import FastAPI

app = FastAPI()


@app.get("/nothing")
async def nothing() -> dict[str, bool]:
    """Say that it was nothing."""
    return {"ok": True}
