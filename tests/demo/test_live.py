"""The product under its real server."""

import httpx
import pytest

from tests.servers.live import LiveMailbox

pytestmark = pytest.mark.mailserver


def test_the_live_product_answers_and_knows_its_database(live: LiveMailbox) -> None:
    assert httpx.get(f"{live.url}/healthz").status_code == 200
    assert httpx.get(f"{live.url}/readyz").status_code == 200


def test_both_processes_run(live: LiveMailbox) -> None:
    assert live.product.web.running
    assert live.product.worker.running
