from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_servers_of_identities")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="asks_receipts",
            field=models.BooleanField(
                db_default=True, default=True, help_text="Whether a line says that a sender wants a receipt (RFC 8098)."
            ),
        ),
    ]
