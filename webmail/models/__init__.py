"""STATE: what the browser sees, what is still to be told to a server, what is going out."""

from .action import Notice, PendingAction
from .address_book import (
    CollectedAddress,
    CollectedCode,
    CollectedPast,
    Contact,
    ContactAddress,
    ContactGroup,
    ContactImport,
)
from .bulk import BulkAction, BulkFolder
from .content import CachedPart, RenderedBody
from .conversation import Conversation, ConversationChange, ListRow, ReferenceKey
from .folder import Folder, SpecialUse
from .invitation import InvitationAnswer
from .message import Message
from .outgoing import BegunCopy, OutgoingAttachment, OutgoingMessage
from .picture import FetchedPicture
from .pop3 import Download, LedgerEntry, Maildrop, StoredContent
from .search import RecentSearch, SearchEntry, SearchQueue, ServerHit
from .sender import SenderCheck, Unsubscribed
from .state import SyncState, UserStamp
from .transfer import Backup, Transfer, TransferFolder, TransferItem
from .writing import DraftVersion, MessageTemplate, Reminder

__all__ = [
    "Backup",
    "BegunCopy",
    "BulkAction",
    "BulkFolder",
    "CachedPart",
    "CollectedAddress",
    "CollectedCode",
    "CollectedPast",
    "Contact",
    "ContactAddress",
    "ContactGroup",
    "ContactImport",
    "Conversation",
    "ConversationChange",
    "Download",
    "DraftVersion",
    "FetchedPicture",
    "Folder",
    "InvitationAnswer",
    "LedgerEntry",
    "ListRow",
    "Maildrop",
    "Message",
    "MessageTemplate",
    "Notice",
    "OutgoingAttachment",
    "OutgoingMessage",
    "PendingAction",
    "RecentSearch",
    "ReferenceKey",
    "Reminder",
    "RenderedBody",
    "SearchEntry",
    "SearchQueue",
    "SenderCheck",
    "ServerHit",
    "SpecialUse",
    "StoredContent",
    "SyncState",
    "Transfer",
    "TransferFolder",
    "TransferItem",
    "Unsubscribed",
    "UserStamp",
]
