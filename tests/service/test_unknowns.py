"""Messages of which nobody knows: the provider's listing can prove that one went out, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from outreach.domain.errors import NotFound
from outreach.domain.facts import Channel
from outreach.domain.touch import Status
from outreach.lab.scratch import Scratch
from outreach.service import desk
from outreach.service.ports_faults import Unavailable
from outreach.service.ports_ways import Found
from outreach.service.unknowns import evidence, look_up
from tests.service.test_leaving import faulty, lost, mail, only
from tests.service.test_signals import attempt_of
from tests.service.world import give, house, provided, touches

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Listing:
    """A provider's own pages."""

    def __init__(self, *found: Found) -> None:
        self.found, self.asked, self.down = list(found), 0, False

    def find(self, recipient: str, since: datetime, until: datetime) -> list[Found]:
        self.asked += 1
        if self.down:
            raise Unavailable("the listing does not answer")
        return self.found


def doubtful(plain: Scratch, listing: Listing) -> Scratch:
    home = provided(plain, finders={Channel.SMS: listing})
    give(home)
    lost(home)
    assert only(home).status is Status.UNKNOWN
    return home


def entry(home: Scratch, ref: str = "SM1", text: str = "", late: timedelta = MINUTE, **more: Any) -> Found:
    attempt = attempt_of(home)
    given = {"at": attempt.at + late, "text": text or attempt.text or "", "status": "delivered"}
    return Found(ref, **(given | more))


def test_exactly_one_entry_with_the_same_words_proves_it() -> None:
    listing = Listing()
    with house(mail(key="sms"), senders=faulty("unknown")) as plain:
        home = doubtful(plain, listing)
        listing.found = [entry(home), entry(home, "SM2", "other words"), entry(home, "SM3", late=2 * HOUR)]
        assert look_up(home.outside) == 1
        assert (only(home).status, only(home).provider_ref) == (Status.SENT, "SM1")
        assert look_up(home.outside) == 0


@pytest.mark.parametrize("case", ["nothing", "two", "before", "another's", "down"])
def test_what_proves_nothing_leaves_it_to_a_human(case: str) -> None:
    listing = Listing()
    with house(mail(key="sms"), senders=faulty("unknown")) as plain:
        home = doubtful(plain, listing)
        listing.down = case == "down"
        listing.found = {
            "nothing": [], "two": [entry(home), entry(home, "SM2")], "before": [entry(home, late=-HOUR)],
            "another's": [entry(home)], "down": [],
        }[case]  # fmt: skip
        if case == "another's":
            other = replace_attempt(home, "another-token", ref="SM1")
            home.database.retrying(lambda unit: unit.add_attempt(other))
        assert look_up(home.outside) == 0
        home.advance(30 * timedelta(days=1))
        assert only(home).status is Status.UNKNOWN


def replace_attempt(home: Scratch, token: str, **more: Any) -> Any:
    return attempt_of(home)._replace(token=token, touch="another", run="another", **more)


def test_white_space_is_no_difference() -> None:
    listing = Listing()
    with house(mail(key="sms"), senders=faulty("unknown")) as plain:
        home = doubtful(plain, listing)
        listing.found = [entry(home, text=f"  {attempt_of(home).text}\n".replace(" ", "  "))]
        assert look_up(home.outside) == 1


def test_the_listing_is_asked_often_at_first_and_no_more_after_a_day() -> None:
    listing = Listing()
    with house(mail(key="sms"), senders=faulty("unknown")) as plain:
        home = doubtful(plain, listing)
        for _ in range(26 * 60):
            home.clock.set(home.now + MINUTE)
            look_up(home.outside)
        assert 150 <= listing.asked <= 250


def test_a_mail_by_a_provider_without_a_listing_waits_for_its_event() -> None:
    listing = Listing()
    with house(mail(), senders=faulty("unknown")) as plain:
        home = provided(plain, finders={Channel.SMS: listing})
        give(home)
        lost(home)
        assert look_up(home.outside) == 0 and listing.asked == 0
        assert not evidence(home.outside, only(home).id).readable


def test_the_evidence_lies_side_by_side_the_likeliest_first() -> None:
    listing = Listing()
    with house(mail(key="sms"), senders=faulty("unknown")) as plain:
        home = doubtful(plain, listing)
        listing.found = [entry(home, "SM2", "other words"), entry(home, "SM1", late=5 * MINUTE)]
        found = evidence(home.outside, only(home).id)
        assert found.readable and [one.ref for one in found.found] == ["SM1", "SM2"]
        assert found.attempt is not None and found.attempt.recipient == "+4930123456"
        listing.down = True
        assert not evidence(home.outside, only(home).id).readable


def test_sending_again_by_hand_is_a_new_attempt_judged_anew() -> None:
    with house(mail(key="sms"), senders=faulty("lost")) as plain:
        home = doubtful(plain, Listing())
        desk.settle_unknown(home.outside, only(home).id, "ops", "again", "it is not in their log")
        home.settle()
        with home.database.view() as unit:
            tokens = [attempt.token for attempt in unit.attempts_of([only(home).id])]
        assert len(set(tokens)) == 2 and only(home).attempt == 2
        with pytest.raises(NotFound):
            evidence(home.outside, only(home).id)


def test_a_stop_in_between_wins_over_sending_again() -> None:
    from outreach.service import replies
    from tests.service.test_replies import sms

    with house(mail(key="sms"), senders=faulty("lost")) as plain:
        home = doubtful(plain, Listing())
        replies.receive(home.outside, sms("STOP"))
        desk.settle_unknown(home.outside, only(home).id, "ops", "again", "it is not in their log")
        home.settle()
        assert (touches(home)[-1].status, touches(home)[-1].because) == (Status.WITHHELD, "opted_out")


def test_mails_that_nobody_lists_do_not_starve_what_is_listed() -> None:
    listing = Listing()
    with house(mail(key="sms"), senders=faulty("unknown")) as plain:
        home = doubtful(plain, listing)
        touch = only(home)
        assert touch.intent_at is not None
        others = [  # newer mails, whose provider lists nothing
            replace(
                touch,
                channel=Channel.EMAIL,
                id=f"m{i:02}",
                token=f"mt{i:02}",
                intent_at=touch.intent_at + timedelta(seconds=i + 1),
            )
            for i in range(30)
        ]
        home.database.retrying(lambda unit: unit.add_touches(others))
        before = listing.asked
        look_up(home.outside)
        assert listing.asked == before + 1
