"""What the search has in the database beside its models: the table of words, and the triggers that fill its queue.

Put up after every ``migrate``: SQLite drops the triggers of a table with each migration that has to rebuild it.
"""

from typing import Any

from django.db import connections, transaction

NEEDED = {"webmail_message", "webmail_cachedpart", "webmail_searchqueue", "webmail_searchentry"}

# Tokens come from webmail.mime.folding: this tokenizer cuts at ASCII blanks and punctuation and leaves all else alone.
SQLITE = """
CREATE VIRTUAL TABLE IF NOT EXISTS webmail_searchwords
    USING fts5(subject, sender, recipients, text, tokenize='ascii', prefix='2 3')
---
CREATE TRIGGER IF NOT EXISTS search_new AFTER INSERT ON webmail_message BEGIN
    INSERT INTO webmail_searchqueue (message_id, account_id, newness)
    VALUES (new.id, new.account_id, new.internaldate);
END
---
CREATE TRIGGER IF NOT EXISTS search_preview AFTER UPDATE OF preview ON webmail_message
WHEN new.preview <> old.preview BEGIN
    INSERT INTO webmail_searchqueue (message_id, account_id, newness) VALUES (new.id, NULL, new.internaldate);
END
---
CREATE TRIGGER IF NOT EXISTS search_dated AFTER UPDATE OF internaldate ON webmail_message
WHEN new.internaldate <> old.internaldate BEGIN
    INSERT INTO webmail_searchqueue (message_id, account_id, newness) VALUES (new.id, NULL, new.internaldate);
END
---
CREATE TRIGGER IF NOT EXISTS search_gone AFTER DELETE ON webmail_message BEGIN
    INSERT INTO webmail_searchqueue (message_id, account_id, newness) VALUES (old.id, NULL, CURRENT_TIMESTAMP);
END
---
CREATE TRIGGER IF NOT EXISTS search_text AFTER INSERT ON webmail_cachedpart BEGIN
    INSERT INTO webmail_searchqueue (message_id, account_id, newness)
    VALUES (new.message_id, NULL, CURRENT_TIMESTAMP);
END
"""

POSTGRESQL = """
CREATE TABLE IF NOT EXISTS webmail_searchwords (docid bigint PRIMARY KEY, words tsvector NOT NULL)
---
CREATE INDEX IF NOT EXISTS webmail_searchwords_gin ON webmail_searchwords USING gin (words)
---
CREATE OR REPLACE FUNCTION search_new() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO webmail_searchqueue (message_id, account_id, newness)
    SELECT id, account_id, internaldate FROM fresh;
    RETURN NULL;
END $$
---
CREATE OR REPLACE TRIGGER search_new AFTER INSERT ON webmail_message
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION search_new()
---
CREATE OR REPLACE FUNCTION search_preview() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO webmail_searchqueue (message_id, account_id, newness) VALUES (new.id, NULL, new.internaldate);
    RETURN NULL;
END $$
---
CREATE OR REPLACE TRIGGER search_preview AFTER UPDATE OF preview ON webmail_message
    FOR EACH ROW WHEN (new.preview <> old.preview) EXECUTE FUNCTION search_preview()
---
CREATE OR REPLACE TRIGGER search_dated AFTER UPDATE OF internaldate ON webmail_message
    FOR EACH ROW WHEN (new.internaldate <> old.internaldate) EXECUTE FUNCTION search_preview()
---
CREATE OR REPLACE FUNCTION search_gone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO webmail_searchqueue (message_id, account_id, newness) SELECT id, NULL, now() FROM gone;
    RETURN NULL;
END $$
---
CREATE OR REPLACE TRIGGER search_gone AFTER DELETE ON webmail_message
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION search_gone()
---
CREATE OR REPLACE FUNCTION search_text() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO webmail_searchqueue (message_id, account_id, newness) SELECT message_id, NULL, now() FROM fresh;
    RETURN NULL;
END $$
---
CREATE OR REPLACE TRIGGER search_text AFTER INSERT ON webmail_cachedpart
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION search_text()
"""
TRIGGERS = {"search_new", "search_preview", "search_dated", "search_gone", "search_text"}


def after_migrate(using: str, **kwargs: Any) -> None:
    """Receiver of ``post_migrate``; does nothing where the tables are not there yet."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if not set(connection.introspection.table_names(cursor)) >= NEEDED or _is_up(cursor, connection.vendor):
            return
    with transaction.atomic(using), connection.cursor() as cursor:
        for statement in (POSTGRESQL if connection.vendor == "postgresql" else SQLITE).split("---"):
            cursor.execute(statement)


def _is_up(cursor: Any, vendor: str) -> bool:
    if vendor == "postgresql":
        cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
    else:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    return {name for (name,) in cursor.fetchall()} >= TRIGGERS
