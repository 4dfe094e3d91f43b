from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_authserv_id")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="show_conversations",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddField(
            model_name="user",
            name="newest_first",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
