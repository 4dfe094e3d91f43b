"""The person behind a request, and what is theirs; anything else does not exist."""

from django.http import Http404, HttpRequest

from .models import Identity, MailAccount, SignaturePicture, User


def person(request: HttpRequest) -> User:
    """Only for views behind ``login_required``."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def account_of(request: HttpRequest, account_id: int) -> MailAccount:
    account = (
        MailAccount.objects.select_related("user", "sync", "download")
        .filter(pk=account_id, user=person(request))
        .first()
    )
    if account is None:
        raise Http404
    return account


def identity_of(request: HttpRequest, identity_id: int) -> Identity:
    identity = Identity.objects.select_related("account").filter(pk=identity_id, account__user=person(request)).first()
    if identity is None:
        raise Http404
    return identity


def picture_of(request: HttpRequest, picture_id: int) -> SignaturePicture:
    picture = SignaturePicture.objects.filter(pk=picture_id, account__user=person(request)).first()
    if picture is None:
        raise Http404
    return picture
