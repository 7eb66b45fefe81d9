"""What would happen next, and what if: as it stands, as it was, and never a word to anybody."""

from __future__ import annotations

import ast
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from outreach.assemble import SystemClock
from outreach.cli.main import outreach
from outreach.domain.errors import Invalid, NotFound, Refused
from outreach.domain.touch import Status
from outreach.lab import taking_over
from outreach.lab.scratch import Scratch, SequentialIds, scratch_house
from outreach.lab.simulate import LATER, MOST, Simulated, simulate
from outreach.lab.taking_over import take_over
from outreach.lab.what_if import read_what_if
from outreach.service import desk, incident_telling, incidents, workbench
from outreach.service.front import Incoming, check
from outreach.service.intake import take_in
from outreach.service.why_told import Point
from outreach.settings import load_settings
from outreach.store import tables
from outreach.store.schema import upgrade
from outreach.ways import ways_out
from outreach.web.why import EXAMPLES
from tests.lab.houses import ROOT, house_in, line, settings_in
from tests.service.world import MONDAY, event, give, house, own_rules, rules_with, runs, touches

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RULES = {
    "late": (
        "purpose: service_recovery\nseverity: high\nwhen: [delivery.delayed, delivery.overdue]\nif: event.days_late >= 2\n"
        "once_per: event.order_id\nif_resolved: {brief: x/softer.md, template: x/mail.md}\n"
        "still_open: not seen(\"delivery.arrived\", order_id=event.order_id)\n"
        "hold: {purposes: [marketing], scope: account, at_most: 10d}\n"
        "steps:\n  - call: hurt_person\n    brief: x/call.md\n"
        "  - email: hurt_person\n    after: 1 business day\n    template: x/mail.md\n    review: none\n"
    ),
}  # fmt: skip


@contextmanager
def let_down(database_url: str | None = None) -> Iterator[Scratch]:
    """Since Monday morning a call lies on the desk, and a mail will follow."""
    with house(rules_with(RULES), database_url=database_url) as home:
        give(home)
        delivery = event(
            home, "delivery.delayed", "1", order_id="o1", days_late=3, person_id="anna",
            promised_for=(home.now + DAY).isoformat(),
        )  # fmt: skip
        home.take_in(delivery)
        home.advance(HOUR)
        yield home


def asked(home: Scratch, *what_ifs: str, **more: Any) -> Simulated:
    rules = home.outside.rules()
    read = [read_what_if(text, rules.vocabulary) for text in what_ifs]
    return simulate(home.database, rules, home.now, "a1", what_ifs=read, **more)


def words(points: tuple[Point, ...]) -> list[str]:
    return [point.words for point in points]


def codes(points: tuple[Point, ...]) -> list[str]:
    return [point.code for point in points]


def rows(home: Any) -> dict[str, int]:
    with home.database.view() as unit:
        return {
            name: int(unit.bulk.rows(f'select count(*) from "{name}"')[0][0])
            for name in tables.metadata.tables
        }


# -- what comes next -----------------------------------------------------------------------------------


def test_it_goes_on_from_where_it_stands(database_url: str) -> None:
    with let_down(database_url) as home:
        found = asked(home)
    assert found.way == "as_it_stands" and len(found.under_way) == 1
    mail = next(point for point in found.timeline if "E-mail (step 2)" in point.words)
    assert mail.words == "late: E-mail (step 2) to anna: sent 3 Mar 2026 09:00" and mail.at is not None
    assert (mail.at - home.now) == 23 * HOUR
    assert "failure.unreached" in " ".join(words(found.timeline)), "nobody answers, so it climbs"
    over = next(point for point in found.timeline if point.code == "hold.off")
    assert "late holds back marketing no longer (at most)" in over.words
    assert found.left[0].words == found.under_way[0].words, "the call is still there"


def test_what_people_have_said_is_not_forgotten() -> None:
    """A call that was made is made: that is why rows are taken over, and history is not played again."""
    with let_down() as home:
        desk.put_right(home.outside, "a1", "delivery/o1", "jonas", "customer", "")
        found = asked(home)
        again = asked(home, at=home.now - HOUR / 2)
    assert found.under_way == () and not any("E-mail" in each for each in words(found.timeline))
    assert again.way == "played_again" and len(again.under_way) == 1, "half an hour ago it was open"
    assert any("E-mail (step 2) to anna: sent" in each for each in words(again.timeline))


