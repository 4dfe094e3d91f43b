from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("webmail", "0015_conversation_choices")]

    operations = []
