from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("webmail", "0009_sync")]

    operations = []
