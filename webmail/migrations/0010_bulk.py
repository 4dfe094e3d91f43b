import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("webmail", "0009_sync"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="BulkFolder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(help_text="As in PendingAction.", max_length=16)),
                ("uidvalidity", models.BigIntegerField(null=True)),
                (
                    "uidnext",
                    models.BigIntegerField(
                        default=0, help_text="Of the folder at the click, as far as it was mirrored."
                    ),
                ),
                ("cursor_date", models.DateTimeField(null=True)),
                ("cursor_id", models.BigIntegerField(default=0)),
                ("finished", models.BooleanField(default=False)),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.AddField(
            model_name="folder",
            name="leaving_to",
            field=models.BigIntegerField(
                help_text="A bulk action takes everything up to this message id away; lists do not show it any more.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="pendingaction",
            name="uidnext",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="pendingaction",
            name="lease_until",
            field=models.DateTimeField(null=True, help_text="Until then whoever carries it (CARRY) is believed alive."),
        ),
        migrations.AddField(
            model_name="pendingaction",
            name="uidvalidity",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name="pendingaction",
            name="kind",
            field=models.CharField(
                choices=[
                    ("store", "change a flag"),
                    ("move", "move"),
                    ("carry", "move"),
                    ("expunge", "delete for good"),
                    ("create_folder", "create a folder"),
                    ("rename_folder", "rename a folder"),
                    ("delete_folder", "delete a folder"),
                    ("subscribe", "subscribe a folder"),
                ],
                max_length=16,
            ),
        ),
        migrations.CreateModel(
            name="BulkAction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "batch",
                    models.UUIDField(
                        default=uuid.uuid4, help_text="As in PendingAction; undo takes it back.", unique=True
                    ),
                ),
                (
                    "verb",
                    models.CharField(
                        choices=[
                            ("seen", "marked as read"),
                            ("unseen", "marked as unread"),
                            ("flag", "starred"),
                            ("unflag", "unstarred"),
                            ("archive", "archived"),
                            ("delete", "moved to Trash"),
                            ("junk", "marked as junk"),
                            ("not-junk", "moved to Inbox"),
                            ("move", "moved"),
                            ("expunge", "deleted for good"),
                            ("undo", "put back"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("applying", "Applying"),
                            ("sending", "Sending"),
                            ("done", "Done"),
                            ("stopped", "Stopped"),
                        ],
                        default="applying",
                        max_length=8,
                    ),
                ),
                (
                    "target_title",
                    models.CharField(blank=True, help_text="Of the folder the person chose.", max_length=1000),
                ),
                ("last_message", models.BigIntegerField(default=0, help_text="Highest id of a message at the click.")),
                ("last_action", models.BigIntegerField(default=0, help_text="Highest id in the journal at the click.")),
                (
                    "undone_to",
                    models.BigIntegerField(
                        default=0, help_text="Id in the journal up to which this has been taken back."
                    ),
                ),
                ("total", models.PositiveIntegerField(default=0, help_text="Known for certain once all is applied.")),
                ("applied", models.PositiveIntegerField(default=0, help_text="Changed here and noted in the journal.")),
                ("confirmed", models.PositiveIntegerField(default=0, help_text="Carried out by the server.")),
                ("refused", models.PositiveIntegerField(default=0, help_text="Put back because the server said no.")),
                (
                    "missed",
                    models.PositiveIntegerField(default=0, help_text="Gone from the server before their turn came."),
                ),
                ("error", models.CharField(blank=True, help_text="Why the last ones were refused.", max_length=500)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("dismissed_at", models.DateTimeField(null=True)),
                (
                    "undoes",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="undone_by",
                        to="webmail.bulkaction",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="bulk_actions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.AddField(
            model_name="pendingaction",
            name="bulk",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="actions",
                to="webmail.bulkaction",
            ),
        ),
        migrations.AddIndex(
            model_name="pendingaction",
            index=models.Index(
                condition=models.Q(("bulk__isnull", False)), fields=["bulk", "state", "id"], name="journal_of_bulk"
            ),
        ),
        migrations.AddField(
            model_name="bulkfolder",
            name="bulk",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="folders", to="webmail.bulkaction"
            ),
        ),
        migrations.AddField(
            model_name="bulkfolder",
            name="folder",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="webmail.folder"),
        ),
        migrations.AddField(
            model_name="bulkfolder",
            name="target",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="webmail.folder"
            ),
        ),
        migrations.AddIndex(
            model_name="bulkaction",
            index=models.Index(
                condition=models.Q(("state__in", ["applying", "sending"])), fields=["state", "id"], name="bulk_active"
            ),
        ),
        migrations.AddIndex(
            model_name="bulkaction",
            index=models.Index(
                condition=models.Q(("dismissed_at__isnull", True)), fields=["user", "id"], name="bulk_open"
            ),
        ),
    ]
