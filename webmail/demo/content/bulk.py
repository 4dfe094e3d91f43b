"""Mail from machines: newsletters, receipts, journeys, notices, lists, and the junk folder."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Newsletter:
    sender: str
    address: str
    palette: str
    accent: str
    every_days: int
    headlines: tuple[str, ...]
    teasers: tuple[str, ...]
    remote: bool  # pictures from the sender's server instead of attached ones


NEWSLETTERS = (
    Newsletter(
        "Slow Rooms Weekly",
        "letter@slowrooms.example",
        "linen",
        "#7a5c3e",
        7,
        (
            "The quiet kitchen",
            "Stairs people sit on",
            "A shed that became a library",
            "What a threshold is for",
            "Lime wash, again",
            "Rooms without corners",
            "The case for small windows",
            "Benches",
        ),
        (
            "A visit to a house where nothing matches and everything fits.",
            "Three carpenters about the joint they are proud of.",
            "Why the best light in the room is often the one you do not see.",
            "A reader sends the floor plan of her grandmother's flat.",
        ),
        True,
    ),
    Newsletter(
        "Type & Letters",
        "news@typeandletters.example",
        "evening",
        "#5b3f8c",
        14,
        (
            "Numerals that behave",
            "A grotesque from the north",
            "Signs of a small harbour",
            "The long story of the ampersand",
            "Setting Japanese and Latin together",
        ),
        (
            "Old-style figures in tables: when yes, when no.",
            "We looked at two hundred shop signs in one town.",
            "A free weekend course in sign painting.",
        ),
        False,
    ),
    Newsletter(
        "Fjord Daily",
        "morning@fjorddaily.example",
        "fjord",
        "#1f5f8b",
        2,
        (
            "Ferry timetable changes from Monday",
            "Harbour bath opens again",
            "Snow on the high roads",
            "Library open until ten",
            "Museum counts its hundred-thousandth visitor",
            "Old crane stays, council decides",
            "New bike bridge: the three proposals",
        ),
        (
            "The most important things before your first coffee.",
            "What it means for commuters, and who pays.",
            "Also today: the weather, two concerts and a lost parrot.",
        ),
        True,
    ),
    Newsletter(
        "Material Bank",
        "updates@materialbank.example",
        "forest",
        "#2f6b4a",
        10,
        (
            "New: boards from apple pomace",
            "Clay plaster in eleven colours",
            "Wool felt back in stock",
            "Cork, thicker than before",
            "Samples leave the house within a day",
        ),
        (
            "Order up to five samples free of charge until Sunday.",
            "Tested in a school for two years: the report.",
            "With data sheet, acoustic values and a picture in daylight.",
        ),
        False,
    ),
    Newsletter(
        "The Ledger, for small studios",
        "hello@ledgerletter.example",
        "dawn",
        "#b4552d",
        14,
        (
            "How to say a price out loud",
            "Three invoices that were never paid",
            "VAT on travel, once and for all",
            "A calendar for the tax year",
        ),
        (
            "A short read for the last Friday of the month.",
            "With a template you may copy.",
            "Readers answer: what do you do with a client who never says no?",
        ),
        True,
    ),
)

RECEIPTS = (
    ("Nordlys Kraft", "faktura@nordlyskraft.example", "Your electricity bill for {month}", "Electricity, {month}"),
    ("Bokhandel Østbye", "ordre@ostbye.example", "Receipt for your order {number}", "Books, order {number}"),
    ("Paperworks", "orders@paperworks.example", "Order {number} has been shipped", "Model board, knives, glue"),
    ("Harbour Coffee Roasters", "shop@harbourcoffee.example", "Thank you for your order {number}", "Coffee, 2 kg"),
    ("Telefjord", "regning@telefjord.example", "Invoice {number}, {month}", "Telephone and fibre, {month}"),
    ("Verktøy & Tre", "kundeservice@verktoytre.example", "Kvittering {number}", "Oak offcuts, dowels, oil"),
    ("CloudShelf", "billing@cloudshelf.example", "Your CloudShelf receipt for {month}", "Storage 2 TB, {month}"),
)

TRAVEL = (
    (
        "Nordic Rail",
        "tickets@nordicrail.example",
        "Your ticket to {city}, {number}",
        "{day}: departure 07:48, track 3. Coach 5, seat 61, window. Change once; please be at the platform five minutes early.",
    ),
    (
        "Hotel Fyr",
        "reception@hotelfyr.example",
        "Your reservation in {city} is confirmed",
        "One room, two nights from {day}, breakfast included. The door code comes on the day of arrival.",
    ),
    (
        "Coastal Ferries",
        "booking@coastalferries.example",
        "Booking {number}: ferry to {city}",
        "Departure {day} 11:20, one passenger, one bicycle. Boarding closes ten minutes before departure.",
    ),
    (
        "Airlink",
        "noreply@airlink.example",
        "Check in now: {city}",
        "Your flight on {day} is open for check-in. Seat 14A is reserved for you. Hand luggage only.",
    ),
)
CITIES = (
    "Bergen",
    "Trondheim",
    "København",
    "Göteborg",
    "Kraków",
    "Lyon",
    "Edinburgh",
    "Helsinki",
    "Reykjavík",
    "Porto",
)

NOTICES = (
    (
        "Calendar",
        "calendar@fjordworks.example",
        "Reminder: {event}, {day} {hour}:00",
        "{event}\n{day}, {hour}:00\n\nThis reminder was sent because you asked for one 24 hours before.",
    ),
    (
        "Studio server",
        "backup@fjordworks.example",
        "Backup finished: {number} files",
        "The nightly backup finished without errors.\n\nFiles: {number}\nNew or changed: {small}\nDuration: {hour} minutes",
    ),
    (
        "Parcel Post",
        "status@parcelpost.example",
        "Your parcel {number} is on its way",
        "Your parcel {number} left the sorting centre and will be with you on {day}.\n\nYou can have it left with a neighbour.",
    ),
    (
        "Fjordbank",
        "varsel@fjordbank.example",
        "Payment received",
        "A payment of {small}.00 arrived in the account ending in 4471 on {day}.\n\nWe never ask for your password by mail.",
    ),
    (
        "Planroom",
        "notify@planroom.example",
        "{who} commented on sheet {small}",
        '{who} wrote on sheet {small}, {event}:\n\n"Is this the old height or the new one?"\n\nOpen the sheet to answer.',
    ),
    (
        "City Library",
        "no-reply@citylibrary.example",
        "Your loan is due on {day}",
        "One title is due on {day}. Nobody is waiting for it, so it can be extended twice.",
    ),
)
EVENTS = (
    "Site visit Halvorsen",
    "Museum: opening route",
    "Payroll",
    "Choir",
    "Dentist",
    "Portfolio review",
    "Café Brygga, tasting",
    "Call with Northlight",
)

# (list tag, folder, subject, opening, answers)
LISTS = (
    (
        "lettering",
        "Lists/Lettering",
        (
            (
                "Best varnish for outdoor signs?",
                "I painted a sign for a boat yard and the varnish goes yellow after one summer. What do you use near salt water?",
                (
                    "Two-component, thin, three coats. And a hat for the sign: a small roof does more than any varnish.",
                    "I gave up and repaint every third year. Customers like the visit.",
                    "Linseed oil paint needs no varnish at all.",
                ),
            ),
            (
                "Gilding workshop in March",
                "We have four places left for the gilding weekend. No experience needed, patience yes.",
                (
                    "Is it possible to come on Sunday only?",
                    "I was there last year and can only recommend it.",
                    "Two places left now.",
                ),
            ),
            (
                "Spacing of capitals on round walls",
                "Has anybody set a line of capitals on the inside of a round room? From below everything looks too tight.",
                (
                    "Draw it flat, print it, hang it, look from the door. No formula survives the door.",
                    "Add a tenth above eye level. It looks wrong on paper.",
                ),
            ),
            (
                "Which brush for small italics",
                "My italics under 4 cm look like fence posts. Is it me or the brush?",
                ("It is always both.", "A number 2 quill, and slower on the way up."),
            ),
        ),
    ),
    (
        "homelab",
        "Lists/Homelab",
        (
            (
                "Silent switch for a shelf in the living room",
                "Looking for a small switch without a fan. Eight ports would do, two of them with power for cameras.",
                (
                    "The fanless ones get warm; leave a hand's width above.",
                    "I put mine under the stairs and the question went away.",
                    "Power over Ethernet and silence rarely live together.",
                ),
            ),
            (
                "Backups: how do you test them?",
                "I have backups. I have never restored one. How often do you, and onto what?",
                (
                    "Once a quarter, onto an old laptop. The first time was terrible, which was the point.",
                    "A script restores ten random files each night and compares them.",
                    "If you have not restored it, you have a wish and not a backup.",
                ),
            ),
            (
                "Own mail server in 2026, is it worth it?",
                "Domain, small machine, four people. Am I mad?",
                (
                    "Not mad, but stubborn helps.",
                    "Reading is easy. Being read by others is the hard part.",
                    "Twelve years now. The trick is to change nothing on a Friday.",
                ),
            ),
            (
                "Labels for cables",
                "What do you print your cable labels with? Mine fall off after a month.",
                ("Heat-shrink tubes with a printer for them.", "Flag labels, folded around. Never came off."),
            ),
        ),
    ),
)

JUNK = (
    (
        "Prize Department",
        "winner@lucky-prizes.example",
        "You have (1) parcel waiting",
        "Dear customer, your parcel could not be delivered. Confirm your address within 12 hours.",
    ),
    (
        "Dr. Benjamin Adeyemi",
        "benj.adeyemi@mail-fund.example",
        "Confidential proposal",
        "I write to you in respect of a dormant account. Your discretion is required.",
    ),
    (
        "SEO Experts",
        "grow@rank-first.example",
        "Your website is losing visitors",
        "We analysed your page and found 37 critical errors. Reply YES for a free report.",
    ),
    (
        "Security Team",
        "no-reply@account-verify.example",
        "Unusual sign-in: confirm now",
        "Somebody signed in from another country. Confirm your identity, or your mailbox will be closed.",
    ),
    (
        "Miracle Lamp",
        "deals@lampsale.example",
        "-90 % only today!!!",
        "The lamp that everybody talks about. Only today, only for you, only 9.99.",
    ),
)
