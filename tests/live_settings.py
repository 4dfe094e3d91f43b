"""Settings of the processes behind the ``live`` fixture: the product's own, served without a collectstatic first."""

from webmail.settings import *  # noqa: F403
from webmail.settings import STORAGES

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
