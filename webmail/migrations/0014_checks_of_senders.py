import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("webmail", "0013_fetched_pictures"), ("accounts", "0007_authserv_id")]

    operations = [
        migrations.CreateModel(
            name="SenderCheck",
            fields=[
                (
                    "message",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="sender_check",
                        serialize=False,
                        to="webmail.message",
                    ),
                ),
                ("policy", models.PositiveSmallIntegerField()),
                (
                    "result",
                    models.CharField(
                        choices=[("verified", "Confirmed"), ("failed", "Not confirmed"), ("unknown", "Unknown")],
                        default="unknown",
                        max_length=8,
                    ),
                ),
                (
                    "method",
                    models.CharField(help_text="By which it was confirmed, or why nothing is known.", max_length=10),
                ),
                ("domain", models.CharField(blank=True, max_length=253)),
                ("notes", models.JSONField(default=list, help_text="[[kind, detail, …], …], see webmail.mime.sender.")),
                ("mailing", models.JSONField(default=dict, help_text="Of mail in bulk, see webmail.mime.mailing.")),
            ],
        ),
        migrations.CreateModel(
            name="Unsubscribed",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.CharField(
                        help_text="The List-Id, or the sender's address where there is none.", max_length=500
                    ),
                ),
                (
                    "way",
                    models.CharField(
                        choices=[
                            ("post", "Asked the sender’s server"),
                            ("mail", "Wrote a mail"),
                            ("link", "Opened the page"),
                        ],
                        max_length=4,
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="unsubscribed",
                        to="accounts.mailaccount",
                    ),
                ),
                (
                    "outgoing",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="webmail.outgoingmessage",
                    ),
                ),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("account", "key"), name="left_once")]},
        ),
    ]
