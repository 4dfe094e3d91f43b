"""Addresses of the pages about the person."""

from django.urls import path

from .views import identities, mailboxes, pictures, pop3, removal, sessions, settings

urlpatterns = [
    path("sign-in/", sessions.sign_in_page, name="sign-in"),
    path("sign-out/", sessions.sign_out, name="sign-out"),
    path("settings/", settings.settings_page, name="settings"),
    path("settings/accounts/", mailboxes.accounts_page, name="settings-accounts"),
    path("settings/accounts/add/", mailboxes.account_add, name="account-add"),
    path("settings/accounts/add/pop3/", pop3.account_add_pop3, name="account-add-pop3"),
    path("settings/accounts/<int:account_id>/", mailboxes.account_edit, name="account-edit"),
    path("settings/accounts/<int:account_id>/test/", mailboxes.account_test, name="account-test"),
    path("settings/accounts/<int:account_id>/pause/", mailboxes.account_pause, name="account-pause"),
    path("settings/accounts/<int:account_id>/import/", pop3.account_import, name="account-import"),
    path("settings/accounts/<int:account_id>/progress/", pop3.account_progress, name="account-progress"),
    path("settings/accounts/<int:account_id>/sign-in/", mailboxes.account_sign_in, name="account-sign-in"),
    path("settings/accounts/<int:account_id>/remove/", removal.account_remove, name="account-remove"),
    path("settings/accounts/<int:account_id>/identities/add/", identities.identity_add, name="identity-add"),
    path("settings/identities/", identities.identities_page, name="settings-identities"),
    path("settings/identities/<int:identity_id>/", identities.identity_edit, name="identity-edit"),
    path("settings/identities/<int:identity_id>/remove/", identities.identity_remove, name="identity-remove"),
    path("settings/identities/<int:identity_id>/up/", identities.identity_up, name="identity-up"),
    path("settings/accounts/<int:account_id>/pictures/", identities.picture_add, name="signature-picture-add"),
    path("settings/pictures/<int:signature_picture_id>/", identities.picture_content, name="signature-picture"),
    path("settings/appearance/", settings.appearance_page, name="settings-appearance"),
    path("settings/security/", settings.security_page, name="settings-security"),
    path("settings/pictures/<int:choice_id>/remove/", pictures.choice_remove, name="picture-choice-remove"),
    path("settings/receipts/", settings.receipts_choice, name="receipts-choice"),
    path("settings/security/<int:browser_id>/sign-out/", settings.browser_sign_out, name="browser-sign-out"),
]
