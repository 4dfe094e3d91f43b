import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("webmail", "0010_bulk")]

    operations = [
        migrations.CreateModel(
            name="InvitationAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.CharField(max_length=500)),
                (
                    "recurrence_id",
                    models.CharField(blank=True, help_text="Of the one meeting, as written; or all.", max_length=100),
                ),
                ("sequence", models.PositiveIntegerField(default=0, help_text="Of the version that was answered.")),
                (
                    "choice",
                    models.CharField(
                        choices=[("accepted", "Accepted"), ("tentative", "Tentative"), ("declined", "Declined")],
                        max_length=9,
                    ),
                ),
                ("answered_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="invitation_answers",
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
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("account", "uid", "recurrence_id"), name="one_answer_per_event")
                ],
            },
        ),
    ]
