"""Baskets, what was heard of them, and crates, which have custom fields and are imported."""

from alembic import op

from common.custom_fields import schema as custom_fields
from common.imports import schema as imports

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE baskets (
            id uuid PRIMARY KEY, version integer NOT NULL,
            created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
            name varchar(200) NOT NULL, weight integer, price numeric(20, 6), placed_at timestamptz,
            CONSTRAINT uq_baskets_name EXCLUDE (name WITH =) WHERE (name LIKE 'only %')
        )
    """)
    # Only a commit finds out.
    op.execute("""
        CREATE FUNCTION no_cursed_basket() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE 'cursed'; END $$
    """)
    op.execute("""
        CREATE CONSTRAINT TRIGGER no_cursed_basket AFTER INSERT OR UPDATE ON baskets
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.name = 'cursed')
        EXECUTE FUNCTION no_cursed_basket()
    """)
    op.execute("CREATE TABLE heard (place bigint GENERATED ALWAYS AS IDENTITY, what text)")
    op.execute("""
        CREATE TABLE crates (
            id uuid PRIMARY KEY, version integer NOT NULL,
            created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
            name varchar(200) NOT NULL)
    """)
    for statement in (
        *imports.V1,
        *imports.V2,
        *custom_fields.V1,
        *custom_fields.extended("crates"),
    ):
        op.execute(statement)
