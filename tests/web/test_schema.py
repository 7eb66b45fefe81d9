"""The schemas of playbooks, for editors: open to everybody, with this house's event types."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from outreach.library.schemas import SCHEMAS
from tests.web.world import World


@pytest.mark.parametrize("name", SCHEMAS)
def test_editors_read_the_schemas_without_a_password(here: World, name: str) -> None:
    answer = here.app.test_client().get(f"/v1/schema/{name}.json")
    assert answer.status_code == 200
    assert answer.content_type == "application/schema+json"
    Draft202012Validator.check_schema(answer.get_json(force=True))


def test_a_playbooks_schema_knows_the_event_types_of_this_house(here: World) -> None:
    schema = here.app.test_client().get("/v1/schema/playbook.json").get_json(force=True)
    assert "delivery.delayed" in schema["$defs"]["event_type"]["enum"]


def test_there_is_no_schema_of_anything_else(here: World) -> None:
    assert here.app.test_client().get("/v1/schema/settings.json").status_code == 404
