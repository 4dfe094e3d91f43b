import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("webmail", "0020_outbox")]

    operations = [
        migrations.AlterField(
            "pendingaction",
            "source",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="webmail.folder"
            ),
        ),
    ]
