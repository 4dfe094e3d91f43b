"""A page of a list costs the same in a folder of a thousand and of a million: the database walks an index, and nothing else."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="PostgreSQL plans by the size of the tables, which are small here"
)
@pytest.mark.parametrize("which", ["first", "second"])
def test_a_page_walks_the_order_of_the_list(ada: Any, which: str) -> None:
    for number in range(60):
        ada.arrive(f"Letter {number}")
    after = ""
    if which == "second":
        further = re.search(r"after=([\w-]+)", ada.fragment(f"{ada.url()}?rows=50").content.decode())
        assert further is not None
        after = f"?after={further[1]}"
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert ada.fragment(ada.url() + after).status_code == 200
    lists = [query["sql"] for query in captured if 'FROM "webmail_listrow"' in query["sql"] and "LIMIT" in query["sql"]]
    assert lists
    for sql in lists:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN QUERY PLAN " + sql)
            plan = [str(row[3]) for row in cursor.fetchall()]
        assert any("USING INDEX list_order" in step for step in plan), plan
        assert not any("TEMP B-TREE" in step or step.startswith("SCAN") for step in plan), plan
