"""What the owner of the sample mailbox has beside her mail: people in groups, texts to begin with, a signature, answers
she waits for, a letter for tomorrow.
"""

from dataclasses import dataclass, field

from webmail.demo.content.people import CLIENTS, FRIENDS, OTHERS, TEAM, Person
from webmail.mime.person_card import Pair, PersonCard, Place


@dataclass(frozen=True)
class Known:
    """A person of the address book, and what is known of them."""

    person: Person
    groups: tuple[str, ...] = ()
    phone: str = ""
    organisation: str = ""
    title: str = ""
    note: str = ""
    birthday: str = ""
    place: Place | None = None
    further: tuple[Pair, ...] = field(default=())

    @property
    def card(self) -> PersonCard:
        given, _, family = self.person.name.partition(" ")
        return PersonCard(
            name=self.person.name,
            given=given if family else "",
            family=family,
            organisation=self.organisation,
            title=self.title,
            note=self.note,
            birthday=self.birthday,
            addresses=[("work" if self.organisation else "", self.person.address), *self.further],
            phones=[("mobile", self.phone)] if self.phone else [],
            places=[self.place] if self.place else [],
            categories=list(self.groups),
        )


STUDIO, HALVORSEN, MUSEUM, FAMILY = "Studio", "Halvorsen house", "Museum of Tides", "Family"

KNOWN = (
    Known(TEAM["mats"], (STUDIO,), "+47 555 01 102", "Fjordworks", "Joiner"),
    Known(TEAM["leila"], (STUDIO,), "+47 555 01 103", "Fjordworks", "Architect", birthday="1984-03-19"),
    Known(TEAM["tom"], (STUDIO,), "+47 555 01 104", "Fjordworks", "Model maker"),
    Known(TEAM["astrid"], (STUDIO,), "+47 555 01 105", "Fjordworks", "Interior architect"),
    Known(
        CLIENTS["jonas"],
        (HALVORSEN,),
        "+47 555 01 210",
        place=("home", "Strandgaten 14", "Bergen", "", "5013", "Norway"),
        note="Prefers calls before nine. The dog is called Brahms.",
    ),
    Known(CLIENTS["kari"], (HALVORSEN,), "+47 555 01 211"),
    Known(CLIENTS["emil"], (HALVORSEN,), "+47 555 01 212", "Sørensen Bygg", "Site manager"),
    Known(CLIENTS["signe"], (MUSEUM,), "+47 555 01 320", "Museum of Tides", "Director"),
    Known(CLIENTS["oskar"], (MUSEUM,), "", "Museum of Tides", "Exhibitions"),
    Known(OTHERS["yuki"], (MUSEUM,), "+81 555 0142", "Hikari Lighting"),
    Known(
        CLIENTS["bruno"],
        (),
        "+47 555 01 430",
        "Café Brygga",
        "Owner",
        place=("work", "Bryggen 3", "Bergen", "", "5003", "Norway"),
    ),
    Known(CLIENTS["priya"], (), "+44 555 0178", "Northlight Property", "Project lead"),
    Known(CLIENTS["helen"], (), "+44 555 0191", "Oak & Linen", "Founder"),
    Known(OTHERS["francois"], (), "+33 555 01 54", "Lefèvre Menuiserie"),
    Known(OTHERS["nikos"], (), "+30 555 0163", "Aegean Stone"),
    Known(OTHERS["zofia"], (), "+48 555 01 77", title="Upholsterer"),
    Known(FRIENDS["mum"], (FAMILY,), "+47 555 01 501", birthday="1951-06-02"),
    Known(
        FRIENDS["henrik"],
        (FAMILY,),
        "+47 555 01 502",
        birthday="--09-27",
        further=(("work", "henrik.solberg@harbourpilots.example"),),
    ),
    Known(FRIENDS["maja"], (), "+47 555 01 610"),
    Known(FRIENDS["dan"], (), "+47 555 01 611"),
    # Once more, from an old telephone: two cards of one person, for the page of duplicates.
    Known(Person("Emil Sørensen", "emil.sorensen@postkasse.example"), (), "+47 555 01 299"),
)

# Name, subject, HTML; "{first name}" is the recipient's.
TEMPLATES = (
    (
        "Offer",
        "Our offer",
        "<div>Dear {first name},</div><div><br></div><div>thank you for asking. Please find our offer attached. It includes drawings, one round of changes and two visits; fittings are listed apart.</div><div><br></div><div>It holds for four weeks. Shall we talk it through on the telephone?</div>",
    ),
    (
        "Site visit",
        "Site visit",
        "<div>Hi {first name},</div><div><br></div><div>I can come by on </div><div><br></div><div>Please have ready:</div><ul><li>the key, or somebody with it</li><li>the last drawing with your notes</li><li>light in every room</li></ul>",
    ),
    (
        "Thank you for the payment",
        "",
        "<div>Dear {first name},</div><div><br></div><div>your payment has arrived, thank you. It was a pleasure.</div>",
    ),
)

SIGNATURE = '<div><b>Ida Solberg</b></div><div>Fjordworks Studio, Bergen</div><div><a href="https://fjordworks.example">fjordworks.example</a></div>'

# Subject of what she sent, whose answer is waited for, and for how many days.
WAITED = (
    ("Shop sign: gold leaf or paint?", CLIENTS["helen"], 3),
    ("Window seat: drawings for the workshop", OTHERS["francois"], 3),
)

TOMORROW = (
    FRIENDS["maja"],
    "The cake",
    "<div>Good morning Maja,</div><div><br></div><div>the almonds are in the oven. If anybody does not eat nuts, today is the day to tell me.</div><div><br></div><div>Ida</div>",
)
