import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("webmail", "0012_indexes_of_messages"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="renderedbody",
            name="trackers",
            field=models.JSONField(default=list, help_text="Whose they are, one entry each."),
        ),
        migrations.AddField(
            model_name="renderedbody",
            name="pictured",
            field=models.BinaryField(help_text="See sync/pictured.py.", null=True),
        ),
        migrations.CreateModel(
            name="FetchedPicture",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(help_text="SHA-256 of the address.", max_length=64)),
                (
                    "type",
                    models.CharField(
                        blank=True, help_text="As its first octets say; blank when it was refused.", max_length=20
                    ),
                ),
                ("path", models.CharField(blank=True, help_text="In the storage.", max_length=100)),
                ("size", models.PositiveIntegerField(default=0)),
                ("fetched_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("user", "key"), name="one_picture_per_person")],
            },
        ),
    ]
