import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def queue_what_is_here(apps, schema_editor):
    """The indexer of the worker takes it from here; the tables of words and the triggers come after the migrations."""
    schema_editor.execute(
        "INSERT INTO webmail_searchqueue (message_id, account_id, newness) "
        "SELECT id, account_id, internaldate FROM webmail_message"
    )


def take_down(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name, table in (
            ("search_new", "webmail_message"),
            ("search_preview", "webmail_message"),
            ("search_gone", "webmail_message"),
            ("search_text", "webmail_cachedpart"),
        ):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
            schema_editor.execute(f"DROP FUNCTION IF EXISTS {name}()")
    else:
        for name in ("search_new", "search_preview", "search_gone", "search_text"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}")
    schema_editor.execute("DROP TABLE IF EXISTS webmail_searchwords")


class Migration(migrations.Migration):
    dependencies = [
        ("webmail", "0007_conversation_place"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RecentSearch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.CharField(max_length=300)),
                ("used_at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SearchEntry",
            fields=[
                ("docid", models.BigIntegerField(primary_key=True, serialize=False)),
                (
                    "message",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="search_entry",
                        to="webmail.message",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SearchQueue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("message_id", models.BigIntegerField()),
                (
                    "account_id",
                    models.BigIntegerField(db_index=True, help_text="Of messages that are new here.", null=True),
                ),
                ("newness", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="ServerHit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("question", models.CharField(help_text="Hash of what was asked.", max_length=32)),
                ("found_at", models.DateTimeField(auto_now_add=True, db_index=True)),
                (
                    "message",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="webmail.message",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="recentsearch",
            constraint=models.UniqueConstraint(fields=("user", "text"), name="one_recent_per_text"),
        ),
        migrations.AddConstraint(
            model_name="serverhit",
            constraint=models.UniqueConstraint(fields=("user", "question", "message"), name="one_hit_per_message"),
        ),
        migrations.RunPython(queue_what_is_here, take_down),
    ]
