"""Taking back that the images of a sender are always loaded."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.access import person
from accounts.pictures import PictureChoice


@login_required
@require_POST
def choice_remove(request: HttpRequest, choice_id: int) -> HttpResponse:
    choice = get_object_or_404(PictureChoice, pk=choice_id, user=person(request))
    choice.delete()
    messages.success(request, f"Images of {choice.label} are no longer loaded by themselves.")
    return redirect(reverse("settings-security") + "#pictures")
