"""The API's description with a page to read and try it, and the schemas of playbooks. All from this machine."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import orjson
from flask import Blueprint, Response, current_app, render_template
from flask_openapi3 import OpenAPI

from outreach.library.schemas import SCHEMAS
from outreach.web.api_models import BODIES, EVENT_BODIES, QUERIES
from outreach.web.reception import outside


def _swagger() -> str:
    spec = find_spec("flask_openapi3_swagger")
    assert spec is not None and spec.origin is not None
    return str(Path(spec.origin).parent / "templates" / "swagger")


docs = Blueprint(
    "docs", __name__, url_prefix="/v1", static_folder=_swagger(), static_url_path="/docs/swagger"
)


@docs.get("/docs")
def page() -> str:
    return render_template("api_docs.html")


@docs.get("/openapi.json")
def openapi() -> Response:
    return Response(orjson.dumps(description()), content_type="application/json")


@docs.get("/schema/playbook.json", defaults={"name": "playbook"})
@docs.get("/schema/defaults.json", defaults={"name": "defaults"})
@docs.get("/schema/company.json", defaults={"name": "company"})
@docs.get("/schema/vocabulary.json", defaults={"name": "vocabulary"})
def schema(name: str) -> Response:
    """For editors: what a playbook, or one of the shared files, may say, with this house's event types."""
    found = SCHEMAS[name](outside().rules().vocabulary)
    return Response(orjson.dumps(found, option=orjson.OPT_INDENT_2), content_type="application/schema+json")


def description() -> dict[str, Any]:
    """OpenAPI 3.1, with the bodies: they are read by hand, after the token."""
    spec: dict[str, Any] = orjson.loads(orjson.dumps(cast(OpenAPI, current_app).api_doc))
    spec["paths"]["/v1/events"]["post"]["requestBody"] = EVENT_BODIES
    for (path, method), model in BODIES.items():
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        spec["components"]["schemas"].update(schema.pop("$defs", {}))
        spec["components"]["schemas"][model.__name__] = schema
        reference = {"$ref": f"#/components/schemas/{model.__name__}"}
        content = {"application/json": {"schema": reference}}
        spec["paths"][path][method]["requestBody"] = {"required": True, "content": content}
    for path, query in QUERIES.items():
        spec["paths"][path]["get"]["parameters"] = [
            {"name": name, "in": "query", "schema": schema, "description": schema.pop("description", "")}
            for name, schema in query.model_json_schema()["properties"].items()
        ]
    return spec
