"""What a route declares is what the document says of it."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest
from aiohttp import web as aiohttp_web
from pydantic import Field

from vareon_runtime.errors import ConfigurationError
from web.openapi.docstrings import said_by
from web.openapi.document import document
from web.routes import PUBLIC, Route
from web.schemas.base import StrictIn
from web.schemas.paging import PageQuery
from web.schemas.paths import UuidPath
from web.services import policy


class ThingIn(StrictIn):
    """A new thing."""

    name: str = Field(min_length=1, max_length=9)
    size: Annotated[int, Field(ge=1)] = 1


class ThingOut(msgspec.Struct, frozen=True):
    """A thing.

    Attributes:
        name: What it is called.
    """

    name: str
    parts: list[str]


class ThingRoutes:
    async def one(self, _request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Look at ``one`` thing.

        It is looked at closely.

        Raises:
            NotFound: If there is none.
        """
        return aiohttp_web.Response()

    async def change(self, _request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Change it."""
        return aiohttp_web.Response()

    def told(self, **changed: Any) -> dict[str, Any]:
        may = policy.READ_MODELS
        return document(
            [
                Route("GET", "/things", may, self.one, query=PageQuery, answer=list[ThingOut]),
                Route("GET", "/things/{id}", may, self.one, place=UuidPath, answer=ThingOut),
                Route("PUT", "/things/{id}", may, self.change, **{"body": ThingIn, **changed}),
                Route("POST", "/enter", PUBLIC, self.change, body=ThingIn, form=True, status=201),
                Route("GET", "/page", PUBLIC, self.one, shown=False),
            ]
        )


TOLD = ThingRoutes().told(answer=ThingOut)


def test_a_body_and_an_answer() -> None:
    """By reference, with what their docstrings say."""
    put = TOLD["paths"]["/things/{id}"]["put"]
    wanted = {"$ref": "#/components/schemas/ThingIn"}
    assert put["requestBody"] == {
        "required": True,
        "content": {"application/json": {"schema": wanted}},
    }
    schemas = TOLD["components"]["schemas"]
    assert schemas["ThingIn"]["additionalProperties"] is False
    assert schemas["ThingIn"]["properties"]["name"]["maxLength"] == 9
    assert schemas["ThingOut"]["description"] == "A thing."
    assert schemas["ThingOut"]["properties"]["name"]["description"] == "What it is called."
    good = put["responses"]["200"]["content"]["application/json"]["schema"]
    assert good == {"$ref": "#/components/schemas/ThingOut"}


def test_a_permission_is_a_requirement() -> None:
    """With the refusals that belong to it; what is open to anybody has none of them."""
    get = TOLD["paths"]["/things/{id}"]["get"]
    assert get["security"] == [{"bearer": []}, {"session": []}]
    assert {"401", "403", "404", "422", "429", "500", "503"} <= get["responses"].keys()
    assert policy.READ_MODELS in get["description"]
    enter = TOLD["paths"]["/enter"]["post"]
    assert enter["security"] == [{}]
    assert not {"401", "403"} & enter["responses"].keys()
    assert "201" in enter["responses"]
    assert {*enter["requestBody"]["content"]} == {
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    }


def test_parameters() -> None:
    """Of the path, of the query without what no address can say, and headers by reference."""
    listed = TOLD["paths"]["/things"]["get"]["parameters"]
    by_name = {parameter["name"]: parameter for parameter in listed}
    assert by_name["limit"]["schema"]["maximum"] == 1000
    assert by_name["cursor"]["schema"]["type"] == "string"
    one = TOLD["paths"]["/things/{id}"]["get"]["parameters"]
    assert one[0]["in"] == "path" and one[0]["schema"]["format"] == "uuid"
    put = [
        parameter.get("$ref", "")
        for parameter in TOLD["paths"]["/things/{id}"]["put"]["parameters"]
    ]
    assert {place.rpartition("/")[2] for place in put if place} == {"IdempotencyKey", "IfMatch"}
    assert {*TOLD["paths"]["/things"]["get"]["responses"]["200"]["headers"]} >= {"Link"}
    assert "304" in TOLD["paths"]["/things/{id}"]["get"]["responses"]


def test_what_is_not_for_programs_is_left_out() -> None:
    """And so are the shapes of parameters, which stand where they are used."""
    assert "/page" not in TOLD["paths"]
    assert not {"PageQuery", "UuidPath"} & TOLD["components"]["schemas"].keys()


def test_every_reference_leads_somewhere() -> None:
    """Whatever is pointed at is there."""

    def places(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [place for value in node.values() for place in places(value)]
        return (
            [place for value in node for place in places(value)] if isinstance(node, list) else []
        )

    for place in places(TOLD):
        found: Any = TOLD
        for step in place.removeprefix("#/").split("/"):
            found = found[step]


def test_two_types_of_one_name_stop_the_start() -> None:
    """The document could not tell them apart."""
    other = type("ThingOut", (StrictIn,), {"__doc__": "Another.", "__module__": __name__})
    with pytest.raises(ConfigurationError, match="ThingOut"):
        ThingRoutes().told(body=other, answer=ThingOut)


def test_docstrings_are_read_for_people_who_see_no_code() -> None:
    """A summary, what else is said, and nothing of what is raised."""
    said = said_by(ThingRoutes.one)
    assert said.summary == "Look at `one` thing"
    assert said.description == "It is looked at closely."
