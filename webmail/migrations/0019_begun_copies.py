from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F


def name_begun(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """A copy that was appended, or may have been, had 0 in place of its number; that time is as near as is known."""
    rows = apps.get_model("webmail", "OutgoingMessage").objects.filter(sent_copy_uid__isnull=False)
    rows.update(sent_copy_begun_at=F("sent_at"))
    rows.filter(sent_copy_uid=0).update(sent_copy_uid=None)


class Migration(migrations.Migration):
    dependencies = [("webmail", "0018_contacts")]

    operations = [
        migrations.AddField("outgoingmessage", "sent_copy_begun_at", models.DateTimeField(null=True)),
        migrations.RunPython(name_begun, migrations.RunPython.noop),
    ]
