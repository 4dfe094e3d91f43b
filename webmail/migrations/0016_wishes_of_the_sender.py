from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("webmail", "0015_changed_conversations")]

    operations = [
        migrations.AddField(
            model_name="outgoingattachment",
            name="of_signature",
            field=models.BooleanField(default=False, help_text="Came with a signature, and goes where that goes."),
        ),
        migrations.AddField(
            model_name="outgoingmessage",
            name="ask_delivered",
            field=models.BooleanField(default=False, help_text="Servers are asked to report delivery (RFC 3461)."),
        ),
        migrations.AddField(
            model_name="outgoingmessage",
            name="ask_read",
            field=models.BooleanField(
                default=False, help_text="Recipients are asked to say when they read it (RFC 8098)."
            ),
        ),
        migrations.AddField(
            model_name="outgoingmessage",
            name="priority",
            field=models.CharField(
                blank=True, choices=[("low", "Low"), ("", "Normal"), ("high", "High")], default="", max_length=4
            ),
        ),
        migrations.AddField(
            model_name="outgoingmessage",
            name="sent_copy_uid",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="outgoingmessage",
            name="sent_copy_uidvalidity",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name="outgoingmessage",
            name="sent_copy",
            field=models.CharField(
                choices=[
                    ("none", "Not yet"),
                    ("due", "To be filed in Sent"),
                    ("expected", "The provider is to file it"),
                    ("filed", "Filed in Sent"),
                    ("kept", "Could not be filed; kept here"),
                ],
                default="none",
                max_length=8,
            ),
        ),
    ]
