"""The OpenAPI document, and a page that shows it without fetching anything from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from web.api.console import StaticFile, read_page
from web.openapi.document import as_json, document
from web.routes import PUBLIC, Route

FOLDER = Path(__file__).parent.parent / "swagger"
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_PARTS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "start.js": "text/javascript",
}


class DocumentationRoutes:
    """``/openapi.json`` and ``/docs``.

    Args:
        routes: What the document tells of.
        folder: Where Swagger UI is.

    Raises:
        ConfigurationError: If two different types have one name, or a file is missing.
    """

    def __init__(self, routes: Sequence[Route], folder: Path = FOLDER) -> None:
        told = as_json(document(routes))
        page = read_page(folder / "index.html")
        self._files = {
            "/openapi.json": StaticFile(told, "application/json", None),
            "/docs": StaticFile(page, "text/html", _POLICY),
        }
        for name, content_type in _PARTS.items():
            self._files[f"/docs/{name}"] = StaticFile(read_page(folder / name), content_type, None)

    def routes(self) -> list[Route]:
        """What is served here."""
        return [
            Route(method, path, PUBLIC, file.serve, shown=False)
            for path, file in self._files.items()
            for method in ("GET", "HEAD")
        ]
