import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_servers_of_identities"), ("webmail", "0019_begun_copies")]

    operations = [
        migrations.AddField(
            "outgoingmessage",
            "follow_up",
            models.BooleanField(
                default=False, help_text="It is out, and what follows on that is still to be written down."
            ),
        ),
        migrations.AddIndex(
            "outgoingmessage",
            models.Index(condition=models.Q(("follow_up", True)), fields=["sent_at"], name="to_be_followed_up"),
        ),
        migrations.CreateModel(
            "BegunCopy",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("message_id", models.CharField(max_length=998)),
                (
                    "sha256",
                    models.CharField(
                        help_text="Of its octets: another program may leave its own text under this Message-ID.",
                        max_length=64,
                    ),
                ),
                ("begun_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="begun_copies",
                        to="accounts.mailaccount",
                    ),
                ),
                (
                    "outgoing",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="begun_copies",
                        to="webmail.outgoingmessage",
                    ),
                ),
            ],
        ),
    ]
