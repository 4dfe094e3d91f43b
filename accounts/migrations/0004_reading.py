import django.db.models.deletion
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import migrations, models

MINUTES = [MinValueValidator(1), MaxValueValidator(1440)]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_pop3")]

    operations = [
        migrations.CreateModel(
            name="DownloadRules",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "people_add",
                    models.BooleanField(
                        default=True,
                        help_text="Otherwise only administrators add them. Accounts that are here go on.",
                        verbose_name="people may add POP3 accounts",
                    ),
                ),
                (
                    "plain_text",
                    models.BooleanField(
                        default=False,
                        help_text=(
                            "Passwords and mail can then be read on the way. Without it such accounts are not fetched."
                        ),
                        verbose_name="allow connections without TLS",
                    ),
                ),
                (
                    "largest_mb",
                    models.PositiveSmallIntegerField(
                        default=1024,
                        help_text="Larger ones stay on the server, whatever is chosen for them.",
                        validators=[MinValueValidator(1), MaxValueValidator(1024)],
                        verbose_name="largest message (MB)",
                    ),
                ),
                (
                    "least_minutes",
                    models.PositiveSmallIntegerField(
                        default=5,
                        help_text="Holds for accounts that are here, too.",
                        validators=MINUTES,
                        verbose_name="shortest time between two runs (minutes)",
                    ),
                ),
                (
                    "every_minutes",
                    models.PositiveSmallIntegerField(
                        default=10, validators=MINUTES, verbose_name="minutes between two runs, for new accounts"
                    ),
                ),
                (
                    "policy",
                    models.CharField(
                        default="keep",
                        max_length=10,
                        verbose_name="what happens on the server, for new accounts",
                    ),
                ),
                (
                    "days",
                    models.PositiveSmallIntegerField(
                        default=14,
                        validators=[MinValueValidator(1), MaxValueValidator(3650)],
                        verbose_name="days until they are deleted there, for new accounts",
                    ),
                ),
            ],
            options={
                "verbose_name": "POP3 downloads: general",
                "verbose_name_plural": "POP3 downloads: general",
            },
        ),
        migrations.CreateModel(
            name="Browser",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("session_key", models.CharField(max_length=40, unique=True)),
                ("name", models.CharField(blank=True, max_length=60)),
                (
                    "network",
                    models.CharField(blank=True, help_text="The first part of its network address.", max_length=50),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("seen_at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="browsers",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"ordering": ["-seen_at"]},
        ),
    ]
