"""Files and pictures of what is written: shown, sent, and nothing else than what is shown."""

import json

from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.views.test_compose import JSON, State, account, begin, form, page, post
from webmail.models import OutgoingMessage

__all__ = ["account", "page"]


def test_files_come_and_go_and_keep_the_text_of_a_plain_form(page: Client) -> None:
    draft = begin(page)
    upload = SimpleUploadedFile("../../Plan <b>.txt", b"octets", "text/plain")
    page.post(reverse("draft-attach", args=[draft.pk]), form(draft, text="Kept", files=upload))
    draft.refresh_from_db()
    attachment = draft.attachments.get()
    assert draft.text == "Kept"
    assert "/" not in attachment.filename
    shown = page.get(reverse("draft", args=[draft.pk])).content.decode()
    assert "Plan &lt;b&gt;.txt" in shown
    page.post(reverse("attachment-remove", args=[draft.pk, attachment.pk]), form(draft, text="Still kept"))
    draft.refresh_from_db()
    assert (draft.text, draft.attachments.count()) == ("Still kept", 0)


def test_a_file_that_was_chosen_goes_along_whatever_button_is_pressed(page: Client, settings: LazySettings) -> None:
    """F44: without a script nothing says that "Attach" has to be pressed first."""
    draft = begin(page)

    def fields(octets: bytes = b"octets", **changes: object) -> dict[str, object]:
        return form(draft, files=SimpleUploadedFile("Plan.txt", octets, "text/plain"), **changes)

    page.post(reverse("draft-save", args=[draft.pk]), fields(text="Saved with a file"))
    draft.refresh_from_db()
    assert (draft.text, [row.filename for row in draft.attachments.all()]) == ("Saved with a file", ["Plan.txt"])
    settings.MAX_UPLOAD_BYTES = 10
    answer = page.post(reverse("draft-send", args=[draft.pk]), fields(text="Precious"))
    assert answer.status_code == 422
    assert "does not fit" in answer.content.decode()
    draft.refresh_from_db()
    assert (draft.state, draft.text) == (State.DRAFT, "Precious")
    draft.attachments.all().delete()
    twice = fields(b"again", text="Off it goes")
    for _ in range(2):
        assert page.post(reverse("draft-send", args=[draft.pk]), twice).status_code == 302
        twice["files"] = SimpleUploadedFile("Plan.txt", b"again", "text/plain")
    draft.refresh_from_db()
    assert (draft.state, draft.attachments.count(), OutgoingMessage.objects.count()) == (State.QUEUED, 1, 1)
    assert b"Plan.txt" in draft.raw.read()


def test_a_picture_in_the_text_is_shown_and_sent_by_its_content_id(page: Client) -> None:
    draft = begin(page)
    upload = SimpleUploadedFile("dot.png", b"\x89PNG....", "image/png")
    response = page.post(reverse("draft-attach", args=[draft.pk]), {"files": upload, "inline": "1"}, **JSON)
    (kept,) = json.loads(response.content)["attachments"]
    picture = page.get(kept["content"])
    assert picture.getvalue() == b"\x89PNG...."
    assert (picture["Content-Type"], picture["X-Content-Type-Options"]) == ("image/png", "nosniff")
    html = f'<div>Look: <img src="{kept["content"]}"></div>'
    status, _ = post(page, "draft-save", draft, html=html, plain="0", text="")
    assert status == 200
    draft.refresh_from_db()
    row = draft.attachments.get()
    assert f'src="cid:{row.content_id}"' in draft.html
    assert kept["content"] in page.get(reverse("draft", args=[draft.pk])).content.decode()
    post(page, "draft-send", draft, html=html, plain="0", text="")
    draft.refresh_from_db()
    raw = draft.raw.read()
    assert b"multipart/related" in raw
    assert row.content_id.encode() in raw


def test_a_picture_that_was_taken_out_of_the_text_is_not_sent(page: Client) -> None:
    draft = begin(page)
    upload = SimpleUploadedFile("dot.png", b"\x89PNG....", "image/png")
    response = page.post(reverse("draft-attach", args=[draft.pk]), {"files": upload, "inline": "1"}, **JSON)
    (kept,) = json.loads(response.content)["attachments"]
    html = f'<div>Look: <img src="{kept["content"]}"></div>'
    post(page, "draft-save", draft, html=html, plain="0", text="")
    post(page, "draft-save", draft, html="<div>Look</div>", plain="0", text="")
    assert b"dot.png" not in page.get(reverse("draft", args=[draft.pk])).content
    status, _ = post(page, "draft-send", draft, html="<div>Look</div>", plain="0", text="", shown="")
    assert status == 200
    draft.refresh_from_db()
    assert b"dot.png" not in draft.raw.read()


def test_a_picture_of_a_text_that_was_made_plain_is_a_file_like_any(page: Client) -> None:
    draft = begin(page)
    upload = SimpleUploadedFile("dot.png", b"\x89PNG....", "image/png")
    page.post(reverse("draft-attach", args=[draft.pk]), {"files": upload, "inline": "1"}, **JSON)
    post(page, "draft-save", draft)
    assert b"dot.png" in page.get(reverse("draft", args=[draft.pk])).content
    status, _ = post(page, "draft-send", draft, shown=str(draft.attachments.get().pk))
    assert status == 200
    draft.refresh_from_db()
    assert b"dot.png" in draft.raw.read()


def test_nothing_is_sent_with_other_files_than_the_page_shows(page: Client) -> None:
    """F44: an upload was kept whose answer was lost, or that was taken back a moment too late."""
    draft = begin(page)
    ids = []
    for _ in range(2):
        upload = SimpleUploadedFile("Plan.txt", b"octets", "text/plain")
        response = page.post(reverse("draft-attach", args=[draft.pk]), {"files": upload}, **JSON)
        ids += [each["id"] for each in json.loads(response.content)["attachments"]]
    status, answer = post(page, "draft-send", draft, shown=str(ids[1]))
    assert (status, answer["moved"]) == (409, reverse("draft", args=[draft.pk]))
    draft.refresh_from_db()
    assert (draft.state, draft.text) == (State.DRAFT, "Good morning")
    status, _ = post(page, "draft-send", draft, shown=f"{ids[1]},{ids[0]}")
    assert status == 200


def test_only_pictures_are_shown_from_a_draft(page: Client) -> None:
    draft = begin(page)
    upload = SimpleUploadedFile("x.html", b"<script>alert(1)</script>", "text/html")
    page.post(reverse("draft-attach", args=[draft.pk]), {"files": upload, "inline": "1"}, **JSON)
    row = draft.attachments.get()
    assert row.content_id == ""
    assert page.get(reverse("attachment-content", args=[draft.pk, row.pk])).status_code == 404


def test_an_upload_beyond_any_message_is_refused_before_it_is_read(page: Client, settings: LazySettings) -> None:
    draft = begin(page)
    settings.MAX_UPLOAD_BYTES = -(8 * 1024 * 1024)
    upload = SimpleUploadedFile("x.bin", b"x" * 1000)
    assert page.post(reverse("draft-attach", args=[draft.pk]), {"files": upload}, **JSON).status_code == 400
    assert not draft.attachments.exists()