def test_what_if_something_happens_meanwhile() -> None:
    with let_down() as home:
        found = asked(home, "delivery.arrived order=o1 at=+2h", "delivery.delayed order=o2 days_late=1")
    told = words(found.timeline)
    assert told[0].endswith("(delivery.delayed o2)") and told[1] == (
        "late: its condition does not hold; event.days_late >= 2 does not hold (event.days_late was 1)"
    )
    assert found.timeline[1].parts[0].values == (("event.days_late", 1),)
    arrived = next(point for point in found.timeline if "(delivery.arrived o1)" in point.words)
    assert arrived.at == home.now + 2 * HOUR
    assert any("E-mail (step 2) to anna: sent" in each for each in told), "in the words for what has arrived"


def test_a_moment_to_come_is_waited_for() -> None:
    with let_down() as home:
        found = asked(home, at=home.now + 2 * DAY, days=1)
    assert found.at == home.now + 2 * DAY and found.until == found.at + DAY
    assert not any("sent" in each for each in words(found.timeline)), "that was on the way there"
    assert "sent 3 Mar 2026 09:00" in " ".join(part.words for part in found.under_way[0].parts)


def test_other_playbooks_judge_what_comes_and_runs_keep_their_version() -> None:
    stricter = rules_with({"late": RULES["late"].replace(">= 2", ">= 9")})
    with let_down() as home:
        what_if = [read_what_if("delivery.delayed order=o2 days_late=5", stricter.vocabulary)]
        found = simulate(home.database, stricter, home.now, "a1", what_ifs=what_if)
    no = "late: its condition does not hold; event.days_late >= 9 does not hold (event.days_late was 5)"
    assert no in words(found.timeline)
    assert any("E-mail (step 2) to anna: sent" in each for each in words(found.timeline))


def test_those_who_belong_together_count_together() -> None:
    """The caps of one person, wherever she is known."""
    with let_down() as home:
        give(home, "a2", person=None)
        home.take_in(event(home, "person.described", "both", "person:anna", name="Anna Berg", phone="+4930123456",
                           email="anna@x.example", accounts=[{"account": name, "roles": ["buyer"]} for name in ("a1", "a2")]))  # fmt: skip
        home.take_in(event(home, "delivery.delayed", "2", "a2", order_id="o2", days_late=3, person_id="anna"))
        found = asked(home)
    told = " ".join(line for point in found.timeline for line in point.lines())
    assert "one conversation with late about delivery/o2" in " ".join(
        line for point in found.under_way for line in point.lines()
    )
    assert "Another message comes first" in told or "At most" in told or "sent" in told


def test_the_kill_switch_stops_it_there_too_and_it_comes_to_an_end() -> None:
    with let_down() as home:
        workbench.stop_all(home.outside, "ruth", "wrong prices")
        found = asked(home, days=60)
    assert not any("sent" in each for each in words(found.timeline))
    assert any("kill_switch" in codes(point.parts) for point in found.timeline)
    assert len(found.timeline) < 50 and MOST < 60 * 24 * 12


def test_what_is_asked_wrongly_is_said() -> None:
    with let_down() as home:
        with pytest.raises(NotFound, match="did you mean a1"):
            simulate(home.database, own_rules(), home.now, "a11")
        with pytest.raises(Refused, match="Nothing was known of a1 at that moment"):
            asked(home, at=home.now - 30 * DAY)
        with pytest.raises(Refused, match=r"what-if: delivery\.delayed is quarantined: .*days_late"):
            asked(home, "delivery.delayed order=o2 days_late=many")
        with pytest.raises(Refused, match=r"did you mean delivery\.delayed\?"):
            asked(home, "delivery.delaid order=1")
        with pytest.raises(Refused, match=r"did you mean days_late\?"):
            asked(home, "delivery.delayed order=1 days_lat=3")
        for wrong in ("delivery.delayed order", 'delivery.delayed order="1', "delivery.delayed at=soon"):
            with pytest.raises(Refused, match="what-if: "):
                asked(home, wrong)
        with pytest.raises(Invalid):
            asked(home, "{type: [}")


