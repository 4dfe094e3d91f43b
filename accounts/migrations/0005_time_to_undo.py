from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_reading"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="undo_seconds",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="How long a sent message can be taken back; empty: as set for this server.",
                null=True,
            ),
        ),
    ]
