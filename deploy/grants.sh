#!/bin/sh
# Gives the application role its rights to the tables, as the migrator that owns them, in one transaction. Run it after
# each migration.
set -eu
url="${ROLE_SECRETS:-/run/secrets}/migrator_url"
# the password is in no argument: every user of the machine can read those
PGPASSWORD="$(sed 's|^[^@]*:\([^:@/]*\)@.*|\1|' "$url")"
export PGPASSWORD
# functions of extensions belong to the superuser and are everybody's already: no warning for each of them
export PGOPTIONS='-c client_min_messages=error'
exec psql --no-psqlrc --quiet --single-transaction --set=ON_ERROR_STOP=1 --dbname="$(sed 's|:[^:@/]*@|@|' "$url")" <<'SQL'
grant usage on schema public, pgboss to unionhall_application;
grant select, insert, update, delete on all tables in schema public, pgboss to unionhall_application;
grant usage, select on all sequences in schema public, pgboss to unionhall_application;
grant execute on all functions in schema public, pgboss to unionhall_application;
revoke all on audit_events, audit_seals, audit_archives, mikro_orm_migrations from unionhall_application;
grant select, insert on audit_events, audit_seals to unionhall_application;
grant select on audit_archives, mikro_orm_migrations to unionhall_application;
SQL
