"""The roles that a database server has for Fairway: made where we may, and checked at a start.

Who owns the tables migrates, and no service logs in as that. `common.access.schema` says what the
roles see.
"""

from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from common.access.schema import ALL_ROWS_ROLE, MAKE_ROLES, PARTNER_ROLE, SERVICE_ROLE

OWNER_TO_BECOME = """
    SELECT quote_ident(pg_get_userbyid(datdba)) FROM pg_database
    WHERE datname = current_database() AND pg_get_userbyid(datdba) <> current_user
      AND pg_has_role(current_user, datdba, 'MEMBER')
"""
"""Whom a login has to become to migrate: who owns the database, where it may."""


class RolesMissing(RuntimeError):
    """The server lacks roles that policies speak of, and whoever migrates may not make them."""


class PowerfulRole(RuntimeError):
    """The login of a service passes row-level security, so that the wall would not hold it."""


async def make_roles(dsn: str) -> None:
    """Make the roles of `common.access.schema` where the server lacks them.

    Whoever migrates sees all rows, or a migration of data would change nothing and say nothing.
    Raises RolesMissing.
    """
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        await connection.execute(MAKE_ROLES)
        if (owner := await connection.fetchval(OWNER_TO_BECOME)) is not None:
            await connection.execute(f"SET ROLE {owner}")
        sees_all = await connection.fetchval(
            "SELECT pg_has_role(current_user, $1, 'USAGE')", ALL_ROWS_ROLE
        )
        if not sees_all:
            await connection.execute(f"GRANT {ALL_ROWS_ROLE} TO CURRENT_USER")
    except (asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedObjectError) as error:
        raise RolesMissing(
            f"{error}. Whoever migrates needs the role {ALL_ROWS_ROLE}, a service {PARTNER_ROLE}"
            f" and {SERVICE_ROLE}: see deploy/postgres/10-databases.sh"
        ) from None
    finally:
        await connection.close()


async def make_login(dsn: str, name: str, password: str) -> str:
    """Make the login of a service, or give it this password; the URL by which it logs in.

    `dsn` is the database as somebody who may make roles. Raises RolesMissing.
    """
    await make_roles(dsn)
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        there = await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", name)
        verb = "ALTER" if there else "CREATE"
        # Neither takes parameters.
        spelled = await connection.fetchval(
            "SELECT format('%s ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD %L', $1::text, $2::text, $3::text)",
            verb,
            name,
            password,
        )
        await connection.execute(spelled)
        await connection.execute(f'GRANT {PARTNER_ROLE}, {SERVICE_ROLE} TO "{name}"')
    except asyncpg.InsufficientPrivilegeError as error:
        raise RolesMissing(f"{error}: the login {name} cannot be made") from None
    finally:
        await connection.close()
    parts = urlsplit(dsn)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(name)}:{quote(password)}@{place}"))


async def refuse_powerful_role(dsn: str) -> None:
    """Raises PowerfulRole where the login passes row-level security or owns what it protects.

    A database that is away is not asked: a service becomes ready only when it is there.
    """
    try:
        connection = await asyncpg.connect(dsn, timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return
    try:
        found = await connection.fetchrow("""
            SELECT session_user AS name, rolsuper OR rolbypassrls AS passes, EXISTS (
                SELECT FROM pg_class WHERE relrowsecurity AND pg_has_role(relowner, 'USAGE')
            ) AS owns FROM pg_roles WHERE rolname = session_user
        """)
    finally:
        await connection.close()
    if found["passes"] or found["owns"]:
        trouble = "passes row-level security" if found["passes"] else "owns the tables"
        raise PowerfulRole(f"the role {found['name']} {trouble}: log in as one that does not")