@pytest.mark.parametrize("text", [
    "delivery.delayed order=17 days_late=3 promised_for=+1d",
    '{"type": "delivery.delayed", "data": {"order_id": "17", "days_late": 3, "promised_for": "+1d"}}',
    "{type: delivery.delayed, order: 17, days_late: 3, promised_for: +1d}",
])  # fmt: skip
def test_three_ways_of_writing_one_what_if(text: str) -> None:
    with let_down() as home:
        vocabulary = home.outside.rules().vocabulary
        raw = read_what_if(text, vocabulary).event(1, "a1", home.now, "Europe/Berlin", vocabulary.types["delivery.delayed"])  # fmt: skip
    assert raw["data"] == {"order_id": "17", "days_late": 3, "promised_for": raw["data"]["promised_for"]}
    assert raw["data"]["promised_for"].startswith("2026-03-03") and raw["subject"] == "a1"


def test_the_examples_on_the_page_are_right() -> None:
    rules = own_rules()
    for text in EXAMPLES:
        what_if = read_what_if(text, rules.vocabulary)
        raw = what_if.event(1, "a1", MONDAY, "Europe/Berlin", rules.vocabulary.types[what_if.type])
        assert isinstance(check(raw, rules.vocabulary, MONDAY + 3 * DAY, internal=True), Incoming), text


def test_the_real_house_is_as_it_was() -> None:
    with let_down() as home:
        before, runs_, touches_ = rows(home), runs(home), touches(home)
        sent = len(home.sent.messages)
        asked(home, "delivery.delayed order=o2 days_late=5")
        assert (rows(home), runs(home), touches(home), len(home.sent.messages)) == (
            before,
            runs_,
            touches_,
            sent,
        )
        assert Status.ON_DESK in {touch.status for touch in touches_}


def test_it_names_no_number_and_no_address() -> None:
    with let_down() as home:
        told = str(asked(home, "delivery.delayed order=o2 days_late=5").as_json())
    assert "+49" not in told and "@" not in told and "Berg" not in told


# -- what is taken over --------------------------------------------------------------------------------


def test_customers_of_an_incident_are_told_its_words(database_url: str) -> None:
    mail = "purpose: service_recovery\nseverity: high\nwhen: delivery.lost\nonce_per: event.order_id\nhold: none\n"
    steps = "steps: [{email: hurt_person, after: 1h, template: x/many.md, review: none}]\n"
    with house(rules_with({"lost": mail + steps}), database_url=database_url) as home:
        give(home)
        home.take_in(event(home, "delivery.lost", "l", order_id="o1", carrier="North"))
        until = home.now + 2 * DAY
        it = incidents.open_one(
            home.outside, "Snow", "delivery.lost", "carrier", "North", home.now - DAY, until, "otto"
        )
        made = incident_telling.write(home.outside, it.id, "", "The pass is shut.", "ruth")
        incident_telling.approve(home.outside, it.id, made.number, "otto")
        ids, hashed = SequentialIds(LATER), home.outside.endpoint_hash
        with scratch_house(home.outside.rules(), home.now, ids=ids, endpoint_hash=hashed) as there:
            with home.database.view() as unit, there.database.unit() as into:
                take_over(unit, into, ["a1", "person:anna"])
            for each in (home, there):
                each.advance(2 * HOUR)
        (told,), (would_be_told,) = home.sent.messages, there.sent.messages
    assert "The pass is shut." in told.text and would_be_told.text == told.text


def test_each_table_is_taken_over_or_left_out_for_a_reason() -> None:
    source = ast.parse(Path(taking_over.__file__).read_text(encoding="utf-8"))
    used = {
        node.attr
        for node in ast.walk(source)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "tables"
    }
    known, left_out = set(tables.metadata.tables), taking_over.LEFT_OUT
    assert used & known | left_out.keys() == known, "take it over, or say in LEFT_OUT why not"
    assert not used & left_out.keys() and all(left_out.values())


# -- the command ---------------------------------------------------------------------------------------

