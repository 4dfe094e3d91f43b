"""The object behind a URL, if it belongs to the person who asks; otherwise it does not exist."""

from django.http import Http404, HttpRequest

from accounts.models import MailAccount, User
from webmail.models import Conversation, Folder, Message, MessageTemplate, OutgoingMessage, Reminder
from webmail.models.prepared import Prepared, Slot

OWN_FOLDER = Prepared(
    lambda: Folder.objects.select_related("account").filter(pk=Slot("pk"), account__user_id=Slot("user"), hidden=False)
)
OWN_CONVERSATION = Prepared(lambda: Conversation.objects.filter(pk=Slot("pk"), user_id=Slot("user")))
OWN_MESSAGE = Prepared(
    lambda: Message.objects.select_related("account", "folder", "shown_in", "sender_check").filter(
        pk=Slot("pk"), account__user_id=Slot("user"), shown_in__isnull=False
    )
)


def user_of(request: HttpRequest) -> User:
    """The signed-in person. Only for views behind ``login_required``."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def folder_of(request: HttpRequest, folder_id: int) -> Folder:
    """With its account."""
    folder = OWN_FOLDER.first(pk=folder_id, user=user_of(request).pk)
    if folder is None:
        raise Http404
    return folder


def conversation_of(request: HttpRequest, conversation_id: int) -> Conversation:
    conversation = OWN_CONVERSATION.first(pk=conversation_id, user=user_of(request).pk)
    if conversation is None:
        raise Http404
    return conversation


def message_of(request: HttpRequest, message_id: int) -> Message:
    """With its account and folders. A message that is no longer shown anywhere does not exist for the person."""
    message = OWN_MESSAGE.first(pk=message_id, user=user_of(request).pk)
    if message is None:
        raise Http404
    return message


def account_of(request: HttpRequest, account_id: int) -> MailAccount:
    account = MailAccount.objects.filter(pk=account_id, user_id=user_of(request).pk).first()
    if account is None:
        raise Http404
    return account


def outgoing_of(request: HttpRequest, outgoing_id: int) -> OutgoingMessage:
    """With its account."""
    outgoing = (
        OutgoingMessage.objects.select_related("account").filter(pk=outgoing_id, user_id=user_of(request).pk).first()
    )
    if outgoing is None:
        raise Http404
    return outgoing


def template_of(request: HttpRequest, template_id: int) -> MessageTemplate:
    template = MessageTemplate.objects.filter(pk=template_id, user_id=user_of(request).pk).first()
    if template is None:
        raise Http404
    return template


def reminder_of(request: HttpRequest, reminder_id: int) -> Reminder:
    reminder = Reminder.objects.filter(pk=reminder_id, user_id=user_of(request).pk).first()
    if reminder is None:
        raise Http404
    return reminder
