"""A migration of its own: PostgreSQL changes no table whose rows the same transaction has written."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import OuterRef, Subquery


def name_owners(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    folders = apps.get_model("webmail", "Folder").objects
    owner = folders.filter(pk=OuterRef("folder_id")).values("account__user_id")[:1]
    rows = apps.get_model("webmail", "ListRow").objects.filter(folder__special_use="inbox")
    rows.update(inbox_of_id=Subquery(owner))


class Migration(migrations.Migration):
    dependencies = [("webmail", "0005_inbox_of")]
    operations = [migrations.RunPython(name_owners, migrations.RunPython.noop)]
