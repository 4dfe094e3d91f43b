"""``python -m tests.bench.sink DIRECTORY``: the SMTP server of the tests in a process of its own.

So it takes no part in what is measured. Prints its TLS port; once standard input ends, how many messages it took.
"""

import sys
from pathlib import Path

from tests.servers.smtp_sink import SmtpSink


def main() -> int:
    sink = SmtpSink(Path(sys.argv[1]))
    print(sink.tls_port, flush=True)
    sys.stdin.read()
    print(len(sink.received), flush=True)
    sink.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
