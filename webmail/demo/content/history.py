"""The older conversations: scripts of everyday studio work, told again for each project with its own particulars."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Project:
    name: str
    folder: str
    people: tuple[str, ...]
    things: tuple[str, ...]
    rooms: tuple[str, ...]


PROJECTS = (
    Project(
        "Halvorsen house",
        "Clients/Halvorsen house",
        ("jonas", "kari", "emil"),
        ("oak floor", "stair rail", "window seat", "pantry shelves", "bathroom tiles", "front door"),
        ("the hall", "the kitchen", "the attic", "the bathroom", "the guest room"),
    ),
    Project(
        "Café Brygga",
        "Clients/Café Brygga",
        ("bruno", "emil", "francois"),
        ("bar counter", "shutters", "bench cushions", "menu board", "terrace lights", "coffee shelf"),
        ("the bar", "the terrace", "the back room", "the store room"),
    ),
    Project(
        "Museum of Tides",
        "Clients/Museum of Tides",
        ("signe", "oskar", "yuki", "jisoo"),
        ("wall texts", "boat model plinth", "tide floor marks", "entrance desk", "acoustic curtain", "audio stations"),
        ("the boat hall", "the map room", "the foyer", "the children's corner"),
    ),
    Project(
        "Northlight offices",
        "Clients/Northlight",
        ("priya", "wei", "nikos"),
        ("meeting booths", "reception wall", "carpet samples", "phone boxes", "signage", "blinds"),
        ("the third floor", "the canteen", "the library", "the entrance"),
    ),
    Project(
        "Oak & Linen shop",
        "Clients/Oak & Linen",
        ("helen", "zofia", "layla"),
        ("fitting rooms", "window display", "cash desk", "linen rail", "shelf brackets", "shop sign"),
        ("the shop floor", "the window", "the stock room"),
    ),
    Project(
        "Studio",
        "INBOX",
        ("mats", "leila", "tom", "astrid"),
        ("model workshop", "printer", "material library", "website", "time sheets", "summer party"),
        ("the studio", "the workshop", "the meeting room"),
    ),
)

# (subject, turns); them, other and me are the voices; {thing}, {room}, {project}, {n} and names are filled in.
SCRIPTS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Measurements for {room}",
        (
            (
                "them",
                "Hi Ida,\n\nI measured {room} again: it is {n} centimetres shorter than on the plan, on the window side. Does that change anything for the {thing}?\n\n{them}",
            ),
            (
                "me",
                "Hi {them},\n\nThanks for checking. The {thing} has some room to give, I will move the joint and send a new drawing tomorrow.\n\nIda",
            ),
            ("me", "Here it is. Only sheet 2 changed.\n\nIda"),
            ("them", "Got it, thanks. Sheet 2 is on the wall now.\n\n{them}"),
        ),
    ),
    (
        "Question about the {thing}",
        (
            (
                "them",
                "Ida, a quick one: for the {thing}, do you want the edge rounded or straight? The workshop needs to know before lunch.\n\n{them}",
            ),
            ("me", "Rounded, 3 mm. Thank you for asking before and not after."),
        ),
    ),
    (
        "{thing}: three samples",
        (
            (
                "them",
                "Hello Ida,\n\nthree samples for the {thing} are on their way to you. Number one is what you asked for, number two is cheaper, number three is what I would take.\n\nKind regards\n{them}",
            ),
            (
                "me",
                "Hello {them},\n\nthey arrived, thank you. You are right about number three. How much more would it be for all of {room}?\n\nIda",
            ),
            ("them", "About {n} percent. I can hold the price until Friday.\n\n{them}"),
            ("me", "Then number three, please. I tell the client today."),
            ("them", "Ordered. Delivery in two weeks.\n\n{them}"),
        ),
    ),
    (
        "Delivery for {room} is late",
        (
            (
                "them",
                "Dear Ida,\n\nbad news: the {thing} will be about {n} days late, the truck is waiting at the border. I am sorry.\n\n{them}",
            ),
            (
                "me",
                "Dear {them},\n\nthank you for telling me early. We do {room} last then. Please write as soon as there is a new date.\n\nIda",
            ),
            ("other", "For me that is fine, I have enough to do upstairs until then.\n\n{other}"),
            ("them", "It moves! Thursday before noon.\n\n{them}"),
        ),
    ),
    (
        "Minutes: {project}, weekly",
        (
            (
                "them",
                "Hi all,\n\nshort minutes from today:\n\n- {thing}: approved, {other} orders\n- {room}: waits for the electrician\n- budget: {n} hours left in this phase\n- next meeting: same time next week\n\n{them}",
            ),
            ("other", "One addition: the key for {room} is with the neighbour now.\n\n{other}"),
        ),
    ),
    (
        "Can we move our call?",
        (
            (
                "them",
                "Hi Ida,\n\nsomething came up on Tuesday. Could we talk about the {thing} on Wednesday at {n} instead?\n\n{them}",
            ),
            ("me", "Wednesday is fine. I call you.\n\nIda"),
            ("them", "Great, thanks!"),
        ),
    ),
    (
        "Offer for the {thing}",
        (
            (
                "them",
                "Dear Ms Solberg,\n\nplease find our offer for the {thing} attached. It includes delivery to {room} and fitting, but not the removal of the old one.\n\nKind regards\n{them}",
            ),
            (
                "me",
                "Dear {them},\n\nthank you. Could you add the removal as its own line? Then we can decide this week.\n\nIda Solberg",
            ),
            ("them", "Of course, new version attached. Removal is {n} hours.\n\n{them}"),
            ("other", "From our side this is approved.\n\n{other}"),
            ("me", "Approved, please go ahead. And thank you for being so quick."),
        ),
    ),
    (
        "Photos of {room}",
        (
            (
                "them",
                "See attached: {room} this morning, without the scaffolding at last. The {thing} looks even better than in the drawing.\n\n{them}",
            ),
            ("me", "That light! Can I use the first one on our page?\n\nIda"),
            ("them", "Please do."),
        ),
    ),
    (
        "Snag list {project}",
        (
            (
                "me",
                "Hi {them},\n\nhere is what I saw today in {room}:\n\n1. scratch on the {thing}, left side\n2. one socket cover is missing\n3. the door touches the floor after {n} degrees\n\nCould you look at 3 first?\n\nIda",
            ),
            ("them", "3 is done, it was a hinge. 1 and 2 on Monday.\n\n{them}"),
            ("them", "All three done.\n\n{them}"),
            ("me", "Wonderful, then we can close {room}."),
        ),
    ),
    (
        "Budget for {room}",
        (
            (
                "them",
                "Ida,\n\nI am {n} hours over in {room}, mostly the {thing}. Do we tell them now or at the end?\n\n{them}",
            ),
            ("me", "Now. It is easier to hear before than after. I write today.\n\nIda"),
            ("other", "Agreed, and thanks for asking.\n\n{other}"),
        ),
    ),
    (
        "Drawings, revision {n}",
        (
            (
                "me",
                "Hi {them}, hi {other},\n\nrevision {n} is attached. New: the {thing} moves to the north wall, and {room} gets a second lamp. Please look until Thursday.\n\nIda",
            ),
            ("other", "Looks good. One number is missing on page 3, the height of the shelf.\n\n{other}"),
            ("me", "Right: 164 cm. It is in the file now."),
            ("them", "No comments from me, go.\n\n{them}"),
        ),
    ),
    (
        "Thank you",
        (
            (
                "them",
                "Dear Ida,\n\nwe sat in {room} last night and simply looked at it. The {thing} is what everybody touches first. Thank you.\n\n{them}",
            ),
            ("me", "Dear {them},\n\nthis made my day. Enjoy it, and send a picture in winter.\n\nIda"),
        ),
    ),
)

FRIENDLY: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Sunday",
        (
            ("them", "Are you coming on Sunday? There will be waffles.\n\n{them}"),
            ("me", "Waffles? Then yes. At three?"),
            ("them", "At three. Bring the jam."),
        ),
    ),
    (
        "Book",
        (
            ("them", "I finished the book you lent me. The ending! We need to talk about it.\n\n{them}"),
            ("me", "I know. I was angry for a week. Coffee on Saturday?"),
            ("them", "Saturday, the usual place."),
        ),
    ),
    (
        "Ferry tickets",
        (
            ("them", "The early ferry is full. There is space at 11:{n}, shall I book it?\n\n{them}"),
            ("me", "Yes please, and a place by the window for mum."),
            ("them", "Done, tickets attached."),
        ),
    ),
    ("Rehearsal notes", (("them", "Dear all,\n\nwe start at bar {n} on Monday. Please mark the breaths.\n\n{them}"),)),
    (
        "Old photos",
        (
            ("them", "I found these while tidying up. Look at your hair!\n\n{them}"),
            ("me", "This stays in the family, please."),
            ("them", "Too late."),
        ),
    ),
    (
        "Bike",
        (
            ("them", "Your bike is ready. New chain, and the brake no longer sings.\n\n{them}"),
            ("me", "You are a hero. I pick it up tonight."),
        ),
    ),
)
