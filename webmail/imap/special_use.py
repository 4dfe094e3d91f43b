"""Which folder is Sent, Trash and so on: by attribute (RFC 6154), else by name in the languages of mail programs."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from webmail.imap.types import SpecialUse

_ATTRIBUTES: Mapping[str, SpecialUse] = {
    "\\sent": "sent",
    "\\drafts": "drafts",
    "\\trash": "trash",
    "\\junk": "junk",
    "\\spam": "junk",
    "\\archive": "archive",
    "\\all": "all",
    "\\allmail": "all",
    "\\flagged": "flagged",
    "\\starred": "flagged",
    "\\important": "important",
}

# The first name that exists wins, so the usual ones come first.
_NAMES: Mapping[SpecialUse, str] = {
    "sent": (
        "sent|sent items|sent messages|sent mail|sent-mail|gesendet|gesendete elemente|gesendete objekte|envoyés|"
        "éléments envoyés|messages envoyés|enviados|elementos enviados|itens enviados|enviadas|inviati|posta inviata|"
        "posta in uscita|verzonden|verzonden items|verzonden berichten|skickat|skickade|sendt|sendte elementer|lähetetyt|"
        "wysłane|elementy wysłane|odeslaná pošta|odeslané|odoslaná pošta|elküldött|elküldött elemek|trimise|отправленные|"
        "надіслані|απεσταλμένα|gönderilmiş öğeler|gönderilenler|送信済みアイテム|送信済みメール|送信済み|"
        "已发送|已发送邮件|已傳送郵件|寄件備份|보낸 편지함|보낸편지함|המסמכים שנשלחו|נשלחו|المرسلة|البريد المرسل"
    ),
    "drafts": (
        "drafts|draft|entwürfe|entwurf|brouillons|brouillon|borradores|borrador|rascunhos|bozze|concepten|utkast|kladder|"
        "luonnokset|szkice|wersje robocze|kopie robocze|koncepty|rozepsané|piszkozatok|ciorne|черновики|чернетки|πρόχειρα|"
        "taslaklar|下書き|草稿|草稿箱|임시 보관함|임시보관함|טיוטות|المسودات|مسودات"
    ),
    "trash": (
        "trash|deleted items|deleted messages|deleted|bin|papierkorb|gelöschte elemente|gelöschte objekte|gelöscht|"
        "corbeille|éléments supprimés|messages supprimés|papelera|elementos eliminados|eliminados|lixeira|itens excluídos|"
        "itens eliminados|lixo|cestino|posta eliminata|elementi eliminati|prullenbak|verwijderde items|papperskorgen|"
        "borttaget|papirkurv|søppel|slettede elementer|roskakori|poistetut|kosz|elementy usunięte|koš|odstraněná pošta|kôš|"
        "kuka|lomtár|törölt elemek|coș de gunoi|корзина|удаленные|удалённые|кошик|видалені|κάδος απορριμμάτων|διαγραμμένα|"
        "çöp kutusu|silinmiş öğeler|"
        "ゴミ箱|ごみ箱|削除済みアイテム|已删除|已删除邮件|废件箱|垃圾桶|刪除的郵件|휴지통|지운 편지함|"
        "אשפה|سلة المهملات|المهملات"
    ),
    "junk": (
        "junk|spam|junk e-mail|junk email|junk mail|bulk mail|bulk|spamverdacht|unerwünscht|junk-e-mail|spambox|indésirables|"
        "courrier indésirable|pourriel|correo no deseado|no deseado|correio eletrônico não solicitado|lixo eletrônico|"
        "posta indesiderata|ongewenste e-mail|ongewenst|skräppost|søppelpost|uønsket post|roskaposti|wiadomości-śmieci|"
        "nevyžádaná pošta|nevyžiadaná pošta|levélszemét|спам|нежелательная почта|небажана пошта|ανεπιθύμητα|istenmeyen|"
        "gereksiz e-posta|迷惑メール|垃圾邮件|垃圾郵件|스팸 메일함|스팸메일함|דואר זבל|البريد غير الهام"
    ),
    "archive": (
        "archive|archives|archiv|archivé|archivo|archivados|arquivo|arquivo morto|archivio|archief|arkiv|arkisto|archiwum|"
        "archív|archívum|arhivă|архив|архів|αρχείο|arşiv|アーカイブ|存档|归档|封存|보관함|ארכיון|أرشيف"
    ),
}
_PARENTS = frozenset({"", "inbox", "[gmail]", "[google mail]"})


def _folded(name: str) -> str:
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())).strip()


_RANKED: Mapping[SpecialUse, Mapping[str, int]] = {
    use: {_folded(name): rank for rank, name in enumerate(names.split("|"))} for use, names in _NAMES.items()
}


def special_uses(folders: Iterable[tuple[str, str | None, frozenset[str], bool]]) -> dict[str, SpecialUse]:
    """The use of each folder that has one; no use twice. ``folders``: name, delimiter, attributes, selectable."""
    listed = [each for each in folders if each[3]]
    found: dict[str, SpecialUse] = {"INBOX": "inbox"}
    taken: set[str] = {"inbox"}
    for name, _, attributes, _ in listed:
        for attribute in sorted(attributes):
            use = _ATTRIBUTES.get(attribute.lower())
            if use is not None and use not in taken and name not in found:
                found[name] = use
                taken.add(use)
    for use, names in _RANKED.items():
        if use in taken:
            continue
        candidates = [
            (names[leaf], parent != "", position, name)
            for position, (name, delimiter, _, _) in enumerate(listed)
            if name not in found
            for parent, leaf in [_parted(name, delimiter)]
            if parent in _PARENTS and leaf in names
        ]
        if candidates:
            found[min(candidates)[3]] = use
            taken.add(use)
    return found


def _parted(name: str, delimiter: str | None) -> tuple[str, str]:
    parent, _, leaf = name.rpartition(delimiter) if delimiter else ("", "", name)
    return _folded(parent), _folded(leaf)
