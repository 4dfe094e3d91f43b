"""The owner of the sample mailbox and everybody who writes to her."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    name: str
    address: str

    @property
    def first(self) -> str:
        return self.name.split()[0]


DOMAIN = "fjordworks.example"
OWNER = Person("Ida Solberg", f"ida@{DOMAIN}")

TEAM = {
    "mats": Person("Mats Eriksen", f"mats@{DOMAIN}"),
    "leila": Person("Leila Farahani", f"leila@{DOMAIN}"),
    "tom": Person("Tom Okafor", f"tom@{DOMAIN}"),
    "astrid": Person("Astrid Vik", f"astrid@{DOMAIN}"),
}
CLIENTS = {
    "jonas": Person("Jonas Halvorsen", "jonas@halvorsen.example"),
    "kari": Person("Kari Halvorsen", "kari@halvorsen.example"),
    "bruno": Person("Bruno Castelli", "bruno@cafebrygga.example"),
    "signe": Person("Signe Dahl", "signe.dahl@tidemuseum.example"),
    "oskar": Person("Oskar Lund", "oskar.lund@tidemuseum.example"),
    "priya": Person("Priya Raman", "priya@northlight.example"),
    "emil": Person("Emil Sørensen", "emil@sorensen-bygg.example"),
    "helen": Person("Helen Marsh", "helen.marsh@oakandlinen.example"),
}
OTHERS = {
    "yuki": Person("佐藤 由紀", "yuki.sato@hikari-lighting.example"),
    "wei": Person("陈伟", "chen.wei@brightcast.example"),
    "olga": Person("Ольга Петрова", "olga.petrova@atelier-neva.example"),
    "nikos": Person("Νίκος Παπαδάκης", "nikos@aegeanstone.example"),
    "layla": Person("ليلى حداد", "layla@haddad-studio.example"),
    "jisoo": Person("김지수", "jisoo.kim@seoulform.example"),
    "francois": Person("François Lefèvre", "francois@lefevre-menuiserie.example"),
    "zofia": Person("Zofia Wiśniewska", "zofia@wisniewska.example"),
}
FRIENDS = {
    "mum": Person("Berit Solberg", "berit.solberg@postkasse.example"),
    "henrik": Person("Henrik Solberg", "henrik@solberg-family.example"),
    "maja": Person("Maja Lindqvist", "maja.lindqvist@letterbox.example"),
    "dan": Person("Dan Whitaker", "dan@whitaker.example"),
    "choir": Person("Harbour Choir", "board@harbourchoir.example"),
}
PEOPLE = {"me": OWNER, **TEAM, **CLIENTS, **OTHERS, **FRIENDS}
