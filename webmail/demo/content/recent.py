"""The conversations of the last days, written out: what a person sees first.

``Turn.minutes`` is the time before now. ``attach`` and ``inline`` name files of files.py: ``pdf:Name.pdf|Title``,
``png:name.png|palette``, ``csv:name.csv``, ``ics:Subject``.
"""

from dataclasses import dataclass

HOUR = 60
DAY = 24 * HOUR


@dataclass(frozen=True)
class Turn:
    who: str
    minutes: int
    text: str
    attach: tuple[str, ...] = ()
    inline: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()


@dataclass(frozen=True)
class Thread:
    subject: str
    turns: tuple[Turn, ...]
    unread: int = 0  # how many of the last messages from others are unread
    flagged: bool = False
    folder: str = "INBOX"


THREADS: tuple[Thread, ...] = (
    Thread(
        "Kitchen lighting: which of the two?",
        (
            Turn(
                "jonas",
                2 * DAY + 200,
                "Hi Ida,\n\nWe looked at both mock-ups last night with the lights off, as you suggested. Kari prefers the warm strip under the shelf, I still like the three pendants. Could you tell us what each would mean for the ceiling? If the pendants need new wiring we would rather know before Emil closes it.\n\nBest,\nJonas",
            ),
            Turn(
                "me",
                2 * DAY + 20,
                "Hi Jonas,\n\nThe strip runs off the existing outlet, so nothing changes in the ceiling. The pendants need one new circuit; Emil can pull it before Thursday, about half a day of work.\n\nMy honest view: the strip for cooking, and one single pendant over the table instead of three. I have drawn that as a third option.\n\nIda",
                attach=("pdf:Kitchen-option-C.pdf|Kitchen, option C",),
            ),
            Turn(
                "kari",
                1 * DAY + 90,
                "Option C! Jonas is already moving the table to see it. Just one question: can the pendant be dimmed separately?\n\nKari",
                cc=("jonas",),
            ),
            Turn("me", 22 * HOUR, "It can. Two circuits on one wall plate, no app needed.", cc=("jonas",)),
            Turn(
                "jonas",
                14,
                "Then it is decided: option C with the dimmer. Could you send Emil the final drawing today? He is on site until four.\n\nThank you for being so patient with us.\nJonas",
                cc=("kari",),
            ),
        ),
        unread=1,
        flagged=True,
    ),
    Thread(
        "Opening night: signage and the last 40 metres",
        (
            Turn(
                "signe",
                1 * DAY + 300,
                "Dear Ida,\n\nThe board walked the route this morning. Everybody loved the tide marks on the floor; everybody also got lost between the boat hall and the café. Could the marks simply go on for the last forty metres?\n\nSigne Dahl\nMuseum of Tides",
                attach=("png:boat-hall.png|fjord", "pdf:Route-notes.pdf|Route, notes of the board"),
            ),
            Turn(
                "me",
                1 * DAY + 120,
                "Dear Signe,\n\nYes, and it is cheaper than another sign. We have enough of the blue vinyl left. Mats can lay it on Monday before you open.\n\nIda",
                cc=("mats",),
            ),
            Turn(
                "mats",
                20 * HOUR,
                "Monday 07:00 works. I need the hall without the cleaning robot, it followed me all afternoon last time.\n\nMats",
            ),
            Turn(
                "signe",
                47,
                "The robot has been told. Coffee at seven then, and thank you both.\n\nOne more thing: Oskar asks whether the Japanese texts came back from Sato-san. The printer waits for them.\n\nSigne",
            ),
        ),
        unread=1,
    ),
    Thread(
        "照明サンプルの発送について",
        (
            Turn(
                "yuki",
                3 * HOUR,
                "Solberg 様\n\nいつもお世話になっております。\nご依頼の照明サンプル(和紙シェード 3 種)を本日発送いたしました。到着は木曜日の予定です。\n\nThe Japanese captions for the museum are attached as well; please check the line breaks on panel 4.\n\n佐藤 由紀\nHikari Lighting",
                attach=("pdf:Panel-texts-JA.pdf|Panel texts",),
            ),
        ),
        unread=1,
    ),
    Thread(
        "Café Brygga: colour of the shutters",
        (
            Turn(
                "bruno",
                5 * DAY,
                'Ciao Ida,\n\nthe painter asks for the final colour. I said "like the sea" and he sent me eleven samples.\n\nBruno',
                inline=("png:samples.png|fjord",),
            ),
            Turn(
                "me",
                4 * DAY + 600,
                "Ciao Bruno,\n\nNumber seven. It is the only one that still looks good when it rains, and it will rain.\n\nIda",
            ),
            Turn(
                "bruno",
                4 * HOUR,
                "Seven it is! See the first shutter below. My mother says it is too green, so I know that it is right.\n\nWhen you pass by, coffee is on me.\n\nBruno",
                inline=("png:first-shutter.png|forest",),
            ),
        ),
        unread=1,
    ),
    Thread(
        "Friday: who brings what",
        (
            Turn(
                "maja",
                1 * DAY + 500,
                "Hei!\n\nSix of us, seven o'clock, my place. I make the fish soup. Dan brings bread. Ida, would you do the almond cake again? The one with too much butter.\n\nMaja",
                cc=("dan",),
            ),
            Turn(
                "dan",
                1 * DAY + 440,
                "Bread: yes. Also a friend from the climbing hall, so seven of us.\n\nDan",
                cc=("maja",),
            ),
            Turn("me", 1 * DAY + 300, "There is no such thing as too much butter. Cake for seven.", cc=("dan",)),
            Turn("maja", 5 * HOUR, "Perfect. The lift is broken, so bring good shoes.\n\nMaja", cc=("dan",)),
        ),
    ),
    Thread(
        "Invoice 2026-118: short question",
        (
            Turn(
                "priya",
                9 * HOUR,
                "Hello Ida,\n\nour bookkeeping asks whether position 3 (site visits) is three or four visits. The text says three, the sum fits four. Could you send a corrected copy? Payment goes out the same day.\n\nKind regards\nPriya Raman\nNorthlight Property",
                attach=("pdf:Invoice-2026-118.pdf|Invoice 2026-118",),
            ),
            Turn(
                "me",
                8 * HOUR,
                "Hello Priya,\n\nThree visits; the sum was wrong, sorry. Corrected copy attached.\n\nIda",
                attach=("pdf:Invoice-2026-118-corrected.pdf|Invoice 2026-118, corrected",),
            ),
            Turn("priya", 6 * HOUR, "Thank you, that was quick. Paid.\n\nPriya"),
        ),
    ),
    Thread(
        "Образцы тканей для музея",
        (
            Turn(
                "olga",
                11 * HOUR,
                "Здравствуйте, Ида!\n\nОтправляю фотографии трёх тканей для занавеса. Лён держит форму лучше всего, но шерсть тише: для зала с эхом это важно.\n\nI can bring all three on Wednesday if you have time.\n\nОльга Петрова",
                attach=("png:linen.png|linen", "png:wool.png|evening"),
            ),
        ),
        unread=1,
    ),
    Thread(
        "Site visit Thursday, Halvorsen house",
        (
            Turn(
                "emil",
                1 * DAY + 700,
                "Ida,\n\nthe ceiling stays open until Thursday noon. After that the plasterer comes and he does not wait for anybody. Can you be here at nine?\n\nEmil Sørensen",
                attach=("ics:Site visit, Halvorsen house",),
            ),
            Turn("me", 1 * DAY + 600, "I will be there at nine with the final drawing.\n\nIda"),
        ),
    ),
    Thread(
        "Photos from the cabin",
        (
            Turn(
                "henrik",
                2 * DAY + 60,
                "Here are the good ones. The fog lifted for exactly twenty minutes, as you can see.\n\nMum wants the second one printed.\n\nHenrik",
                attach=("png:morning.png|dawn", "png:lake.png|fjord", "png:path.png|forest"),
            ),
            Turn(
                "mum",
                2 * DAY,
                "So beautiful! The second one, please, in a frame, not too big. And call me on Sunday.\n\nMum",
                cc=("henrik",),
            ),
        ),
        flagged=True,
    ),
    Thread(
        "Studio rent 2027: proposal before Wednesday",
        (
            Turn(
                "leila",
                3 * DAY,
                "Hi both,\n\nthe landlord sent the new contract: 4.5 % more from January, but two years fixed. I compared it with the rooms at the harbour (table attached). We would save about 900 a month there and lose the daylight.\n\nI would stay. Opinions before Wednesday?\n\nLeila",
                attach=("csv:rooms.csv",),
                cc=("mats",),
            ),
            Turn("mats", 2 * DAY + 900, "Stay. I have finally found out how the heating works.\n\nMats", cc=("leila",)),
            Turn("me", 2 * DAY + 700, "Stay, and ask for the bicycle room in return.\n\nIda", cc=("mats",)),
            Turn("leila", 26 * HOUR, "Asked and granted. I sign tomorrow.\n\nLeila", cc=("mats",)),
        ),
    ),
    Thread(
        "Rehearsal moved to Tuesday",
        (
            Turn(
                "choir",
                30 * HOUR,
                "Dear singers,\n\nthe church has a concert on Monday, so we meet on Tuesday at 18:30 instead. Please bring the Grieg and a pencil. Altos: bars 40 to 64 by heart, you know why.\n\nThe board",
                attach=("pdf:Autumn-programme.pdf|Autumn programme",),
            ),
        ),
        unread=1,
    ),
    Thread(
        "Offerte pierre de taille / Προσφορά",
        (
            Turn(
                "nikos",
                3 * DAY + 500,
                "Αγαπητή κυρία Solberg,\n\nσας στέλνω την προσφορά για τις πλάκες. The price holds until the end of the month; the grey stone can ship from Piraeus in three weeks.\n\nΝίκος Παπαδάκης\nAegean Stone",
                attach=("pdf:Offer-4471.pdf|Offer 4471",),
            ),
            Turn(
                "me",
                3 * DAY,
                "Dear Nikos,\n\nThank you. The museum decides on Friday; could you hold six square metres until then?\n\nIda",
            ),
            Turn("nikos", 2 * DAY + 300, "Of course. I put your name on the pallet.\n\nΝίκος"),
        ),
    ),
    Thread(
        "Portfolio text, second try",
        (
            Turn(
                "helen",
                4 * DAY,
                'Ida,\n\nI cut the text to 180 words and took out every "timeless". The only sentence I would fight for is the one about the staircase.\n\nHelen',
            ),
            Turn("me", 3 * DAY + 800, "The staircase stays. This is so much better, thank you."),
            Turn("helen", 3 * DAY + 700, "Good. Then I need one picture of the staircase without the ladder.\n\nHelen"),
        ),
        unread=1,
    ),
    Thread(
        "اقتراح ألوان للمدخل",
        (
            Turn(
                "layla",
                4 * DAY + 100,
                "عزيزتي إيدا،\n\nأرسل لك ثلاثة اقتراحات لألوان المدخل. الاقتراح الثاني هو المفضل لدي لأنه يبدو دافئاً في الصباح.\n\nTell me which one you see, then I mix a sample.\n\nليلى",
                attach=("png:entrance.png|dawn",),
            ),
        ),
    ),
    Thread(
        "Shop sign: gold leaf or paint?",
        (
            Turn(
                "helen",
                6 * DAY,
                "Ida,\n\nthe sign painter has a free week in December. Gold leaf costs three times as much as paint, and it will outlive us both. What would you do?\n\nHelen",
            ),
            Turn(
                "me",
                5 * DAY + 300,
                "Hi Helen,\n\nGold for the two words, paint for the line below: that is a third of the leaf and all of the shine. Shall I book the painter for the second week?\n\nIda",
            ),
        ),
    ),
    Thread(
        "Window seat: drawings for the workshop",
        (
            Turn(
                "francois",
                2 * DAY + 500,
                "Bonjour Ida,\n\nthe oak is here and dry. Before I cut: is the lid in one piece or in two?\n\nFrançois",
            ),
            Turn(
                "me",
                21 * HOUR,
                "Bonjour François,\n\nIn two, the drawing is attached. Could you tell me what the brass hinges would cost?\n\nIda",
                attach=("pdf:Window-seat.pdf|Window seat",),
            ),
        ),
    ),
)
