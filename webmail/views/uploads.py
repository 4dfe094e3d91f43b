"""A ceiling for uploads, applied before the first octet is stored."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

FORM_OCTETS = 8 * 1024 * 1024  # the text beside the files, and the boundaries


class BoundedUploadHandler(FileUploadHandler):
    """Refuses a request that is longer than a message may be (Django answers 400)."""

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *_: Any, **__: Any) -> None:  # noqa: N803 - Django's name
        if content_length > settings.MAX_UPLOAD_BYTES + FORM_OCTETS:
            raise RequestDataTooBig("The upload is larger than a message may be.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """The handlers behind this one keep the file."""