Run = Callable[..., Result]
LIVE = {
    "OUTREACH_TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "OUTREACH_TWILIO_AUTH_TOKEN": "t" * 32,
    "OUTREACH_TWILIO_FROM": "+4930999999", "OUTREACH_SENDGRID_API_KEY": "SG." + "k" * 22 + "." + "k" * 43,
    "OUTREACH_MAIL_FROM": "hello@hearth.example", "OUTREACH_PUBLIC_URL": "https://outreach.example",
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on a house in the folder, in which something has gone wrong. Raises what broke."""
    monkeypatch.chdir(tmp_path)
    upgrade(settings_in(tmp_path).database_url)
    with closing(house_in(tmp_path)) as made:
        now = made.outside.clock.now()
        take_in(made.outside, [
            line("account.described", "a1", now, "a", name="Hotel Weber", owner="jonas", zone="Europe/Berlin", country="DE"),
            line("person.described", "person:anna", now, "p", name="Anna Berg", phone="+4930123456",
                 email="anna@x.example", accounts=[{"account": "a1", "roles": ["buyer"]}]),
            line("delivery.delayed", "a1", now, "d", order_id="o1", days_late=3, person_id="anna"),
        ], internal=True)  # fmt: skip

    def command(*given: str, **env: str) -> Result:
        known = {"OUTREACH_DATA_DIR": str(tmp_path / "data"), "OUTREACH_ROOT": str(ROOT), **env}
        done = CliRunner().invoke(outreach, given, env=known)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return command


def test_with_live_providers_it_opens_no_socket_and_writes_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("something wanted to leave the house")

    with closing(house_in(tmp_path)) as made:
        made.database.retrying(lambda unit: unit.set_setting("live:twilio", "ruth: go"))
        made.database.retrying(lambda unit: unit.set_setting("live:sendgrid", "ruth: go"))
        before = rows(made)
    digest = [path.read_bytes() for path in sorted((tmp_path / "data").glob("*.db"))]
    settings = load_settings(
        {"OUTREACH_DATA_DIR": str(tmp_path / "data"), "OUTREACH_ROOT": str(ROOT), **LIVE}, tmp_path
    )
    assert ways_out(settings, SystemClock()).providers, "there is somebody who would send"
    for name in ("connect", "connect_ex", "sendto", "bind"):
        monkeypatch.setattr(socket.socket, name, refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    done = run(
        "simulate",
        "a1",
        "--what-if",
        "delivery.delayed order=o2 days_late=9",
        "--days",
        "60",
        "--json",
        **LIVE,
    )
    assert done.exit_code == 0, done.output
    timeline = orjson.loads(done.output)["timeline"]
    assert any(point["code"].startswith("touch") for point in timeline)
    assert digest == [path.read_bytes() for path in sorted((tmp_path / "data").glob("*.db"))]
    assert not list(tmp_path.rglob("outbox/*"))
    monkeypatch.undo()
    with closing(house_in(tmp_path)) as made:
        assert rows(made) == before


def test_the_command_tells_it_to_people_and_to_programs(run: Run) -> None:
    said = run(
        "simulate",
        "a1",
        "--at",
        "2026-03-04T12:00",
        "--days",
        "2",
        "--what-if",
        "order.placed order=o3 amount=10",
    )
    assert said.output.startswith(
        "a1, 4 Mar 2026 12:00 to 6 Mar 2026 12:00, played again from its history; nobody answers."
    )
    assert "Under way:" in said.output and "(order.placed o3)" in said.output
    assert "if: " not in said.output and "event.days_late" not in said.output
    told = orjson.loads(run("simulate", "a1", "--json").output)
    assert told.keys() == {"account", "at", "until", "way", "under_way", "timeline", "left", "notes"}
    tree = run("simulate", "a1", "--tree", "--what-if", "delivery.delayed order=o2 days_late=1").output
    assert "event.days_late was 1" in tree
    assert "no such account" not in tree
    with pytest.raises(NotFound):
        run("simulate", "nobody")
    assert run("simulate", "a1", "--at", "soon").exit_code == 2
    assert "still to come" in run("simulate", "a1", "--at", "+2d").output


def test_without_a_database_there_is_nothing_to_begin_with(run: Run, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="outreach import"):
        run("simulate", "a1", OUTREACH_DATA_DIR=str(tmp_path / "empty"))
    assert not (tmp_path / "empty" / "outreach.db").exists()


def test_why_in_a_terminal(run: Run) -> None:
    said = run("why", "a1", "--playbook", "late-delivery").output
    assert (
        "delivery.delayed  (d)" in said
        and "late-delivery: a run started because event.days_late >= 2" in said
    )
    assert said.endswith("Times are those of Europe/Berlin.\n")
    tree = run("why", "a1", "--event", "d", "--tree").output
    assert (
        "✓ late-delivery: a run started" in tree
        and "      ✓ event.days_late >= 2 holds (event.days_late was 3)" in tree
    )
    then = run("why", "a1", "--at", "2026-03-04T10:00", "--json").output
    assert orjson.loads(then)["as_of"] == "then"
    assert "ask outreach simulate" in run("why", "a1", "--at", "+2d").output
    with pytest.raises(NotFound, match="did you mean late-delivery"):
        run("why", "a1", "--playbook", "late-delivry")
