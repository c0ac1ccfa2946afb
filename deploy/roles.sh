#!/bin/sh
# Creates the two database roles of docs/operations.md. The image of PostgreSQL runs it once, on an empty volume.
# ROLE_SECRETS is the folder that has the files migrator_url and application_url.
set -eu

password() {
  sed -n "s|^postgres://unionhall_$1:\([^@/]\{1,\}\)@.*|\1|p" "${ROLE_SECRETS:-/run/secrets}/$1_url" | grep .
}

# psql quotes :'name' as a string and :"name" as an identifier; passwords reach no command line
export MIGRATOR_PASSWORD APPLICATION_PASSWORD
MIGRATOR_PASSWORD="$(password migrator)"
APPLICATION_PASSWORD="$(password application)"
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
\getenv migrator_password MIGRATOR_PASSWORD
\getenv application_password APPLICATION_PASSWORD
\getenv database POSTGRES_DB
create role unionhall_migrator login password :'migrator_password';
create role unionhall_application login password :'application_password';
revoke all on database :"database" from public;
grant connect, create on database :"database" to unionhall_migrator;
grant connect, temporary on database :"database" to unionhall_application;
revoke all on schema public from public;
grant usage, create on schema public to unionhall_migrator;
grant usage on schema public to unionhall_application;
SQL
