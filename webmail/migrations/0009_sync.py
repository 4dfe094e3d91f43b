from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("webmail", "0008_search")]

    operations = [
        migrations.AddField(
            model_name="folder",
            name="verified_at",
            field=models.DateTimeField(help_text="Last comparison of all uids and flags with the server.", null=True),
        ),
        migrations.AddField(
            model_name="folder",
            name="verify_uid",
            field=models.BigIntegerField(
                help_text="Below this uid the comparison under way is still to come.", null=True
            ),
        ),
        migrations.AddField(
            model_name="folder",
            name="doubted_at",
            field=models.DateTimeField(
                help_text="Much of the folder seemed gone and nothing has confirmed it: every pass looks again.",
                null=True,
            ),
        ),
    ]
