from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_conversation_choices")]

    operations = []
