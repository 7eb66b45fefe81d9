"""Made-up customers for pages with something on them."""

from __future__ import annotations

from datetime import timedelta

from tests.web.world import World


def busy_day(here: World) -> None:
    """A Monday morning: late, lost and damaged goods, a complaint, a promise, somebody in New York."""
    here.account("a1", "Berlin Kitchens GmbH", person="anna", tier="gold", value=120_000)
    here.account("a2", "Café Morgenrot", person="mara", tier="silver", value=18_500)
    here.account("a3", "Gartenbau Lindner", person="ole", owner="miriam")
    here.account(
        "a4",
        "Fifth Avenue Grills Inc.",
        zone="America/New_York",
        country="US",
        region="NY",
        team="new_york",
        value=64_000,
    )
    here.tell("person.described", "person:grace", {
        "name": "Grace Miller", "greeting": "Grace", "phone": "+12125550134", "email": "grace@example.com",
        "zone": "America/New_York", "country": "US", "region": "NY",
        "accounts": [{"account": "a4", "roles": ["decision_maker"]}],
    })  # fmt: skip
    here.account("a5", "Familie Okonkwo", person="ada", kind="private")
    here.account("a6", "Tischlerei Brandt", value=40_000)
    for day in (90, 60, 30):
        here.tell(
            "order.placed",
            "a1",
            {"order_id": f"o-{day}", "amount": 3000, "person_id": "anna"},
            ago=timedelta(days=day),
        )
    here.tell("preference.stated", "person:anna", {
        "person_id": "anna", "kind": "note", "value": "Likes it short, no small talk", "by": "miriam",
    }, ago=timedelta(days=40))  # fmt: skip
    here.tell("delivery.lost", "a1", {"order_id": "o-1001", "person_id": "anna"}, ago=timedelta(hours=2))
    here.tell("complaint.opened", "a1", {
        "complaint_id": "c-7", "about": "invoice", "words": "Billed twice for the same worktop.", "person_id": "anna",
    }, ago=timedelta(days=1))  # fmt: skip
    here.late("a2", "mara", "o-2002", 4, ago=timedelta(days=2))
    here.late("a3", "ole", "o-3003", 2)
    here.tell("delivery.damaged", "a4", {"order_id": "o-4004", "person_id": "grace"})
    here.late("a5", "ada", "o-5005", 6, ago=timedelta(hours=20))
    here.late("a6", None, "o-6006", 3)
    here.tell("delivery.short", "a6", {"order_id": "o-6001"})
    here.tell("backorder.moved", "a2", {"order_id": "o-2020"})
    here.tick()


def with_draft(here: World) -> tuple[str, str]:
    """A call nobody answered, and a day later the mail that waits for its owner: (card, touch)."""
    here.account("a1", "Berlin Kitchens", person="anna")
    here.late("a1", "anna", "o-1")
    here.pass_time(days=1, hours=1)
    here.tick()
    with here.house.database.view() as unit:
        rows = unit.bulk.rows("select card, id from touch where status = 'draft'")
    assert rows, "the playbook's mail waits"
    return rows[0][0], rows[0][1]


def snowed_in(here: World, customers: int = 7) -> None:
    """A pass is shut, and one carrier is late everywhere."""
    for number in range(1, customers + 1):
        id_, person = f"s{number}", f"person{number}"
        here.account(id_, f"Gasthof {number}", person=person)
        here.tell("delivery.delayed", id_, {
            "order_id": f"o-s{number}", "days_late": 3, "carrier": "Nordfracht", "person_id": person,
        })  # fmt: skip
    here.tick()
