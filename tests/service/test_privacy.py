"""What we know of a person is shown whole, and forgotten whole: whatever comes later, and from whatever backup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect

from outreach.channels.outbox import OutboxFolder, OutboxSender
from outreach.domain.errors import NotFound, Refused
from outreach.domain.facts import Channel, Purpose
from outreach.lab.scratch import Scratch
from outreach.service import care_code, care_links, desk, privacy, replies, workbench
from outreach.service.care import Asked, may_send
from outreach.service.ports import Erasure
from outreach.service.replies import Received
from outreach.store.erasure_log import FileErasureLog
from tests.service.world import event, failure, give, give_person, house, provided, rules_with, runs, touches

DAY = timedelta(days=1)
NAME, PHONE, MAIL, WORDS = (
    "Zebulon Quist",
    "+4930987654",
    "zebulon.quist@kunde.example",
    "my zebra is in tears",
)
SORRY = "purpose: service_recovery\nseverity: high\nwhen: [delivery.lost, complaint.opened]\nhold: {purposes: [marketing], scope: account, after_close: 5 business days, at_most: 30d}\nsteps: [{call: hurt_person, within: 4 hours, brief: x/call.md}, {email: hurt_person, after: 1h, template: x/mail.md, review: owner}, {sms: hurt_person, after: 2h, template: x/text.md, review: none}]\n"


@pytest.fixture
def home(database_url: str, tmp_path: Path) -> Iterator[Scratch]:
    """Somebody with a name that is nowhere else, of whom everything is known; and another at the same account."""
    with house(rules_with({"sorry": SORRY}), database_url=database_url) as plain:
        made = provided(plain)
        made = replace(
            made, outside=replace(made.outside, erasures=FileErasureLog(tmp_path / "erased.jsonl"))
        )
        give(made, "a1", None)
        give(made, "p1", None, kind="private", name=NAME)
        give_person(made, "zeb", ["a1", "p1"], name=NAME, phone=PHONE, email=MAIL, greeting="Zebulon")
        give_person(made, "otto", ["a1"], role="payer")
        made.advance(timedelta(minutes=1))
        said = {"person_id": "zeb"}
        made.take_in(event(made, "preference.stated", "w", "person:zeb", kind="note", value=WORDS, **said))
        made.take_in(
            event(
                made,
                "consent.given",
                "y",
                "person:zeb",
                purpose="reorder",
                channel="email",
                endpoint=MAIL,
                how="ticked",
                **said,
            )
        )
        made.take_in(event(made, "delivery.lost", "l1", "a1", order_id="o1", **said))
        until = (made.now + 9 * DAY).isoformat()
        made.take_in(
            event(made, "promise.made", "pr", "a1", promise_id="pr", what=WORDS, until=until, **said)
        )
        made.take_in(event(made, "complaint.opened", "c1", "p1", complaint_id="c1", words=WORDS, **said))
        made.advance(timedelta(hours=3))
        replies.receive(
            made.outside, Received("sms:1", Channel.SMS, PHONE, NAME, "us", "", f"Hello, {WORDS}", None)
        )
        replies.receive(
            made.outside,
            Received(
                "sms:2", Channel.SMS, PHONE, NAME, "us", "", f"Please stop writing to me, {WORDS}", None
            ),
        )
        yield made


def everything(home: Scratch) -> str:
    """Every value of every row of the database."""
    tables = inspect(home.database.engine).get_table_names()
    with home.database.view() as unit:
        return "\n".join(str(row) for table in tables for row in unit.bulk.rows(f'select * from "{table}"'))


def test_the_file_holds_everything_and_reads_as_a_tree(home: Scratch) -> None:
    found = privacy.file_of(home.outside, "zeb")
    tree = found.as_tree()
    assert found.name == NAME
    for part in (NAME, PHONE, MAIL, WORDS, "ticked", "delivery.lost"):
        assert part in str(tree), part
    assert {row["account"] for row in tree["where you belong"]} == {"a1", NAME}
    assert tree["what we wrote"] and tree["what you do not want"]
    assert "Otto Berg" not in str(tree)
    with pytest.raises(NotFound):
        privacy.file_of(home.outside, "nobody")


def test_everything_that_colleagues_did_is_in_the_file(home: Scratch) -> None:
    with home.database.unit() as unit:
        for _ in range(300):
            unit.audit(home.now, "jonas", "person.looked_up", "person:zeb")
    told = privacy.file_of(home.outside, "zeb")
    (done,) = [section.rows for section in told.sections if section.title == "what colleagues did"]
    assert len([row for row in done if row["what"] == "person.looked_up"]) == 300


def test_an_erased_person_is_nowhere_and_everything_else_holds(home: Scratch) -> None:
    before = everything(home)
    assert all(part in before for part in (NAME, PHONE, MAIL, WORDS))
    with pytest.raises(Refused, match="why"):
        privacy.erase(home.outside, "zeb", "ruth", " ")
    privacy.erase(home.outside, "zeb", "ruth", "asked by letter")
    after = everything(home)
    for part in (NAME, PHONE, MAIL, WORDS, "Zebulon"):
        assert part not in after, part
    assert [t.is_open for account in ("a1", "p1") for t in touches(home, account) if t.person == "zeb"].count(
        True
    ) == 0
    assert failure(home, "delivery/o1").state == "let_be"
    assert not any(run.is_open for run in runs(home, "p1"))
    with home.database.view() as unit:
        assert unit.audit_fault() is None
        assert "asked by letter" in [row.why for row in unit.audit_of("person:zeb")]
    assert [id_ for id_, differed in workbench.rebuild(home.outside, write=False) if differed] == []
    assert "Otto Berg" in after


def test_their_messages_that_lie_as_files_go_too(home: Scratch, tmp_path: Path) -> None:
    with home.database.view() as unit:
        tokens = [attempt.token for attempt in unit.attempts_to("zeb")]
    assert tokens
    for name in (*tokens, "another"):
        (tmp_path / f"{name}.eml").write_text(WORDS)
    house_ = replace(home, outside=replace(home.outside, papers=OutboxFolder(tmp_path)))
    privacy.erase(house_.outside, "zeb", "ruth", "asked by letter")
    assert [file.name for file in tmp_path.glob("*.eml")] == ["another.eml"]


def test_nothing_brings_an_erased_person_back(home: Scratch) -> None:
    privacy.erase(home.outside, "zeb", "ruth", "asked by letter")
    given = len(home.sender.taken)
    give_person(home, "zeb", ["a1"], name=NAME, phone=PHONE, email=MAIL)
    give_person(home, "zeb2", ["a1"], name=NAME, phone=PHONE, email=MAIL)  # the same human from another list
    home.take_in(event(home, "delivery.lost", "l9", "a1", order_id="o9", person_id="zeb2"))
    home.advance(3 * DAY)
    assert len(home.sender.taken) == given
    assert {t.because for t in touches(home) if t.person == "zeb2"} <= {"suppressed", "zeb2", "sorry"}
    (said,) = may_send(home.outside, [Asked(Purpose.MARKETING, email=MAIL)])
    assert (said.answer, said.reason) == ("deny", "suppressed")
    late = replies.receive(home.outside, Received("sms:9", Channel.SMS, PHONE, NAME, "us", "", WORDS, None))
    assert late.outcome == "erased" and WORDS not in everything(home)


def test_a_restored_backup_is_brought_up_to_the_log(home: Scratch, tmp_path: Path) -> None:
    log = home.outside.erasures
    privacy.erase(replace(home.outside), "zeb", "ruth", "asked by letter")
    assert log is not None
    assert (
        NAME not in (tmp_path / "erased.jsonl").read_text()
        and PHONE not in (tmp_path / "erased.jsonl").read_text()
    )
    assert privacy.replay_erasures(home.outside) == 0
    with house(rules_with({"sorry": SORRY})) as plain:
        older = replace(plain, outside=replace(plain.outside, erasures=log))  # as it was before
        give(older, "a1", None)
        give_person(older, "zeb", ["a1"], name=NAME, phone=PHONE, email=MAIL)
        assert privacy.replay_erasures(older.outside) == 1
        assert NAME not in everything(older)
        assert privacy.replay_erasures(older.outside) == 0


def test_a_line_cut_off_by_a_crash_loses_no_other(tmp_path: Path, home: Scratch) -> None:
    path = tmp_path / "erased.jsonl"
    path.write_bytes(b'{"person": "x", "hashes": ["h"], "at": "2026-03-02T09:0')
    privacy.erase(home.outside, "zeb", "ruth", "asked by letter")
    assert [one.person for one in FileErasureLog(path).all()] == ["zeb"]
    assert FileErasureLog(tmp_path / "none").all() == []


def test_a_colleague_on_the_phone_finds_the_card_gone(home: Scratch) -> None:
    (card,) = {t.card for t in touches(home, "p1") if t.card}
    privacy.erase(home.outside, "zeb", "ruth", "asked by letter")
    with pytest.raises((Refused, NotFound)):
        desk.dial(home.outside, card, "jonas")


def test_every_record_of_the_same_human_goes(home: Scratch) -> None:
    give_person(home, "zeb2", ["a1"], name=NAME, phone=PHONE, email="zq@private.example")
    home.take_in(
        event(home, "link.confirmed", "k", "person:zeb", person_a="zeb", person_b="zeb2", by="jonas")
    )
    privacy.erase(home.outside, "zeb2", "ruth", "asked by letter")
    with home.database.view() as unit:
        assert all(state.erased for state in unit.people(["zeb", "zeb2"]).values())
    assert home.outside.erasures is not None
    assert {each.person for each in home.outside.erasures.all()} == {"zeb", "zeb2"}
    after = everything(home)
    for part in (NAME, PHONE, MAIL, WORDS, "zq@private.example"):
        assert part not in after, part


def test_an_address_they_had_before_is_shut_and_cleaned_too(home: Scratch) -> None:
    home.take_in(event(home, "person.described", "moved", "person:zeb", email="zeb@new.example"))
    wrong = event(home, "no.such", "q1", "a1", contact=f"Zeb <{MAIL.upper()}>", order_id="o1")
    spelled = event(home, "no.such", "q2", "a1", contact="030 98 76-54")
    another = event(home, "no.such", "q3", "a1", contact="zebulon.quistX@kunde.example, zebu, 030 12 34")
    home.take_in(wrong, spelled, another)
    privacy.erase(home.outside, "zeb", "ruth", "asked by letter")
    for mail in (MAIL, "zeb@new.example"):
        (said,) = may_send(home.outside, [Asked(Purpose.TRANSACTIONAL, email=mail)])
        assert (said.answer, said.reason) == ("deny", "suppressed")
    with home.database.view() as unit:
        left = [row[0] for row in unit.bulk.rows("select event_id from quarantine")]
    assert left == ["q3"]


def test_how_they_said_no_goes_and_that_they_did_stays(home: Scratch) -> None:
    told = {"person_id": "zeb", "channel": "email", "how": "Zebulon Quist rang, in tears"}
    home.take_in(event(home, "endpoint.opted_out", "no", "person:zeb", **told))
    privacy.erase(home.outside, "zeb", "ruth", "asked by letter")
    assert "in tears" not in everything(home)
    with home.database.view() as unit:
        assert "email" in unit.people(["zeb"])["zeb"].opted_out


def test_the_code_that_was_sent_to_them_goes_too(home: Scratch, tmp_path: Path) -> None:
    folder = tmp_path / "outbox"
    sender = OutboxSender(folder)
    codes = replace(home.outside, outbox=sender, senders=dict.fromkeys(Channel, sender), papers=OutboxFolder(folder), providers={})  # fmt: skip
    token = care_links.link_by_hand(codes, "zeb", None, "x")
    care_code.send_code(codes, token, "email", lambda company, code: ("Your code", code))
    assert len(list(folder.iterdir())) == 1
    privacy.erase(codes, "zeb", "customer", "asked on their page")
    assert list(folder.iterdir()) == []


def test_the_address_of_their_page_lies_nowhere() -> None:
    """Neither of the page nor of the link that stops: they are in the mail and nowhere else."""
    mail = SORRY.replace("review: owner", "review: none")
    with house(rules_with({"sorry": mail})) as plain:
        post = replace(plain.outside.post, public_url="https://house.example")
        home = replace(plain, outside=replace(plain.outside, post=post))
        give(home)
        home.take_in(event(home, "delivery.lost", "l1", "a1", order_id="o1", person_id="anna"))
        home.advance(timedelta(hours=2))
        (sent,) = [message for _, message in home.sender.taken if message.channel is Channel.EMAIL]
        (key,) = re.findall(r"/care/([\w-]+)", sent.text)
        assert key not in everything(home)
        with home.database.view() as unit:
            (kept,) = [one for one in unit.attempts_to("anna") if one.channel is Channel.EMAIL]
        assert kept.text == re.sub(r"/(care|u)/[\w-]+", r"/\1/…", sent.text)


def test_an_erasure_holds_for_somebody_whom_the_backup_does_not_know_yet(home: Scratch) -> None:
    log = home.outside.erasures
    assert log is not None
    hash_ = home.outside.endpoint_hash("email", "late@x.example")
    log.note(Erasure("late", (hash_,), home.now))
    assert privacy.replay_erasures(home.outside) == 1
    assert privacy.replay_erasures(home.outside) == 0
    give_person(home, "late", ["a1"], name="Late Comer", phone="+4930111222", email="late@x.example")
    assert "Late Comer" not in everything(home)
