#!/usr/bin/env python
"""Django's command line."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmail.settings")
    from webmail.demo.secrets import load_local_secrets  # noqa: PLC0415 - before Django reads its settings

    load_local_secrets(create=sys.argv[1:2] == ["start"])
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - settings first

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
