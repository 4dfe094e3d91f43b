"""Dovecot's configuration file for a private instance (Dovecot 2.3)."""

from collections.abc import Mapping
from pathlib import Path

SPECIAL_FOLDERS = ("Drafts", "Sent", "Junk", "Trash", "Archive")


def _special_folder(name: str) -> str:
    return f"  mailbox {name} {{\n    auto = subscribe\n    special_use = \\{name}\n  }}\n"


def dovecot_configuration(
    *,
    directory: Path,
    run: Path,
    listen: str,
    ports: Mapping[str, int],
    user: str,
    group: str,
    uid: int,
    domain: str,
) -> str:
    """The whole file. ``ports`` has a number for each service; ``user`` owns every process and every mailbox."""
    # On loopback nobody listens in, and tests want to see plain connections.
    plaintext_disabled = "no" if listen == "127.0.0.1" else "yes"
    folders = "".join(_special_folder(name) for name in SPECIAL_FOLDERS)
    return f"""
base_dir = {run}
state_dir = {directory}/state
log_path = {directory}/dovecot.log
instance_name = private
protocols = imap pop3 lmtp submission
listen = {listen}
hostname = localhost

default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = {uid}
first_valid_gid = 1

ssl = yes
ssl_cert = <{directory}/tls/server.pem
ssl_key = <{directory}/tls/server.key
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = {plaintext_disabled}
auth_mechanisms = plain login
auth_failure_delay = 0 secs

passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%Lu {directory}/users/%Lu
}}
userdb {{
  driver = passwd-file
  args = username_format=%Lu {directory}/users/%Lu
  default_fields = uid={user} gid={group} home={directory}/mail/%Lu
}}

mail_location = sdbox:~/mail
mail_max_userip_connections = 200
default_vsz_limit = 1G
default_client_limit = 2000

namespace inbox {{
  inbox = yes
  separator = /
{folders}}}

protocol imap {{
  imap_idle_notify_interval = 2 mins
}}
protocol pop3 {{
  pop3_uidl_format = %08Xu%08Xv
}}
protocol lmtp {{
  postmaster_address = postmaster@{domain}
}}

submission_relay_host = 127.0.0.1
submission_relay_port = {ports["relay"]}
submission_relay_trusted = no
submission_max_mail_size = 50M

service anvil {{
  chroot =
  # Without the penalty a test with a wrong password would slow down every later sign-in from this address.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    port = {ports["imap"]}
  }}
  inet_listener imaps {{
    port = {ports["imaps"]}
    ssl = yes
  }}
}}
service pop3-login {{
  chroot =
  service_count = 0
  inet_listener pop3 {{
    port = {ports["pop3"]}
  }}
  inet_listener pop3s {{
    port = {ports["pop3s"]}
    ssl = yes
  }}
}}
service submission-login {{
  chroot =
  service_count = 0
  inet_listener submission {{
    port = {ports["submission"]}
  }}
  inet_listener submissions {{
    port = {ports["submissions"]}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {ports["lmtp"]}
  }}
}}
"""
