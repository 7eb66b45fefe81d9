"""Who buys from Hearth & Home in the demo: invented people and houses, spread over the world.

Telephone numbers are from ranges that are kept free for films, or cannot be dialled; addresses end in
``.example``. Whoever is picked by the same seed is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Place:
    """``phone`` with ``{}`` for three digits."""

    city: str
    zone: str
    country: str
    region: str | None
    language: str
    phone: str
    team: str


BERLIN = Place("Berlin", "Europe/Berlin", "DE", "BE", "de", "+493023125{}", "berlin")
MUNICH = Place("Munich", "Europe/Berlin", "DE", "BY", "de", "+498999998{}", "berlin")
HAMBURG = Place("Hamburg", "Europe/Berlin", "DE", "HH", "de", "+494066969{}", "berlin")
LONDON = Place("London", "Europe/London", "GB", None, "en", "+442079460{}", "berlin")
NEW_YORK = Place("New York", "America/New_York", "US", "NY", "en", "+12125550{}", "new_york")
CHICAGO = Place("Chicago", "America/Chicago", "US", "IL", "en", "+13125550{}", "new_york")
LOS_ANGELES = Place("Los Angeles", "America/Los_Angeles", "US", "CA", "en", "+12135550{}", "new_york")
HONOLULU = Place("Honolulu", "Pacific/Honolulu", "US", "HI", "en", "+18085550{}", "new_york")
SAO_PAULO = Place("São Paulo", "America/Sao_Paulo", "BR", None, "en", "+551100000{}", "new_york")
SYDNEY = Place("Sydney", "Australia/Sydney", "AU", "NSW", "en", "+61255500{}", "new_york")
AUCKLAND = Place("Auckland", "Pacific/Auckland", "NZ", "AUK", "en", "+6490000{}", "new_york")
TOKYO = Place("Tokyo", "Asia/Tokyo", "JP", None, "en", "+81300000{}", "berlin")
MUMBAI = Place("Mumbai", "Asia/Kolkata", "IN", None, "en", "+912200000{}", "berlin")
CAPE_TOWN = Place("Cape Town", "Africa/Johannesburg", "ZA", None, "en", "+27210000{}", "berlin")

OWNERS = {"berlin": ("jonas", "miriam", "tarek"), "new_york": ("grace", "luis")}


@dataclass(frozen=True, slots=True)
class Human:
    id: str
    name: str
    role: str
    phone: str | None
    email: str | None


@dataclass(frozen=True, slots=True)
class Customer:
    """``every``: days between orders; None orders once or twice."""

    id: str
    name: str
    kind: str
    place: Place
    owner: str
    tier: str | None
    value: float | None
    every: int | None
    people: tuple[Human, ...]

    @property
    def buyer(self) -> str | None:
        return self.people[0].id if self.people else None


_HOUSES = (
    ("Hotel Seeblick", BERLIN), ("Pension Morgenrot", BERLIN), ("Gasthaus zum Kranich", BERLIN),
    ("Restaurant Fährhaus", HAMBURG), ("Hotel Elbgarten", HAMBURG), ("Landhaus Isarau", MUNICH),
    ("Küchenstudio Havel", BERLIN), ("Gästehaus Lindenhof", MUNICH), ("The Copper Kettle", LONDON),
    ("Larkspur House", LONDON), ("Fennel & Finch Catering", LONDON), ("Willow Court Inn", NEW_YORK),
    ("Hudson Street Kitchen", NEW_YORK), ("Maple Row Hotel", NEW_YORK), ("Lakefront Grill House", CHICAGO),
    ("Sunset Bungalows", LOS_ANGELES), ("Casa Naranja", LOS_ANGELES), ("Plumeria Cottages", HONOLULU),
    ("Pousada Aurora", SAO_PAULO), ("Harbour Terrace Hotel", SYDNEY), ("Wattle Street Diner", SYDNEY),
    ("Kauri Lodge", AUCKLAND), ("Hinoki House", TOKYO), ("Banyan Court", MUMBAI), ("Table Bay Guesthouse", CAPE_TOWN),
)  # fmt: skip
_HOMES = (
    BERLIN, BERLIN, BERLIN, BERLIN, MUNICH, MUNICH, HAMBURG, HAMBURG, LONDON, LONDON, LONDON, NEW_YORK, NEW_YORK,
    CHICAGO, LOS_ANGELES, LOS_ANGELES, HONOLULU, SAO_PAULO, SYDNEY, SYDNEY, AUCKLAND, TOKYO, MUMBAI, CAPE_TOWN,
)  # fmt: skip
_FIRST = (
    "Anna", "Ben", "Clara", "David", "Emilia", "Felix", "Greta", "Henrik", "Ida", "Jakob", "Klara",
    "Leon", "Mara", "Nils", "Olivia", "Paul", "Rosa", "Simon", "Thea", "Viktor", "Wanda", "Yusuf",
    "Zoe", "Amir", "Bianca", "Cedric", "Daria", "Elias", "Fatima", "Gustav", "Hanna", "Ivan", "Julia",
    "Kofi", "Lena", "Mateo", "Nadia", "Oscar", "Priya", "Ravi",
)  # fmt: skip
_LAST = (
    "Ahlers", "Brandt", "Castell", "Dorn", "Ebeling", "Farkas", "Grünwald", "Holm", "Ilves", "Janssen",
    "Kessler", "Lorenz", "Marlow", "Nowak", "Oduya", "Pereira", "Quint", "Rademacher", "Sato", "Thorne",
    "Ulrich", "Vargas", "Winter", "Yamada", "Zeller", "Ashby", "Bellamy", "Carver", "Dalton", "Everett",
    "Fielding", "Garrow",
)  # fmt: skip


class Casting:
    """Makes up customers one after another; every human has a number and an address of their own."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self._humans = self._customers = 0

    def human(self, place: Place, role: str = "buyer", name: str | None = None) -> Human:
        self._humans += 1
        name = name or f"{self.rng.choice(_FIRST)} {self.rng.choice(_LAST)}"
        first, _, last = _plain(name).partition(" ")
        email = f"{first}.{last}.{self._humans}@mail.example".lower()
        return Human(f"p{self._humans:03d}", name, role, _phone(place, self._humans), email)

    def house(self, name: str, place: Place) -> Customer:
        """A business of two or three people."""
        people = [self.human(place)]
        people += [
            self.human(place, role) for role in self.rng.sample(("user", "decision_maker", "payer"), 2)
        ]
        tier = self.rng.choice(("gold", "silver", "silver", "bronze"))
        value = round(self.rng.uniform(4_000, 60_000), -2)
        return self._customer(name, "business", place, tier, value, self.rng.randint(18, 60), people)

    def home(self, place: Place, human: Human | None = None) -> Customer:
        human = human or self.human(place)
        every = self.rng.choice((None, None, None, 60, 90))
        value = self.rng.choice((None, round(self.rng.uniform(300, 4_000), -1)))
        return self._customer(human.name, "private", place, "standard", value, every, [human])

    def _customer(
        self,
        name: str,
        kind: str,
        place: Place,
        tier: str,
        value: float | None,
        every: int | None,
        people: list[Human],
    ) -> Customer:
        self._customers += 1
        owner = self.rng.choice(OWNERS[place.team])
        id_ = f"A{1000 + self._customers}"
        return Customer(id_, name, kind, place, owner, tier, value, every, tuple(people))


def crowd(casting: Casting, homes: int) -> Iterator[Customer]:
    """All the houses, and so many private customers."""
    for name, place in _HOUSES:
        yield casting.house(name, place)
    for number in range(homes):
        yield casting.home(_HOMES[number % len(_HOMES)])


def _phone(place: Place, number: int) -> str:
    """North American numbers for films end in 0100 to 0199."""
    digits = 100 + number % 100 if place.country == "US" else number % 1000
    return place.phone.format(f"{digits:03d}")


def _plain(name: str) -> str:
    for letter, plain in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        name = name.replace(letter, plain)
    return name
