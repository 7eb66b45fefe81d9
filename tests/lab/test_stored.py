"""The stored history, opened only to be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from outreach.domain.errors import Refused
from outreach.lab.stored import reading
from tests.service.world import house


def test_what_is_opened_to_be_read_refuses_every_change(database_url: str) -> None:
    with house(database_url=database_url) as home:
        home.database.retrying(lambda unit: unit.set_setting("said", "before"))
    with reading(database_url) as store:
        for statement in ("update setting set value = 'after'", "create table more (id text)"):
            with pytest.raises(DBAPIError, match=r"read.?only"), store.engine.begin() as connection:
                connection.exec_driver_sql(statement)
        with store.view() as unit:
            assert unit.setting("said") == "before"


def test_where_nothing_is_stored_no_file_is_made(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/none.db"
    with pytest.raises(Refused, match="No history is stored here"), reading(url):
        pass
    assert list(tmp_path.iterdir()) == []
