import accounts.sealed
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_order_of_conversations"), ("webmail", "0001_initial")]

    operations = [
        migrations.AlterModelOptions(
            name="identity",
            options={"ordering": ["position", "id"], "verbose_name_plural": "identities"},
        ),
        migrations.AddField(
            model_name="identity",
            name="position",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="identity",
            name="sent_folder",
            field=models.ForeignKey(
                blank=True,
                help_text="For “in a folder of its own”; where it is gone, the account's Sent is meant.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="webmail.folder",
            ),
        ),
        migrations.AddField(
            model_name="identity",
            name="sent_rule",
            field=models.CharField(
                choices=[
                    ("account", "As the account does"),
                    ("folder", "In a folder of its own"),
                    ("server", "The outgoing server files it"),
                    ("none", "Keep no copy"),
                ],
                default="account",
                max_length=7,
                verbose_name="copy of sent mail",
            ),
        ),
        migrations.AddField(
            model_name="identity",
            name="signature_place",
            field=models.CharField(
                choices=[
                    ("above", "Above what is quoted"),
                    ("below", "Below what is quoted"),
                    ("none", "No signature"),
                ],
                default="above",
                max_length=5,
            ),
        ),
        migrations.AddField(
            model_name="identity",
            name="smtp_host",
            field=models.CharField(blank=True, max_length=253, verbose_name="outgoing server"),
        ),
        migrations.AddField(
            model_name="identity",
            name="smtp_password",
            field=accounts.sealed.SealedField(blank=True, default="", verbose_name="outgoing password"),
        ),
        migrations.AddField(
            model_name="identity",
            name="smtp_port",
            field=models.PositiveIntegerField(default=465, verbose_name="outgoing port"),
        ),
        migrations.AddField(
            model_name="identity",
            name="smtp_security",
            field=models.CharField(
                choices=[("tls", "TLS from the start"), ("starttls", "STARTTLS"), ("plain", "None (not private)")],
                default="tls",
                max_length=8,
                verbose_name="outgoing security",
            ),
        ),
        migrations.AddField(
            model_name="identity",
            name="smtp_username",
            field=models.CharField(blank=True, max_length=320, verbose_name="outgoing user name"),
        ),
        migrations.AddField(
            model_name="mailaccount",
            name="sent_watch",
            field=models.PositiveSmallIntegerField(
                default=0,
                editable=False,
                help_text="So many more sent messages are watched for a copy of the provider's own.",
            ),
        ),
        migrations.AlterField(
            model_name="identity",
            name="address",
            field=models.CharField(max_length=320),
        ),
        migrations.AlterField(
            model_name="identity",
            name="reply_to",
            field=models.CharField(blank=True, max_length=320),
        ),
        migrations.AlterField(
            model_name="identity",
            name="signature_html",
            field=models.TextField(blank=True, help_text="Its pictures are named by cid:, see SignaturePicture."),
        ),
        migrations.CreateModel(
            name="ServerOffer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("host", models.CharField(max_length=253)),
                ("port", models.PositiveIntegerField()),
                (
                    "extensions",
                    models.JSONField(default=dict, help_text="Names in lower case, each with its parameters."),
                ),
                ("seen_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["host", "port"],
                "constraints": [models.UniqueConstraint(fields=("host", "port"), name="one_offer_per_server")],
            },
        ),
        migrations.CreateModel(
            name="SignaturePicture",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("content_id", models.CharField(max_length=200, unique=True)),
                ("filename", models.CharField(max_length=255)),
                ("content_type", models.CharField(max_length=100)),
                ("size", models.PositiveIntegerField(default=0)),
                ("file", models.FileField(max_length=300, upload_to="signatures/")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="signature_pictures",
                        to="accounts.mailaccount",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
    ]
