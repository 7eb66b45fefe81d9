"""Decisions, versions, settings, suppressions, users, tokens, imports; and the audit chain."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy.exc import IntegrityError

from outreach.domain.facts import Trace, Verdict
from outreach.domain.plan import Decision
from outreach.service.ports_records import ApiToken, AuditRow, ImportProgress, User
from outreach.store.engine import Store
from tests.store.samples import NOW, anything, at, undone


def test_decisions_come_newest_first(store: Store) -> None:
    first = Decision("shop|e1", "a1", "late", "v1", NOW, "started", "r1", Trace("if", "x", Verdict.TRUE))
    second = replace(first, outcome="cooldown", run=None, trace=None)
    with store.unit() as unit:
        unit.add_decisions([first, second, replace(first, account="a2")])
        unit.add_decisions([])
    with store.view() as unit:
        assert unit.decisions_of("a1") == [second, first]
        assert unit.decisions_of("a1", 1) == [second]


def test_a_runs_decision_is_the_newest_that_names_it(store: Store) -> None:
    trace = Trace(
        "if", "event.days_late >= 2", Verdict.TRUE, (("event.days_late", 3),), (),
        (Trace("if", "known(event.x)", Verdict.CANNOT_TELL, (), ("event.x",)),),
    )  # fmt: skip
    first = Decision("shop|e1", "a1", "late", "v1", NOW, "started", "r1")
    again = replace(first, event="shop|e2", trace=trace)
    with store.unit() as unit:
        unit.add_decisions([first, again, replace(first, run="r2"), replace(first, account="a2")])
    with store.view() as unit:
        assert unit.decision_of_run("a1", "r1") == again
        assert unit.decision_of_run("a1", "r9") is None


def test_the_text_of_a_version_is_kept_once(store: Store) -> None:
    with store.unit() as unit:
        unit.keep_version("v1", "late", "playbook: late", NOW)
        unit.keep_version("v1", "late", "something else", NOW)
        assert unit.version("v1") == "playbook: late"
        assert unit.version("v2") is None


def test_publish_states(store: Store) -> None:
    with store.unit() as unit:
        assert unit.publish_states() == {}
        unit.set_publish_state("late", "shadow", 100, "ada", "first look", NOW)
        unit.set_publish_state("late", "percent", 20, "ada", "careful", NOW)
        assert unit.publish_states() == {"late": ("percent", 20)}
    with pytest.raises(IntegrityError), store.unit() as unit:
        unit.set_publish_state("late", "maybe", 0, "ada", "", NOW)


def test_settings_and_heartbeats(store: Store) -> None:
    with store.unit() as unit:
        assert unit.setting("stop_all") is None
        unit.set_setting("stop_all", "ada")
        unit.set_setting("stop_all", "ben")
        assert unit.setting("stop_all") == "ben"
        unit.set_setting("stop_all", None)
        assert unit.setting("stop_all") is None
        unit.beat("clock", NOW)
        unit.beat("clock", at(1), "12 due")
        assert unit.heartbeats() == {"clock": (at(1), "12 due")}


def test_suppressions_say_why_by_channel_and_what_is_erased_stays(store: Store) -> None:
    with store.unit() as unit:
        unit.suppress("#1", "sms", "opted out", NOW)
        unit.suppress("#2", "all", "erased", NOW)
        unit.suppress("#2", "all", "opted out", at(1))
        unit.suppress("#2", "email", "bounced", at(1))
        assert unit.suppressed(["#1", "#2", "#3"]) == {
            "#1": {"sms": "opted out"}, "#2": {"all": "erased", "email": "bounced"},
        }  # fmt: skip
        unit.lift("#1", "sms")
        unit.lift("#2", "all")
        assert unit.suppressed(["#1", "#2"]) == {"#2": {"all": "erased", "email": "bounced"}}
        assert unit.suppressed([]) == {}


def test_users_tokens_and_imports(store: Store) -> None:
    jonas = User("u1", "Jonas", "jonas@example.org", "hash", "manager", "jonas", "Europe/Berlin")
    token = ApiToken("#t", "shop", ("events", "holds"), NOW)
    progress = ImportProgress("d1", "orders.csv", 2**40, 5, 1)
    with store.unit() as unit:
        unit.save_user(jonas)
        unit.save_user(replace(jonas, active=False))
        unit.save_token(token)
        unit.save_import_progress(progress)
        unit.save_import_progress(replace(progress, finished_at=NOW))
    with store.view() as unit:
        assert unit.user("u1") == unit.user_by_email("jonas@example.org") == replace(jonas, active=False)
        assert unit.user("u2") is None
        assert unit.users() == [replace(jonas, active=False)]
        assert unit.token("#t") == token
        assert unit.token("#x") is None
        assert unit.tokens() == [token]
        assert unit.import_progress("d1") == replace(progress, finished_at=NOW)
        assert unit.import_progress("d2") is None
    with pytest.raises(IntegrityError), store.unit() as unit:
        unit.save_user(replace(jonas, id="u2"))


def test_who_somebody_is_at_a_provider_is_bound_once(store: Store) -> None:
    here, there = "https://id.example", "https://other.example"
    jonas, ruth = (User(id_, id_, f"{id_}@example.org", "", "am") for id_ in ("jonas", "ruth"))
    with store.unit() as unit:
        unit.save_user(jonas)
        unit.save_user(ruth)
        assert unit.bind_user("jonas", here, "s1") and unit.bind_user("ruth", there, "s1")
        assert not unit.bind_user("jonas", here, "s2") and not unit.bind_user("nobody", here, "s3")
    with store.view() as unit:
        assert unit.user_by_subject(here, "s1") == replace(jonas, issuer=here, subject="s1")
        assert unit.user_by_subject(here, "S1") is unit.user_by_subject(here, "s2") is None
    with pytest.raises(IntegrityError), store.unit() as unit:
        unit.save_user(replace(ruth, issuer=here, subject="s1"))
    with store.unit() as unit:
        unit.save_user(jonas)
        assert unit.user_by_subject(here, "s1") is None and unit.bind_user("jonas", here, "s2")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(
    decision=anything(Decision), user=anything(User), token=anything(ApiToken), done=anything(ImportProgress)
)
def test_any_record_comes_back_as_it_was(
    store: Store, decision: Decision, user: User, token: ApiToken, done: ImportProgress
) -> None:
    with undone(store) as unit:
        unit.add_decisions([decision])
        unit.save_user(user)
        unit.save_token(token)
        unit.save_import_progress(done)
        assert unit.decisions_of(decision.account) == [decision]
        assert unit.user(user.id) == user
        assert unit.token(token.hash) == token
        assert unit.import_progress(done.digest) == done


# --- the audit chain ------------------------------------------------------------------------------------


def test_the_audit_chain_holds(store: Store) -> None:
    with store.view() as unit:
        assert unit.audit_fault() is None
    with store.unit() as unit:
        unit.audit(NOW, "ada", "publish", "late", "live")
        unit.audit(at(1), "ada", "pause", "late")
    with store.unit() as unit:
        unit.audit(at(2), "jonas", "claim", "c1")
    with store.view() as unit:
        assert unit.audit_fault() is None
        assert unit.audit_of("late") == [
            AuditRow(2, at(1), "ada", "pause", "late", ""), AuditRow(1, NOW, "ada", "publish", "late", "live"),
        ]  # fmt: skip


def test_of_a_busy_subject_every_row_of_a_kind_is_found(store: Store) -> None:
    with store.unit() as unit:
        unit.audit(at(-1), "ada", "call.pointless", "late", "before")
        for number in range(1100):
            unit.audit(NOW, "ada", "call.pointless", "late", f"touch/{number}")
        for _ in range(1100):
            unit.audit(at(1), "jonas", "run.moved", "late")
        unit.audit(NOW, "ada", "call.pointless", "early")
    with store.view() as unit:
        rows = unit.audit_since("late", NOW, "call.pointless")
        assert [row.why for row in rows] == [f"touch/{number}" for number in reversed(range(1100))]
        assert len(unit.audit_since("late", NOW)) == 2200


@pytest.mark.parametrize(
    ("tampering", "fault"),
    [
        ("update audit set why = 'no reason' where seq = 2", "audit row 2 was changed"),
        ("update audit set hash = 'x' where seq = 2", "audit row 2 was changed"),
        ("delete from audit where seq = 1", "audit row 1 is missing"),
        ("delete from audit where seq = 3", "audit rows after 2 are missing"),
        ("update audit set seq = 0 where seq = 1", "audit row 1 is missing"),
        ("update audit set seq = -7 where seq = 3", "audit row 1 is missing"),
    ],
)
def test_tampering_shows(store: Store, tampering: str, fault: str) -> None:
    with store.unit() as unit:
        for hour in range(3):
            unit.audit(at(hour), "ada", "pause", "late")
    with store.unit() as unit:
        unit.bulk.run(tampering)
    with store.view() as unit:
        assert unit.audit_fault() == fault
