"""Every address of the product, one list per family of pages."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView

from webmail.views import (
    answering,
    bulk,
    choices,
    completion,
    compose,
    compose_actions,
    compose_identity,
    contacts,
    contacts_edit,
    contacts_exchange,
    contacts_merge,
    contacts_people,
    conversation,
    drafts,
    files,
    folders,
    health,
    inside,
    links,
    mailbox,
    message,
    move,
    organise,
    original,
    outbox,
    pictures,
    printed,
    receipt,
    reminders,
    search,
    search_server,
    search_suggest,
    templates,
    transfer,
    unsubscribe,
)
from webmail.views.search_place import search_place

Routes = list[URLPattern | URLResolver]

reading: Routes = [
    path("", mailbox.home, name="home"),
    path("folder/<int:folder_id>/", mailbox.folder, name="folder"),
    path(
        "folder/<int:folder_id>/conversation/<int:conversation_id>/",
        conversation.conversation,
        name="conversation",
    ),
    path("folder/<int:folder_id>/conversation/m<int:message_id>/", conversation.single_message, name="single-message"),
    path("inbox/conversation/m<int:message_id>/", conversation.single_message, name="unified-single-message"),
    path("inbox/", mailbox.folder, name="unified-inbox"),
    path("inbox/conversation/<int:conversation_id>/", conversation.conversation, name="unified-conversation"),
    path("sidebar/", mailbox.sidebar_fragment, name="sidebar"),
    path("notices/", mailbox.notices_fragment, name="notices"),
    path("notice/<int:notice_id>/dismiss/", organise.notice_dismiss, name="notice-dismiss"),
    path("message/<int:message_id>/", message.message_card, name="message-card"),
    path("message/<int:message_id>/body/", message.message_body, name="message-body"),
    path("message/<int:message_id>/part/<str:section>/", message.message_part, name="message-part"),
    path("message/<int:message_id>/part/<str:section>/view/", files.part_view, name="part-view"),
    path("message/<int:message_id>/files/zip/", files.message_zip, name="message-zip"),
    path("conversation/<int:conversation_id>/files/", files.conversation_files, name="conversation-files"),
    path("conversation/<int:conversation_id>/files/zip/", files.conversation_zip, name="conversation-zip"),
    path("message/<int:message_id>/source/", message.message_source, name="message-source"),
    path("message/<int:message_id>/original/", original.message_original, name="message-original"),
    path("message/<int:message_id>/original/text/", original.message_text, name="message-text"),
    path("message/<int:message_id>/pictures/", pictures.message_pictures, name="message-pictures"),
    path("picture/<str:token>/", pictures.picture, name="picture"),
    path("message/<int:message_id>/print/", printed.message_print, name="message-print"),
    path(
        "folder/<int:folder_id>/conversation/<int:conversation_id>/print/",
        printed.conversation_print,
        name="conversation-print",
    ),
    path("message/<int:message_id>/unsubscribe/", unsubscribe.unsubscribe, name="unsubscribe"),
    path("message/<int:message_id>/receipt/", receipt.message_receipt, name="message-receipt"),
    path("message/<int:message_id>/findings/", inside.message_findings, name="message-findings"),
    path("message/<int:message_id>/enclosed/<str:section>/", inside.enclosed_message, name="enclosed-message"),
    path("message/<int:message_id>/enclosed/<str:section>/body/", inside.enclosed_body, name="enclosed-body"),
    path("link/<str:token>/", links.link_page, name="link"),
    path("message/<int:message_id>/invitation/<str:section>/", inside.invitation_answer, name="invitation-answer"),
]

organising: Routes = [
    *(
        path(f"folder/<int:folder_id>/{verb}/", organise.organise, {"verb": verb}, name=f"organise-{verb}")
        for verb in organise.VERBS
    ),
    path("folder/<int:folder_id>/move/", organise.move, name="organise-move"),
    *(path(f"inbox/{verb}/", organise.organise, {"verb": verb}, name=f"unified-{verb}") for verb in organise.VERBS),
    path("inbox/move/", organise.move, name="unified-move"),
    path("message/<int:message_id>/split/", choices.message_split, name="message-split"),
    path("message/<int:message_id>/unread-from/", choices.message_unread_from, name="message-unread-from"),
    path("undo/<uuid:batch>/", organise.undo, name="undo"),
    path("bulk/<int:bulk_id>/dismiss/", bulk.bulk_dismiss, name="bulk-dismiss"),
]

searching: Routes = [
    path("search/", search.search, name="search"),
    path("search/server/", search_server.search_server, name="search-server"),
    path("search/suggest/", search_suggest.search_suggest, name="search-suggest"),
    path("search/remember/", search_suggest.search_remember, name="search-remember"),
    path("search/forget/", search_suggest.search_forget, name="search-forget"),
    path(
        "search/conversation/<int:folder_id>-<int:conversation_id>/",
        search.search_conversation,
        name="search-conversation",
    ),
    *(
        path(f"search/{verb}/", organise.organise, {"verb": verb, "find": search_place}, name=f"search-{verb}")
        for verb in organise.VERBS
    ),
    path("search/move/", organise.move, {"find": search_place}, name="search-move"),
]

managing_folders: Routes = [
    path("account/<int:account_id>/folders/", folders.folders_page, name="folders"),
    path("account/<int:account_id>/folders/new/", folders.folder_new, name="folder-new"),
    path("folder/<int:folder_id>/rename/", folders.folder_rename, name="folder-rename"),
    # Not "delete/", which deletes messages of the folder.
    path("folder/<int:folder_id>/delete-folder/", folders.folder_delete, name="folder-delete"),
    path("folder/<int:folder_id>/subscribe/", folders.folder_subscribe, name="folder-subscribe"),
    path("folder/<int:folder_id>/empty/", folders.folder_empty, name="folder-empty"),
]

writing: Routes = [
    path("compose/", compose_actions.compose, name="compose"),
    path("compose/people/", completion.people, name="compose-people"),
    path("compose/people/forget/", completion.forget_person, name="compose-people-forget"),
    path("compose/<int:outgoing_id>/", compose.draft, name="draft"),
    path("compose/<int:outgoing_id>/identity/", compose_identity.draft_identity, name="draft-identity"),
    path("compose/<int:outgoing_id>/save/", compose_actions.draft_save, name="draft-save"),
    path("compose/<int:outgoing_id>/send/", compose_actions.draft_send, name="draft-send"),
    path("compose/<int:outgoing_id>/discard/", compose_actions.draft_discard, name="draft-discard"),
    path("compose/<int:outgoing_id>/restore/", compose_actions.draft_restore, name="draft-restore"),
    path("compose/<int:outgoing_id>/attach/", compose_actions.draft_attach, name="draft-attach"),
    path(
        "compose/<int:outgoing_id>/attachment/<int:attachment_id>/",
        compose.attachment_content,
        name="attachment-content",
    ),
    path(
        "compose/<int:outgoing_id>/attachment/<int:attachment_id>/remove/",
        compose_actions.attachment_remove,
        name="attachment-remove",
    ),
    path("compose/<int:outgoing_id>/undo/", compose_actions.send_undo, name="send-undo"),
    path("compose/<int:outgoing_id>/again/", compose_actions.send_again, name="send-again"),
    path("compose/<int:outgoing_id>/dismiss/", compose_actions.sent_dismiss, name="sent-dismiss"),
    path("message/<int:message_id>/reply/", answering.answer, name="reply"),
    path("message/<int:message_id>/reply-all/", answering.answer_all, name="reply-all"),
    path("message/<int:message_id>/reply-list/", answering.answer_list, name="reply-list"),
    path("message/<int:message_id>/forward/", answering.forward, name="forward"),
    path("message/<int:message_id>/forward-whole/", answering.forward_whole, name="forward-whole"),
    path("folder/<int:folder_id>/forward/", answering.forward_selected, name="forward-selected"),
    path("inbox/forward/", answering.forward_selected, name="unified-forward-selected"),
    path("search/forward/", answering.forward_selected, {"find": search_place}, name="search-forward-selected"),
    path("message/<int:message_id>/edit/", answering.edit_draft, name="edit-draft"),
    path("compose/<int:outgoing_id>/state/", drafts.draft_state, name="draft-state"),
    path("compose/<int:outgoing_id>/versions/", drafts.draft_versions, name="draft-versions"),
    path("compose/<int:outgoing_id>/versions/<int:version_id>/", drafts.version_restore, name="version-restore"),
    path("compose/<int:outgoing_id>/templates/", templates.draft_templates, name="draft-templates"),
    path("compose/<int:outgoing_id>/templates/<int:template_id>/", templates.template_insert, name="template-insert"),
    path("outbox/", outbox.outbox, name="outbox"),
    path("message/<int:message_id>/remind/", reminders.message_remind, name="message-remind"),
    path("reminder/<int:reminder_id>/", reminders.reminder, name="reminder"),
    path("reminder/<int:reminder_id>/write/", reminders.reminder_write, name="reminder-write"),
    path("reminder/<int:reminder_id>/dismiss/", reminders.reminder_dismiss, name="reminder-dismiss"),
    path("settings/writing/", templates.writing_page, name="settings-writing"),
    path("settings/writing/templates/add/", templates.template_add, name="template-add"),
    path("settings/writing/templates/<int:template_id>/", templates.template_edit, name="template-edit"),
    path("settings/writing/templates/<int:template_id>/remove/", templates.template_remove, name="template-remove"),
]

address_book: Routes = [
    path("contacts/", contacts.contacts, name="contacts"),
    path("contacts/<int:contact_id>/", contacts.contact, name="contact"),
    path("contacts/new/", contacts_edit.contact_new, name="contact-new"),
    path("contacts/add/", contacts_people.contact_add, name="contact-add"),
    path("contacts/picked/", contacts_edit.contacts_picked, name="contacts-picked"),
    path("contacts/<int:contact_id>/edit/", contacts_edit.contact_edit, name="contact-edit"),
    path("contacts/<int:contact_id>/delete/", contacts_edit.contact_delete, name="contact-delete"),
    path("contacts/<int:contact_id>/card/", contacts_exchange.contact_export, name="contact-export"),
    path("contacts/groups/new/", contacts_edit.group_new, name="group-new"),
    path("contacts/group/<int:group_id>/rename/", contacts_edit.group_rename, name="group-rename"),
    path("contacts/group/<int:group_id>/delete/", contacts_edit.group_delete, name="group-delete"),
    path("contacts/duplicates/", contacts_merge.contact_duplicates, name="contact-duplicates"),
    path("contacts/merge/", contacts_merge.contacts_merge, name="contacts-merge"),
    path("contacts/written/", contacts_people.written_people, name="written-people"),
    path("contacts/written/<int:collected_id>/add/", contacts_people.written_add, name="written-add"),
    path("contacts/written/<int:collected_id>/forget/", contacts_people.written_forget, name="written-forget"),
    path("contacts/export/", contacts_exchange.contacts_export, name="contacts-export"),
    path("contacts/import/", contacts_exchange.contacts_import, name="contacts-import"),
    path("contacts/import/<int:import_id>/", contacts_exchange.contacts_import_look, name="contacts-import-look"),
    path("message/<int:message_id>/people/", contacts_people.message_people, name="message-people"),
    path("message/<int:message_id>/card/<str:section>/", contacts_exchange.card_import, name="card-import"),
]

transferring: Routes = [
    path("account/<int:account_id>/export/", transfer.account_export, name="account-export"),
    path("folder/<int:folder_id>/export/", transfer.folder_export, name="folder-export"),
    path("folder/<int:folder_id>/import/", transfer.folder_import, name="folder-import"),
    path("account/<int:account_id>/move/", move.account_move, name="account-move"),
    path("transfer/<int:transfer_id>/", transfer.transfer_page, name="transfer"),
    path("transfer/<int:transfer_id>/cancel/", transfer.transfer_cancel, name="transfer-cancel"),
    path("transfer/<int:transfer_id>/resume/", transfer.transfer_resume, name="transfer-resume"),
]

operations: Routes = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    # Asked for where a document names no icon of its own: a download, the text of a message in a tab.
    path("favicon.ico", RedirectView.as_view(url=lazy(static, str)("icon.svg")), name="favicon"),
    path("admin/", admin.site.urls),
]

urlpatterns: Routes = [
    *reading,
    *organising,
    *searching,
    *managing_folders,
    *writing,
    *address_book,
    *transferring,
    path("", include("accounts.urls")),
    *operations,
]

handler400 = "webmail.views.wrong.malformed"
handler403 = "webmail.views.wrong.not_allowed"
handler404 = "webmail.views.wrong.not_found"
handler500 = "webmail.views.wrong.failed"
