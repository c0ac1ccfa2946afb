#!/bin/sh
# Writes the secrets that compose.yaml mounts into deploy/secrets. Existing files are kept.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets

# Containers read these files as other users, so the files are readable and their folder is not.
keep() {
  if [ -e "secrets/$1" ]; then
    echo "Kept secrets/$1."
    cat >/dev/null
  else
    cat >"secrets/$1"
    echo "Wrote secrets/$1."
  fi
  chmod 0644 "secrets/$1"
}

openssl rand -hex 24 | keep postgres_password
for role in migrator application; do
  echo "postgres://unionhall_$role:$(openssl rand -hex 24)@database:5432/unionhall" | keep "${role}_url"
done
echo "k1:$(openssl rand -base64 32)" | keep keys
# Put smtps://user:password@host here. While the file is empty, mails wait in the database.
printf '' | keep smtp_url
