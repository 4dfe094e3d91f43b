"""The product's settings with what a test needs otherwise: throw-away keys and paths, a fast password hash."""

import atexit
import os
import shutil
import tempfile

SCRATCH = tempfile.mkdtemp(prefix="webmail-tests-")
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)

os.environ.update(
    {
        "SECRET_KEY": "only-for-tests-" + "k" * 40,
        "CREDENTIAL_KEYS": "vZ1HVoTb6LuLb9mzJmB0JbT9sWlOZrPYJqHq6BvX0fM=",
        "DEBUG": "false",
        "SECURE": "false",
        "VAR_DIR": SCRATCH,
        "STORAGE_DIR": f"{SCRATCH}/storage",
        "STATIC_ROOT": f"{SCRATCH}/staticfiles",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
        "ALLOW_ANY_SERVER": "true",
        "ALLOW_PLAINTEXT": "false",
        "TIME_ZONE": "UTC",
        "LOG_LEVEL": "WARNING",
    }
)
for inherited in ("TRUSTED_CA_FILE", "CSRF_TRUSTED_ORIGINS", "SEND_UNDO_SECONDS", "CACHE_URL"):
    os.environ[inherited] = {"SEND_UNDO_SECONDS": "8", "CACHE_URL": "locmemcache://"}.get(inherited, "")

from webmail.settings import *  # noqa: E402, F403 - the environment has to be set first
from webmail.settings import DATABASES, STORAGES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, as in production: threads and a second process see one database with its locks.
    DATABASES["default"]["TEST"] = {"NAME": f"{SCRATCH}/test.sqlite3"}
DATABASES["default"]["CONN_MAX_AGE"] = 0
