"""The account manager's own calendar: what was promised, at an address that says nothing and can be shut."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from icalendar import Calendar

from outreach.service import cards, cover
from tests.web.scenes import busy_day
from tests.web.world import World, post

NAMES = ("Anna", "Weber", "Berlin Kitchens", "Mara", "Morgenrot", "new worktop", "@example.com", "+4930")


def address(here: World, who: str = "jonas") -> str:
    page = post(here.signed_in(who), "/desk/diary").text
    (found,) = re.findall(r'href="http://[^/"]+(/diary/[^"]+)"', page)
    return str(found)


def entries(here: World, path: str) -> list[Any]:
    answer = here.app.test_client().get(path)
    assert answer.status_code == 200 and answer.content_type.startswith("text/calendar")
    return list(Calendar.from_ical(answer.data).walk("VEVENT"))


def promised(here: World, by: str = "jonas") -> None:
    until = (here.clock.time + timedelta(days=2)).isoformat()
    here.tell("promise.made", "a1", {
        "promise_id": "p1", "what": "The new worktop for Anna", "until": until, "by": by, "person_id": "anna",
    })  # fmt: skip


def test_calls_and_promises_are_in_it_and_no_names(here: World) -> None:
    busy_day(here)
    promised(here)
    path = address(here)
    found = entries(here, path)
    about = [str(each["summary"]) for each in found]
    assert "A promise comes due" in about and any(each.startswith("Call: A delivery") for each in about)
    for each in found:
        assert each["dtend"].dt - each["dtstart"].dt == timedelta(minutes=30)
        assert "/desk/" in str(each["url"])
    (promise,) = [each for each in found if str(each["summary"]) == "A promise comes due"]
    assert promise["dtend"].dt == here.clock.time + timedelta(days=2)
    text = here.app.test_client().get(path).text
    assert not [name for name in NAMES if name in text]


def test_it_is_sound_for_every_calendar(here: World, shared_dir: Path, tmp_path: Path) -> None:
    busy_day(here)
    promised(here)
    file = tmp_path / "feed.ics"
    file.write_bytes(here.app.test_client().get(address(here)).data)
    checker = shared_dir / "rigs" / "tools" / "ics_check.py"
    ended = subprocess.run(
        [sys.executable, str(checker), str(file)], capture_output=True, text=True, check=False
    )
    said = json.loads(ended.stdout)
    assert said["problems"] == [] and len(said["events"]) > 2


def test_it_is_theirs_and_of_those_they_stand_in_for(here: World) -> None:
    busy_day(here)
    mine, hers = address(here), address(here, "miriam")
    uids = {str(each["uid"]) for each in entries(here, mine)}
    theirs = {str(each["uid"]) for each in entries(here, hers)}
    assert theirs and uids and not uids & theirs
    now = here.clock.time
    cover.go_away(here.house.outside, "miriam", "jonas", now, now + timedelta(days=2), "", "ruth")
    assert theirs <= {str(each["uid"]) for each in entries(here, mine)}


def test_a_card_that_is_handed_over_moves_and_one_put_off_comes_later(here: World) -> None:
    busy_day(here)
    mine, hers = address(here), address(here, "miriam")
    first = min(entries(here, mine), key=lambda each: each["dtend"].dt)
    card = str(first["uid"]).removeprefix("card-").removesuffix("@outreach")
    until = here.clock.time + timedelta(days=3)
    cards.snooze(here.house.outside, card, "jonas", until, "on holiday")
    (later,) = [each for each in entries(here, mine) if each["uid"] == first["uid"]]
    assert later["dtstart"].dt == until
    cards.hand_over(here.house.outside, card, "jonas", "miriam", "yours")
    assert first["uid"] not in [each["uid"] for each in entries(here, mine)]
    assert first["uid"] in [each["uid"] for each in entries(here, hers)]


def test_a_new_address_ends_the_old_one_and_it_can_be_shut(here: World) -> None:
    busy_day(here)
    client, old = here.app.test_client(), address(here)
    new = address(here)
    assert client.get(old).status_code == 404 and client.get(new).status_code == 200
    post(here.signed_in("jonas"), "/desk/diary/shut")
    assert client.get(new).status_code == 404
    assert client.get("/diary/made-up.ics").status_code == 404


def test_it_ends_with_the_colleague_and_opens_nothing_else(here: World) -> None:
    busy_day(here)
    path = address(here)
    token = path.removeprefix("/diary/").removesuffix(".ics")
    asked = here.app.test_client().get("/v1/holds", headers={"Authorization": f"Bearer {token}"})
    assert asked.status_code == 403
    here.user("jonas", active=False)
    assert here.app.test_client().get(path).status_code == 404
    here.user("jonas", role="service")
    assert here.app.test_client().get(path).status_code == 404


def test_the_address_is_kept_as_a_hash_only(here: World) -> None:
    token = address(here).removeprefix("/diary/").removesuffix(".ics")
    with here.house.database.view() as unit:
        assert token not in str(unit.bulk.rows("select * from api_token")) + str(
            unit.bulk.rows("select * from audit")
        )
