"""Form fields for what people type about mail servers. What reaches a protocol holds no control characters."""

import ipaddress
import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from webmail.mime.authentication import trusted_names
from webmail.mime.compose import address_spec

LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
LONGEST_PASSWORD = 1000


def clean_host(value: str) -> str:
    """A host name as DNS has it (lower case, IDNA), or an IP address. Raise ValidationError for anything else."""
    host = value.strip().rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        pass
    try:
        host = host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise ValidationError("This is not the name of a server.") from error
    if len(host) > 253 or not all(LABEL.fullmatch(label) for label in host.split(".")):
        raise ValidationError("This is not the name of a server, such as imap.example.org.")
    return host


def refuse_controls(value: str) -> None:
    if CONTROLS.search(value):
        raise ValidationError("Line breaks and control characters cannot be used here.")


class HostField(forms.CharField):
    def __init__(self, **options: Any) -> None:
        options.setdefault("max_length", 253)
        options.setdefault("required", False)
        super().__init__(**options)
        self.widget.attrs.update({"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"})

    def clean(self, value: Any) -> str:
        text = str(super().clean(value))
        return clean_host(text) if text else ""


class PortField(forms.IntegerField):
    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=65535, required=False, **options)
        self.widget.attrs["inputmode"] = "numeric"


class NameField(forms.CharField):
    """A user name at a mail server."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=320, required=False, validators=[refuse_controls], **options)
        self.widget.attrs.update({"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"})


class SecretField(forms.CharField):
    """A password: kept as typed, never written back into a page."""

    def __init__(self, *, autocomplete: str, **options: Any) -> None:
        super().__init__(
            max_length=LONGEST_PASSWORD,
            strip=False,
            validators=[refuse_controls],
            widget=forms.PasswordInput(attrs={"autocomplete": autocomplete}),
            **options,
        )


class AnyAddressField(forms.CharField):
    """An address to write as, also one with letters beyond a–z before the @ (RFC 6531); the domain in lower case."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=320, validators=[refuse_controls], **options)
        self.widget.attrs.update({"autocapitalize": "none", "spellcheck": "false", "inputmode": "email"})

    def clean(self, value: Any) -> str:
        text = str(super().clean(value))
        if not text:
            return ""
        local, at, domain = text.rpartition("@")
        try:
            address_spec(text)
            clean_host(domain)
        except (ValueError, ValidationError) as error:
            raise ValidationError("Enter a valid email address.") from error
        return f"{local}{at}{domain.lower()}"


class AddressField(forms.EmailField):
    """The domain in lower case; the part before the @ is the mail server's business."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_length", 320)
        super().__init__(**options)
        self.widget.attrs.update({"autocapitalize": "none", "spellcheck": "false"})

    def clean(self, value: Any) -> str:
        local, at, domain = str(super().clean(value)).rpartition("@")
        return f"{local}{at}{domain.lower()}"


def authserv_names(text: str) -> None:
    """Refuse what cannot be the name of a server in Authentication-Results."""
    try:
        trusted_names(text)
    except ValueError as error:
        raise ValidationError(str(error)) from None


class AuthservField(forms.CharField):
    """The servers whose word about senders counts, as one line."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("label", "Server that checks senders")
        super().__init__(max_length=300, required=False, validators=[authserv_names], **options)
        self.widget.attrs.update({"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"})

    def clean(self, value: Any) -> str:
        return " ".join(str(super().clean(value)).lower().replace(",", " ").split())
