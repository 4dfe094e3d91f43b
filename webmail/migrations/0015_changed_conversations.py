import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("webmail", "0014_checks_of_senders"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="muted_at",
            field=models.DateTimeField(help_text="What arrives after that skips the inbox.", null=True),
        ),
        migrations.AddField(
            model_name="conversation",
            name="apart",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Split off by hand: no message joins it to another conversation.",
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="further_subjects",
            field=models.JSONField(
                help_text="Base subjects of what was merged into it by hand: its answers join, too.", null=True
            ),
        ),
        migrations.CreateModel(
            name="ConversationChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("batch", models.UUIDField(default=uuid.uuid4, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("mute", "Mute"), ("unmute", "Unmute"), ("split", "Split"), ("merge", "Merge")],
                        max_length=6,
                    ),
                ),
                ("before", models.JSONField(default=dict, help_text="What there was, as undo needs it.")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="conversation_changes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
    ]
