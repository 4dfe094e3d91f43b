"""What the search knows: which message stands where in the index, what is still to be indexed, what a server found."""

from django.conf import settings
from django.db import models

from .message import Message


class SearchEntry(models.Model):
    """A message that is in the index.

    ``docid`` orders the index: person, second of INTERNALDATE, a number that tells messages of one second apart; see
    ``webmail.search.docid``. The words stand under it in the table ``webmail_searchwords``, which each database has in
    its own form. Rows go when the indexer learns from the queue that their message has gone.
    """

    docid = models.BigIntegerField(primary_key=True)
    message = models.OneToOneField(
        Message, on_delete=models.DO_NOTHING, db_constraint=False, related_name="search_entry"
    )

    def __str__(self) -> str:
        return str(self.docid)


class SearchQueue(models.Model):
    """A message whose words are to be read again: it is new, its text has come, or it has gone.

    Written by triggers of the database (``webmail.search.schema``), in the transaction that changes the message.
    """

    message_id = models.BigIntegerField()
    account_id = models.BigIntegerField(null=True, db_index=True, help_text="Of messages that are new here.")
    newness = models.DateTimeField(db_index=True)


class ServerHit(models.Model):
    """A message that a mail server named for a search; kept for as long as somebody may page through the answer."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    question = models.CharField(max_length=32, help_text="Hash of what was asked.")
    message = models.ForeignKey(Message, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    found_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "question", "message"], name="one_hit_per_message"),
        ]


class RecentSearch(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    text = models.CharField(max_length=300)
    used_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "text"], name="one_recent_per_text")]

    def __str__(self) -> str:
        return self.text
