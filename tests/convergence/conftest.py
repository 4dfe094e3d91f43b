"""Where the histories of the random runs are kept."""

import os
from pathlib import Path

import pytest
from django.conf import LazySettings

from tests.servers.smtp_sink import SmtpSink


@pytest.fixture
def histories(tmp_path: Path) -> Path:
    """``HISTORIES`` names a directory that outlives the run."""
    directory = Path(os.environ.get("HISTORIES") or tmp_path)
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@pytest.fixture
def sink(smtp_sink: SmtpSink, settings: LazySettings) -> SmtpSink:
    """The outgoing server, trusted."""
    settings.TRUSTED_CA_FILE = str(smtp_sink.ca_file)
    settings.ALLOW_PLAINTEXT = True
    return smtp_sink
