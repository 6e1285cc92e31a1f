#!/usr/bin/env bash
# Makes what `docker compose up` needs once per machine, and leaves alone what is there already: random passwords in
# deploy/local/secrets, a subscriptions file in deploy/local/config, and ATTACHE_LOCAL in .env, which compose reads.
#
# The folder of secrets is closed to everyone else (mode 700); the files in it are readable, because a container sees
# such a file with the mode it has here, and none of the containers runs as the user who started them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
local=deploy/local

random() { head -c "$1" /dev/urandom | base64 | tr -d '\n'; } # that many bytes

umask 077
mkdir -p "$local/secrets"
chmod 700 "$local/secrets"
for name in database_password grafana_password; do
  file=$local/secrets/$name
  if [[ ! -s $file ]]; then
    random 32 >"$file"
    chmod 444 "$file"
    echo "made $file: a random password"
  fi
done

(umask 077; touch .env) # a mail server's password may come to stand there
umask 022
mkdir -p "$local/config"
chmod 755 "$local" "$local/config"
if [[ ! -e $local/config/subscriptions.toml ]]; then
  cat >"$local/config/subscriptions.toml" <<TOML
# Who is told what; re-read when it changes. README, "Subscriptions", says what may stand here. One example:
#
# [[subscription]]
# id = "khm-usa"
# name = "Cambodia and the United States, anything agreed or denied"
# dyads = ["KHM-USA"]
# statuses = ["agreed-signed", "begun", "resumed", "suspended", "cancelled-ended", "denied"]
# channel = { webhook = "https://example.org/hooks/attache", secret = "whsec_$(random 32)" }
TOML
  echo "made $local/config/subscriptions.toml: nobody is told anything yet, fill it in"
fi

if ! grep -q '^ATTACHE_LOCAL=' .env; then
  if [[ -n $(tail -c 1 .env) ]]; then echo >>.env; fi
  echo "ATTACHE_LOCAL=./$local" >>.env
  echo "made .env: settings for compose, such as CONTACT, SMTP_URL and LOG_LEVEL, go there"
fi
