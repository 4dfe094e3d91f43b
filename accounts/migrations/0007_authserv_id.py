from django.db import migrations, models

import accounts.fields

HELP = (
    "As it names itself at the beginning of Authentication-Results. Only for a server that adds this to every mail. "
    "Empty: what is known of the provider."
)


def authserv_id():
    return models.CharField(
        "server that checks senders",
        blank=True,
        default="",
        help_text=HELP,
        max_length=300,
        validators=[accounts.fields.authserv_names],
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_picture_choices")]

    operations = [
        migrations.AddField(model_name="mailaccount", name="authserv_id", field=authserv_id()),
        migrations.AddField(model_name="providerpreset", name="authserv_id", field=authserv_id()),
    ]
