"""How writing works for the person: the time to take a message back, and saved texts to begin one with."""

from dataclasses import fields
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.html import escape
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import StyledForm
from webmail.mime.address import addresses
from webmail.mime.charset import storable
from webmail.mime.html import clean_own
from webmail.mime.text import html_to_text
from webmail.models import DraftVersion, MessageTemplate, OutgoingMessage
from webmail.outbox import drafts, letter, versions

from .access import outgoing_of, template_of, user_of
from .compose_actions import by_script

LONGEST = 100_000
MOST_TEMPLATES = 200
FIRST_NAME = "{first name}"
private = cache_control(private=True, no_store=True)


class UndoForm(forms.Form):
    seconds = forms.TypedChoiceField(required=False, coerce=int, empty_value=None, widget=forms.RadioSelect)

    def __init__(self, data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        choices = [(str(seconds), f"{seconds} seconds") for seconds in (5, 10, 15, 20, 30)]
        usual = settings.SEND_UNDO_SECONDS
        self.fields["seconds"].choices = [("", f"As usual here ({usual} seconds)"), *choices]  # type: ignore[attr-defined]


class TemplateForm(StyledForm):
    """The text arrives as HTML from the editor, as text without JavaScript."""

    name = forms.CharField(label="Name", max_length=100)
    subject = forms.CharField(label="Subject", max_length=2000, required=False)
    text = forms.CharField(label="Text", max_length=LONGEST, required=False, widget=forms.Textarea(attrs={"rows": 10}))
    text_format = forms.ChoiceField(
        choices=[("text", "text"), ("html", "html")], required=False, widget=forms.HiddenInput, initial="text"
    )

    def __init__(self, template: MessageTemplate, data: Any = None) -> None:
        super().__init__(
            data,
            initial={"name": template.name, "subject": template.subject, "text": html_to_text(template.html)},
        )
        self.template = template

    @property
    def text_html(self) -> str:
        """What the editor starts with; what was typed, where it is shown again because of a mistake."""
        return clean_own(self["text"].value() or "") if self._typed_html else self.template.html

    @property
    def _typed_html(self) -> bool:
        return self.is_bound and self["text_format"].value() == "html"

    def save(self) -> MessageTemplate:
        template, data = self.template, self.cleaned_data
        text = storable(data["text"])
        if data["text_format"] != "html":
            text = escape(text.strip()).replace("\r\n", "\n").replace("\n", "<br>")
        template.name = " ".join(storable(data["name"]).split())
        template.subject = " ".join(storable(data["subject"]).split())
        template.html = clean_own(text)
        template.save()
        return template


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@private
def writing_page(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    known = "" if user.undo_seconds is None else user.undo_seconds
    form = UndoForm(request.POST if request.method == "POST" else None, initial={"seconds": known})
    if request.method == "POST" and form.is_valid():
        user.undo_seconds = form.cleaned_data["seconds"]
        user.save(update_fields=["undo_seconds"])
        toasts.success(request, "Saved.")
        return redirect("settings-writing")
    context = {"form": form, "templates": user.templates.all(), "section": "writing"}
    return render(request, "compose/writing.html", context, status=422 if request.method == "POST" else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@private
def template_add(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    if user.templates.count() >= MOST_TEMPLATES:
        toasts.error(request, f"There can be {MOST_TEMPLATES} templates. Remove one first.")
        return redirect("settings-writing")
    return _template_page(request, MessageTemplate(user=user))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@private
def template_edit(request: HttpRequest, template_id: int) -> HttpResponse:
    return _template_page(request, template_of(request, template_id))


def _template_page(request: HttpRequest, template: MessageTemplate) -> HttpResponse:
    form = TemplateForm(template, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        form.save()
        toasts.success(request, "Saved.")
        return redirect("settings-writing")
    context = {"form": form, "template": template, "section": "writing", "first_name": FIRST_NAME}
    return render(request, "compose/template.html", context, status=422 if request.method == "POST" else 200)


@login_required
@require_POST
@private
def template_remove(request: HttpRequest, template_id: int) -> HttpResponse:
    template = template_of(request, template_id)
    template.delete()
    toasts.success(request, f"“{template.name}” was removed from your templates.")
    return redirect("settings-writing")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@private
def draft_templates(request: HttpRequest, outgoing_id: int) -> HttpResponse:
    """The templates to choose from; POST saves what the draft says as a new one."""
    outgoing = outgoing_of(request, outgoing_id)
    user = user_of(request)
    if request.method == "POST":
        return _save_as_template(request, outgoing)
    fragment = request.headers.get("HX-Request") == "true"
    template = "compose/_templates.html" if fragment else "compose/templates.html"
    response = render(request, template, {"draft": outgoing, "templates": user.templates.all()})
    response["Vary"] = "HX-Request"
    return response


def _save_as_template(request: HttpRequest, outgoing: OutgoingMessage) -> HttpResponse:
    user = user_of(request)
    html = outgoing.html or escape(outgoing.text.strip()).replace("\n", "<br>")
    if len(html) > LONGEST or user.templates.count() >= MOST_TEMPLATES:
        text = (
            "This text is too long for a template." if len(html) > LONGEST else "There are too many templates already."
        )
        toasts.error(request, text)
        return redirect("draft-templates", outgoing.pk)
    name = outgoing.subject[:100] or "Without a subject"
    template = MessageTemplate.objects.create(user=user, name=name, subject=outgoing.subject, html=clean_own(html))
    if by_script(request):
        return JsonResponse({"text": f"Saved as the template “{template.name}”."})
    toasts.success(request, f"Saved as the template “{template.name}”.")
    return redirect("template-edit", template.pk)


def filled(template: MessageTemplate, outgoing: OutgoingMessage) -> tuple[str, str]:
    """Subject and HTML with the first recipient's first name in its place; without one the place is left out."""
    people = addresses(outgoing.to)
    name = people[0].name.strip().strip('"') if people else ""
    first = name.partition(",")[2].strip() or name
    first = (first.split() or [""])[0]
    html = template.html
    for written in (FIRST_NAME, FIRST_NAME.replace(" ", "&nbsp;")):
        html = html.replace(f" {written}", f" {escape(first)}" if first else "").replace(written, escape(first))
    return template.subject.replace(FIRST_NAME, first), html


@login_required
@require_POST
@private
def template_insert(request: HttpRequest, outgoing_id: int, template_id: int) -> HttpResponse:
    """A script puts the text where the cursor is; a plain form gets it above what is written."""
    outgoing = outgoing_of(request, outgoing_id)
    template = template_of(request, template_id)
    if outgoing.state not in letter.EDITABLE:
        return redirect("outbox")
    versions.keep(outgoing, DraftVersion.Reason.TEMPLATE)
    subject, html = filled(template, outgoing)
    text = html_to_text(html)
    if by_script(request):
        return JsonResponse({"subject": subject, "html": html, "text": text})
    values = {each.name: getattr(outgoing, each.name) for each in fields(drafts.Fields)}
    values["subject"] = outgoing.subject or subject
    values["text"] = f"{text}\n\n{outgoing.text}"
    if not outgoing.plain:
        values["html"] = f"{html}<div><br></div>{outgoing.html}"
    saved = drafts.save_draft(outgoing, drafts.Fields(**values), outgoing.revision)
    return redirect("draft", saved.outgoing.pk)
