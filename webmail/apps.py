from django.apps import AppConfig
from django.db.models.signals import post_migrate


class WebmailConfig(AppConfig):
    name = "webmail"
    verbose_name = "Mail"

    def ready(self) -> None:
        from webmail.search import schema  # noqa: PLC0415 - settings and models have to be there first

        post_migrate.connect(schema.after_migrate, sender=self, dispatch_uid="webmail.search")
