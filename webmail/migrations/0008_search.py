from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("webmail", "0007_conversation_place")]

    operations = []
