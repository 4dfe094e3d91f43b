"""The page of a search."""

import re
from typing import Any
from urllib.parse import urlencode

import pytest

pytestmark = pytest.mark.database


def found(person: Any, text: str) -> list[str]:
    html = person.client.get("/search/?" + urlencode({"q": text})).text
    return [re.sub(r"<[^>]+>", "", each) for each in re.findall(r'<span class="subject"[^>]*>(.*?)</span>', html)]


def test_a_search_has_a_page_of_its_own(ada: Any, indexed: Any) -> None:
    ada.arrive("Invoice for October", text="Please <pay> soon.")
    ada.arrive("Lunch")
    indexed()
    html = ada.client.get("/search/?q=invoice").text
    assert found(ada, "invoice") == ["Invoice for October"]
    assert "<mark>Invoice</mark> for October" in html
    assert 'name="q" type="search" value="invoice"' in html
    assert "Please &lt;<mark>pay</mark>&gt;" in ada.client.get("/search/?q=pay").text
