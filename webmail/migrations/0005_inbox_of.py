import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("webmail", "0004_transfer"),
    ]

    operations = [
        migrations.AddField(
            model_name="listrow",
            name="inbox_of",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="listrow",
            index=models.Index(
                condition=models.Q(("inbox_of__isnull", False)),
                fields=["inbox_of", "-latest_date", "-id"],
                name="unified_order",
            ),
        ),
    ]
