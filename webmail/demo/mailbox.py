"""The sample mailbox: about two thousand believable messages for one person, the same for the same moment and seed."""

import random
from dataclasses import replace
from datetime import datetime, timedelta

from webmail.demo.compose import Letter, newsletter_html, write
from webmail.demo.content import bulk, history, recent
from webmail.demo.content.people import FRIENDS, OWNER, PEOPLE, Person
from webmail.demo.maildir import Sample

SEED = 20260
OLDEST_DAYS = 540
# Newer than this a client's mail is still in the inbox; older it has been filed.
FILED_AFTER_DAYS = 110


class _Writer:
    def __init__(self, now: datetime, seed: int) -> None:
        self.now = now.replace(microsecond=0)
        self.random = random.Random(seed)
        self.number = 0
        self.samples: list[Sample] = []

    def next_number(self) -> int:
        self.number += 1
        return self.number

    def put(self, letter: Letter, folder: str, flags: str) -> None:
        self.samples.append(Sample(folder, write(letter), letter.date, flags))

    def moment(self, days: float) -> datetime:
        """A time of day in working hours, about ``days`` ago and never in the future."""
        day = self.now - timedelta(days=days)
        at = day.replace(
            hour=self.random.choice((7, 8, 9, 9, 10, 11, 13, 14, 15, 16, 18, 20)), minute=self.random.randrange(60)
        )
        return min(at.replace(second=self.random.randrange(60)), self.now - timedelta(minutes=90))

    def write_recent(self) -> None:
        for thread in recent.THREADS:
            letters: list[Letter] = []
            for turn in thread.turns:
                sender = PEOPLE[turn.who]
                others = [PEOPLE[other.who] for other in thread.turns if other.who != "me"]
                heard = [letter.sender for letter in letters if letter.sender is not OWNER]
                copied = tuple(PEOPLE[key] for key in turn.cc)
                partner = heard[-1] if heard and heard[-1] not in copied else others[0]
                letters.append(
                    Letter(
                        sender=sender,
                        to=(partner if sender is OWNER else OWNER,),
                        cc=copied,
                        subject=thread.subject if not letters else f"Re: {thread.subject}",
                        text=turn.text,
                        date=self.now - timedelta(minutes=turn.minutes),
                        number=self.next_number(),
                        attach=turn.attach,
                        inline=turn.inline,
                        answers=letters[-1] if letters else None,
                    )
                )
            self.file_thread(letters, thread.folder, unread=thread.unread, flagged=thread.flagged)

    def file_thread(self, letters: list[Letter], folder: str, *, unread: int = 0, flagged: bool = False) -> None:
        received = [letter for letter in letters if letter.sender is not OWNER]
        new = {letter.number for letter in received[len(received) - unread :]} if unread else set()
        answered = {letter.answers.number for letter in letters if letter.sender is OWNER and letter.answers}
        for letter in letters:
            if letter.sender is OWNER:
                self.put(letter, "Sent", "S")
                continue
            flags = "" if letter.number in new else "S"
            flags += "R" if letter.number in answered else ""
            flags += "F" if flagged and letter is received[-1] else ""
            self.put(letter, folder, flags)

    def write_history(self, threads: int) -> None:
        for index in range(threads):
            project = history.PROJECTS[index % len(history.PROJECTS)]
            subject, turns = history.SCRIPTS[(index * 5 + index // len(history.PROJECTS)) % len(history.SCRIPTS)]
            days = 6 + (index / threads) ** 1.3 * OLDEST_DAYS
            them, other = (PEOPLE[key] for key in self.random.sample(project.people, 2))
            words = {
                "thing": self.random.choice(project.things),
                "room": self.random.choice(project.rooms),
                "project": project.name,
                "n": str(self.random.randrange(2, 13)),
            }
            folder = project.folder if days > FILED_AFTER_DAYS else "INBOX"
            self.scripted(subject, turns, them=them, other=other, words=words, days=days, folder=folder)

    def write_friends(self, threads: int) -> None:
        for index in range(threads):
            subject, turns = history.FRIENDLY[index % len(history.FRIENDLY)]
            them, other = self.random.sample(list(FRIENDS.values()), 2)
            words = {"n": str(self.random.randrange(10, 56))}
            days = 5 + index * OLDEST_DAYS / threads
            self.scripted(subject, turns, them=them, other=other, words=words, days=days, folder="INBOX")

    def scripted(
        self,
        subject: str,
        turns: tuple[tuple[str, str], ...],
        *,
        them: Person,
        other: Person,
        words: dict[str, str],
        days: float,
        folder: str,
    ) -> None:
        names = {**words, "them": them.first, "other": other.first}
        title = subject.format(**names)
        title = title[0].upper() + title[1:]
        voices = {"them": them, "other": other, "me": OWNER}
        has_other = any(who == "other" for who, _ in turns)
        date = self.moment(days)
        letters: list[Letter] = []
        for who, text in turns:
            sender = voices[who]
            receivers = [person for person in (OWNER, them) if person is not sender]
            letters.append(
                Letter(
                    sender=sender,
                    to=tuple(receivers[:1]),
                    cc=tuple(p for p in (*receivers[1:], *([other] if has_other else [])) if p is not sender),
                    subject=title if not letters else f"Re: {title}",
                    text=text.format(**names),
                    date=date,
                    number=self.next_number(),
                    attach=self.attachments(title, text),
                    answers=letters[-1] if letters else None,
                )
            )
            date = min(date + timedelta(minutes=self.random.randrange(25, 1500)), self.now - timedelta(minutes=100))
        unread = 1 if days < 90 and self.random.random() < 0.25 else 0
        self.file_thread(letters, folder, unread=unread, flagged=self.random.random() < 0.03)

    def attachments(self, title: str, text: str) -> tuple[str, ...]:
        lower = text.lower()
        if "attached" not in lower and "see picture" not in lower:
            return ()
        if "photo" in title.lower() or "these" in lower:
            return tuple(
                f"png:{name}.png|{name}" for name in self.random.sample(("dawn", "fjord", "forest", "linen"), 2)
            )
        return (f"pdf:{title.replace(' ', '-').replace(':', '').replace(',', '')}.pdf|{title}",)

    def write_newsletters(self) -> None:
        for paper in bulk.NEWSLETTERS:
            issues = OLDEST_DAYS // paper.every_days
            for back in range(min(issues, 150)):
                headline = paper.headlines[back % len(paper.headlines)]
                issue = 400 - back
                teasers = tuple(self.random.sample(paper.teasers, min(3, len(paper.teasers))))
                host = paper.address.partition("@")[2]
                letter = Letter(
                    sender=Person(paper.sender, paper.address),
                    to=(OWNER,),
                    subject=headline,
                    text=f"{headline}\n\n" + "\n\n".join(teasers) + f"\n\nhttps://{host}/{issue}",
                    date=self.moment(back * paper.every_days + self.random.random()),
                    number=self.next_number(),
                    html=newsletter_html(paper, headline, teasers, issue),
                    inline=() if paper.remote else (f"banner:top.png|{paper.palette}",),
                    headers={
                        "List-Id": f"<{paper.address.partition('@')[0]}.{host}>",
                        "List-Unsubscribe": f"<https://{host}/unsubscribe?u=4471>",
                        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                        "Precedence": "bulk",
                    },
                )
                self.put(letter, "INBOX" if back < 10 else "Archive", self.seen(back * paper.every_days))

    def seen(self, days: float) -> str:
        return "" if self.random.random() < (0.45 if days < 30 else 0.075) else "S"

    def write_machines(self, receipts: int, journeys: int, notices: int) -> None:
        for index in range(receipts):
            name, address, subject, about = bulk.RECEIPTS[index % len(bulk.RECEIPTS)]
            date = self.moment(2 + index * OLDEST_DAYS / receipts)
            words = {"month": f"{date:%B}", "number": str(self.random.randrange(20000, 99999))}
            title = subject.format(**words)
            text = f"Hello Ida,\n\nthank you. {about.format(**words)}: {self.random.randrange(79, 1900)}.00 NOK, paid by card."
            text += "\n\nThe receipt is attached as a PDF.\n\n" + name
            spec = f"pdf:{words['number']}.pdf|{name}: receipt {words['number']}"
            self.machine(Person(name, address), title, text, date=date, folder="Receipts", attach=(spec,))
        for index in range(journeys):
            name, address, subject, text = bulk.TRAVEL[index % len(bulk.TRAVEL)]
            date = self.moment(1 + index * OLDEST_DAYS / journeys)
            words = {
                "city": self.random.choice(bulk.CITIES),
                "number": f"{self.random.choice('KLMNR')}{self.random.randrange(10000, 99999)}",
                "day": f"{date + timedelta(days=12):%A %d %B}",
            }
            title = subject.format(**words)
            body = f"Dear Ida Solberg,\n\n{text.format(**words)}\n\n{name}"
            self.machine(Person(name, address), title, body, date=date, folder="Travel")
        for index in range(notices):
            name, address, subject, text = bulk.NOTICES[index % len(bulk.NOTICES)]
            days = 0.2 + index * OLDEST_DAYS / notices
            date = self.moment(days)
            words = {
                "event": self.random.choice(bulk.EVENTS),
                "day": f"{date + timedelta(days=1):%A}",
                "hour": str(self.random.randrange(8, 18)),
                "number": str(self.random.randrange(100000, 999999)),
                "small": str(self.random.randrange(40, 900)),
                "who": self.random.choice(("Mats Eriksen", "Astrid Vik", "Tom Okafor", "Priya Raman")),
            }
            folder = "INBOX" if days < FILED_AFTER_DAYS else "Archive"
            title = subject.format(**words)
            self.machine(Person(name, address), title, text.format(**words), date=date, folder=folder)

    def machine(
        self, sender: Person, subject: str, text: str, *, date: datetime, folder: str, attach: tuple[str, ...] = ()
    ) -> None:
        headers = {"Auto-Submitted": "auto-generated"}
        letter = Letter(sender, (OWNER,), subject, text, date, self.next_number(), attach=attach, headers=headers)
        self.put(letter, folder, self.seen((self.now - date).days))

    def write_lists(self, rounds: int) -> None:
        members = [person for key, person in PEOPLE.items() if key not in ("me", "choir", "mum")]
        for tag, folder, topics in bulk.LISTS:
            address = Person(f"{tag} list", f"{tag}@lists.{OWNER.address.partition('@')[2]}")
            headers = {"List-Id": f"<{address.address.replace('@', '.')}>", "List-Post": f"<mailto:{address.address}>"}
            for index in range(rounds):
                subject, opening, answers = topics[index % len(topics)]
                date = self.moment(1 + index * OLDEST_DAYS / rounds)
                people = self.random.sample(members, len(answers) + 1)
                title = f"[{tag}] {subject}"
                first = Letter(people[0], (address,), title, opening, date, self.next_number(), headers=headers)
                letters = [first]
                for person, answer in zip(people[1:], answers, strict=True):
                    date = min(
                        date + timedelta(minutes=self.random.randrange(20, 900)), self.now - timedelta(minutes=70)
                    )
                    parent = self.random.choice(letters)
                    reply = replace(
                        first,
                        sender=person,
                        subject=f"Re: {title}",
                        text=answer,
                        date=date,
                        number=self.next_number(),
                        answers=parent,
                    )
                    letters.append(reply)
                for letter in letters:
                    self.put(letter, folder, self.seen((self.now - date).days))

    def write_leftovers(self) -> None:
        for index, (name, address, subject, text) in enumerate(bulk.JUNK * 4):
            letter = Letter(
                Person(name, address), (OWNER,), subject, text, self.moment(0.5 + index), self.next_number()
            )
            self.put(letter, "Junk", "" if index < 4 else "S")
        drafts = (
            (
                "signe",
                "Captions: what is still missing",
                "Dear Signe,\n\nfour captions are missing: the pilot boat, the two anchors and",
            ),
            ("maja", "Summer", "What if we simply took the night train and"),
        )
        for days, (who, subject, text) in enumerate(drafts):
            letter = Letter(OWNER, (PEOPLE[who],), subject, text, self.moment(days + 0.4), self.next_number())
            self.put(letter, "Drafts", "SD")


def sample_mailbox(now: datetime, *, seed: int = SEED) -> list[Sample]:
    """All messages, oldest first. ``now`` (aware) is when the newest mail is a few minutes old."""
    writer = _Writer(now, seed)
    writer.write_recent()
    writer.write_history(threads=230)
    writer.write_friends(threads=40)
    writer.write_newsletters()
    writer.write_machines(receipts=120, journeys=48, notices=210)
    writer.write_lists(rounds=34)
    writer.write_leftovers()
    return sorted(writer.samples, key=lambda sample: sample.date)
