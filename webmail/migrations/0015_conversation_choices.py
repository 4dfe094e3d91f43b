from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("webmail", "0014_senders")]

    operations = []
