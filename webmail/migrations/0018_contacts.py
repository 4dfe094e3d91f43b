import django.db.models.deletion
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def note_past(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The mail that is here already is gone through by the worker."""
    last = apps.get_model("webmail", "Message").objects.order_by("-pk").values_list("pk", flat=True).first()
    if last is not None:
        apps.get_model("webmail", "CollectedPast").objects.create(upto=last, cursor=last)


class Migration(migrations.Migration):
    dependencies = [
        ("webmail", "0017_around_writing"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CollectedPast",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "upto",
                    models.BigIntegerField(
                        help_text="Highest id of a message then; newer ones are counted as they are indexed."
                    ),
                ),
                ("cursor", models.BigIntegerField(help_text="Messages above this id have been counted.")),
            ],
        ),
        migrations.CreateModel(
            name="Contact",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.CharField(help_text="Of the vCard.", max_length=255)),
                ("name", models.CharField(blank=True, help_text="As shown.", max_length=300)),
                ("prefix", models.CharField(blank=True, max_length=100)),
                ("given", models.CharField(blank=True, max_length=200)),
                ("middle", models.CharField(blank=True, max_length=200)),
                ("family", models.CharField(blank=True, max_length=200)),
                ("suffix", models.CharField(blank=True, max_length=100)),
                ("nickname", models.CharField(blank=True, max_length=200)),
                ("organisation", models.CharField(blank=True, max_length=300)),
                ("title", models.CharField(blank=True, max_length=200)),
                (
                    "birthday",
                    models.CharField(blank=True, help_text="1985-04-12, or --04-12 without a year.", max_length=20),
                ),
                ("note", models.TextField(blank=True)),
                ("phones", models.JSONField(default=list, help_text="[[kind, number], …]")),
                (
                    "places",
                    models.JSONField(default=list, help_text="[[kind, street, city, region, code, country], …]"),
                ),
                ("links", models.JSONField(default=list, help_text="[[kind, address], …]")),
                (
                    "kept",
                    models.JSONField(
                        default=list, help_text="Properties of a vCard that have no column, for the way back."
                    ),
                ),
                ("sort_key", models.CharField(blank=True, max_length=200)),
                ("search", models.TextField(blank=True, help_text="Folded words, a blank before each.")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("removed_at", models.DateTimeField(null=True)),
                ("batch", models.UUIDField(db_index=True, null=True)),
                ("made_by", models.UUIDField(db_index=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="contacts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ContactAddress",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(blank=True, max_length=60)),
                ("address", models.CharField(max_length=320)),
                ("key", models.CharField(help_text="The address with case folded.", max_length=320)),
                ("rank", models.FloatField(default=0)),
                ("search", models.CharField(blank=True, help_text="As in CollectedAddress.", max_length=300)),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="addresses", to="webmail.contact"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="ContactGroup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("key", models.CharField(help_text="The name folded.", max_length=200)),
                ("members", models.ManyToManyField(related_name="groups", to="webmail.contact")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="contact_groups",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["key", "id"],
            },
        ),
        migrations.CreateModel(
            name="ContactImport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("filename", models.CharField(blank=True, max_length=255)),
                ("content", models.BinaryField(help_text="Compressed.")),
                ("created_at", models.DateTimeField(auto_now_add=True, db_index=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CollectedAddress",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.CharField(max_length=320)),
                ("key", models.CharField(help_text="The address with case folded.", max_length=320)),
                ("name", models.CharField(blank=True, max_length=300)),
                ("named_at", models.DateTimeField(help_text="Of the mail that gave the name.", null=True)),
                ("heard", models.PositiveIntegerField(default=0)),
                ("written", models.PositiveIntegerField(default=0)),
                ("last_heard", models.DateTimeField(null=True)),
                ("last_written", models.DateTimeField(null=True)),
                (
                    "rank",
                    models.FloatField(
                        help_text="Grows with each mail, by more the newer it is; see webmail.contacts.weight."
                    ),
                ),
                (
                    "search",
                    models.CharField(blank=True, help_text="Folded words, a blank before each.", max_length=300),
                ),
                ("hidden", models.BooleanField(default=False, help_text="The person wants it suggested no more.")),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.mailaccount",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["user", "-rank", "search"], name="collected_suggestions"),
                    models.Index(fields=["user", "key"], name="collected_by_address"),
                    models.Index(
                        condition=models.Q(("last_written__isnull", False)),
                        fields=["user", "-last_written", "-id"],
                        name="collected_written",
                    ),
                ],
                "constraints": [models.UniqueConstraint(fields=("account", "key"), name="collected_once")],
            },
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(fields=["user", "sort_key", "id"], name="contact_order"),
        ),
        migrations.AddConstraint(
            model_name="contact",
            constraint=models.UniqueConstraint(
                condition=models.Q(("removed_at__isnull", True)), fields=("user", "uid"), name="one_contact_per_uid"
            ),
        ),
        migrations.AddIndex(
            model_name="contactaddress",
            index=models.Index(fields=["user", "key"], name="contact_by_address"),
        ),
        migrations.AddIndex(
            model_name="contactaddress",
            index=models.Index(fields=["user", "-rank", "search"], name="contact_suggestions"),
        ),
        migrations.AddConstraint(
            model_name="contactaddress",
            constraint=models.UniqueConstraint(fields=("contact", "key"), name="contact_address_once"),
        ),
        migrations.AddConstraint(
            model_name="contactgroup",
            constraint=models.UniqueConstraint(fields=("user", "key"), name="one_group_per_name"),
        ),
        migrations.CreateModel(
            name="CollectedCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.BigIntegerField()),
                (
                    "collected",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="webmail.collectedaddress"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("user", "code", "collected"), name="collected_code_once")
                ],
            },
        ),
        migrations.RunPython(note_past, migrations.RunPython.noop),
    ]
