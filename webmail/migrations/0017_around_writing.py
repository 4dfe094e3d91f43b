import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("webmail", "0016_wishes_of_the_sender"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DraftVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("writing", "While writing"),
                            ("cut", "Before much was removed"),
                            ("elsewhere", "Before it was changed in another window"),
                            ("program", "Before another program changed it"),
                            ("template", "Before a template was used"),
                            ("send", "As it was sent"),
                            ("restore", "Before an older version was restored"),
                        ],
                        max_length=10,
                    ),
                ),
                ("to", models.TextField(blank=True)),
                ("cc", models.TextField(blank=True)),
                ("bcc", models.TextField(blank=True)),
                ("subject", models.CharField(blank=True, max_length=2000)),
                ("text", models.TextField(blank=True)),
                ("html", models.TextField(blank=True)),
                ("plain", models.BooleanField(default=False)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="MessageTemplate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("subject", models.CharField(blank=True, max_length=2000)),
                ("html", models.TextField(blank=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ["name", "id"],
            },
        ),
        migrations.CreateModel(
            name="Reminder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting for an answer"),
                            ("due", "No answer yet"),
                            ("answered", "Answered"),
                            ("dismissed", "Dismissed"),
                        ],
                        default="waiting",
                        max_length=9,
                    ),
                ),
                ("message_id", models.CharField(max_length=998)),
                ("subject", models.CharField(blank=True, max_length=2000)),
                (
                    "to",
                    models.CharField(
                        blank=True, help_text="Whose answer is waited for, as the person reads it.", max_length=500
                    ),
                ),
                ("sent_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["due_at", "id"],
            },
        ),
        migrations.AddField(
            model_name="outgoingmessage",
            name="copy_confirmed",
            field=models.BooleanField(default=False, help_text="That copy is the one at draft_uid."),
        ),
        migrations.AddField(
            model_name="outgoingmessage",
            name="held",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "No"),
                    ("look", "Perhaps sent already; looked for in Sent first"),
                    ("ask", "Its time is long past; the person is asked"),
                ],
                default="",
                max_length=4,
            ),
        ),
        migrations.AddField(
            model_name="outgoingmessage",
            name="remind_after",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="Days from sending until an answer is missed; 0 once a reminder stands."
            ),
        ),
        migrations.AddField(
            model_name="outgoingmessage",
            name="send_at",
            field=models.DateTimeField(
                help_text="The time the person chose; of a draft, the time proposed.", null=True
            ),
        ),
        migrations.AddField(
            model_name="outgoingmessage",
            name="writer",
            field=models.CharField(blank=True, help_text="The open composer that saved last.", max_length=36),
        ),
        migrations.AddIndex(
            model_name="outgoingmessage",
            index=models.Index(condition=models.Q(("remind_after__gt", 0)), fields=["sent_at"], name="to_be_reminded"),
        ),
        migrations.AddField(
            model_name="draftversion",
            name="outgoing",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="versions", to="webmail.outgoingmessage"
            ),
        ),
        migrations.AddField(
            model_name="messagetemplate",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="templates", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="reminder",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="reminders", to="accounts.mailaccount"
            ),
        ),
        migrations.AddField(
            model_name="reminder",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="reminders", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="notice",
            name="reminder",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="notices", to="webmail.reminder"
            ),
        ),
        migrations.AddIndex(
            model_name="reminder",
            index=models.Index(fields=["state", "due_at"], name="reminders_due"),
        ),
        migrations.AddIndex(
            model_name="reminder",
            index=models.Index(fields=["user", "state"], name="reminders_of"),
        ),
    ]
