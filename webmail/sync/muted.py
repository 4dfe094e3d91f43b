"""What arrives in a muted conversation skips the inbox: it is shown in the archive, and the server is told to move it there."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from webmail.models import Folder, Message, SpecialUse
from webmail.models.mirror import Change

from . import actions


def skip_inbox(changed: Change, inbox: Folder, rows: Sequence[Message], muted: Mapping[int, datetime]) -> None:
    """``rows`` were just inserted; ``muted`` says since when their conversations are."""
    late = [row for row in rows if row.internaldate >= muted[row.conversation_id]]
    if not late:
        return
    archive = actions.special_folder(inbox.account, SpecialUse.ARCHIVE)
    if archive.special_use == SpecialUse.ARCHIVE:
        # Whoever takes one out of the archive again wants it in the inbox. (Gmail's holds a copy of everything.)
        keys = [row.message_key for row in late]
        copies = Message.objects.filter(account=inbox.account, message_key__in=keys, folder=archive)
        known = set(copies.values_list("message_key", flat=True))
        late = [row for row in late if row.message_key not in known]
    if late and archive.pk != inbox.pk:
        actions.place(late, archive, uuid.uuid4(), changed)
