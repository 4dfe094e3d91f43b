from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("webmail", "0012_sync_generation")]

    operations = []
