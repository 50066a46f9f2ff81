#!/bin/bash
# One role and one database a service, from the environment: SERVICE_DESK_DATABASE_PASSWORD makes
# the role and the database service_desk. PostgreSQL's image runs this once, on an empty volume;
# running it again is harmless and sets the passwords to what the environment says now.
set -euo pipefail

run_sql() {
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres
}

# No service may look into what is not its own.
run_sql <<<'REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;'

for variable in $(compgen -e | grep '_DATABASE_PASSWORD$'); do
    name=$(tr '[:upper:]' '[:lower:]' <<<"${variable%_DATABASE_PASSWORD}")
    # By standard input and not by argument: arguments stand in the list of processes.
    run_sql <<SQL
\set name $name
\getenv password $variable
SELECT format('CREATE ROLE %I', :'name')
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
ALTER ROLE :"name" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'name')
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
    echo "database $name is ready"
done
