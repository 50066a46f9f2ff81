#!/bin/bash
# One login and one database a service, from the environment: SERVICE_DESK_DATABASE_PASSWORD makes
# the role and the database service_desk. PostgreSQL's image runs this once, on an empty volume;
# running it again is harmless and sets the passwords to what the environment says now.
#
# A login owns nothing: the tables belong to <service>_owner, which it becomes to migrate and which
# hands nothing down through <service>_setup. Likewise it sees no partner's rows until it says
# whose, and all of them only as fairway_all_rows (libs/common/src/common/access/schema.py).
set -euo pipefail
# What is there already is no news.
export PGOPTIONS="${PGOPTIONS:-} -c client_min_messages=warning"

run_sql() {
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres
}

# No service may look into what is not its own.
run_sql <<<'REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;'

run_sql <<'SQL'
SELECT format('CREATE ROLE %I', name) FROM (VALUES
    ('fairway_all_rows'), ('fairway_partner'), ('fairway_service')) AS wanted (name)
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE fairway_service NOINHERIT;
GRANT fairway_all_rows TO fairway_service;
SQL

for variable in $(compgen -e | grep '_DATABASE_PASSWORD$'); do
    name=$(tr '[:upper:]' '[:lower:]' <<<"${variable%_DATABASE_PASSWORD}")
    # By standard input and not by argument: arguments stand in the list of processes.
    run_sql <<SQL
\set name $name
\getenv password $variable
\set owner ${name}_owner
\set setup ${name}_setup
SELECT format('CREATE ROLE %I', role) FROM (VALUES (:'name'), (:'owner'), (:'setup')) AS wanted (role)
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec
ALTER ROLE :"name" LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD :'password';
ALTER ROLE :"setup" NOINHERIT;
GRANT fairway_all_rows TO :"owner";
GRANT :"owner" TO :"setup";
GRANT fairway_partner, fairway_service, :"setup" TO :"name";
SELECT format('CREATE DATABASE %I', :'name')
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
ALTER DATABASE :"name" OWNER TO :"owner";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"name" TO :"name";
\connect :"name"
-- What the login owned before there was an owner.
REASSIGN OWNED BY :"name" TO :"owner";
SQL
    echo "database $name is ready"
done
