from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Users and accounts"

    def ready(self) -> None:
        from . import browsers  # noqa: F401, PLC0415 - models are there only now
