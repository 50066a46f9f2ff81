"""Pipelines, stalled deals, lost reasons and competitors.

Deals that are here run by version 1 of the default pipeline, which is built in: it has no row. Old
code, which runs on until it is replaced, opens and moves deals without the day on which they stall:
such a deal gets it with its next move.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from common import merges
from common.access import schema

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_OPEN = "closed_on IS NULL"
_REASONS = (
    ("price", "价格", "Price", False),
    ("competitor", "竞争对手", "A competitor won", True),
    ("no_budget", "客户无预算", "No budget", False),
    ("no_decision", "客户未决策", "No decision", False),
    ("product_fit", "产品不匹配", "The product does not fit", False),
    ("delivery_time", "交付周期", "Time of delivery", False),
    ("service", "服务", "Service", False),
    ("no_contact", "联系中断", "Contact was lost", False),
    ("duplicate", "重复商机", "A duplicate", False),
)


def upgrade() -> None:
    _create_pipelines()
    _create_lost_reasons()
    _create_competitors()
    _extend_opportunities()
    _create_what_belongs_to_them()
    # The wall is for whoever owns the table as well.
    op.execute("ALTER TABLE opportunities NO FORCE ROW LEVEL SECURITY")
    _fill_in()
    op.execute("ALTER TABLE opportunities FORCE ROW LEVEL SECURITY")


def _of_an_aggregate() -> list[sa.Column[object]]:
    return [
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _create_pipelines() -> None:
    op.create_table(
        "pipelines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("pipeline_version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("product_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("product_series", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("region_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("stages", postgresql.JSONB(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(80), nullable=True),
        *_of_an_aggregate(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pipelines")),
        sa.UniqueConstraint(
            "code", "pipeline_version", name=op.f("uq_pipelines_code_pipeline_version")
        ),
    )
    op.create_index("ix_pipelines_created_at_id", "pipelines", ["created_at", "id"])
    op.create_index(
        "ix_pipelines_published",
        "pipelines",
        ["code", "pipeline_version"],
        postgresql_where=sa.text("state = 'published'"),
    )


def _create_lost_reasons() -> None:
    op.create_table(
        "lost_reasons",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("name_zh", sa.String(80), nullable=False),
        sa.Column("name_en", sa.String(80), nullable=False),
        sa.Column("needs_competitor", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        *_of_an_aggregate(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lost_reasons")),
        sa.UniqueConstraint("code", name=op.f("uq_lost_reasons_code")),
    )
    # Nobody was told of those that are there from the start, so that their version is 0.
    for code, name_zh, name_en, needs_competitor in _REASONS:
        op.execute(
            sa.text(
                "INSERT INTO lost_reasons (id, code, name_zh, name_en, needs_competitor, state,"
                " version, created_at, updated_at) VALUES (gen_random_uuid(), :code, :name_zh,"
                " :name_en, :needs_competitor, 'active', 0, now(), now())"
            ).bindparams(
                code=code, name_zh=name_zh, name_en=name_en, needs_competitor=needs_competitor
            )
        )


def _create_competitors() -> None:
    op.create_table(
        "competitors",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("website", sa.String(300), nullable=True),
        sa.Column("strengths", sa.Text(), nullable=True),
        sa.Column("weaknesses", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        *_of_an_aggregate(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_competitors")),
    )
    op.create_index("ix_competitors_name_id", "competitors", ["name", "id"])
    op.create_index("uq_competitors_name", "competitors", [sa.text("lower(name)")], unique=True)
    op.create_table(
        "competitor_products",
        sa.Column("competitor_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("their_name", sa.String(200), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("competitor_id", "product_id", name=op.f("pk_competitor_products")),
        sa.ForeignKeyConstraint(
            ["competitor_id"],
            ["competitors.id"],
            name=op.f("fk_competitor_products_competitor_id_competitors"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["product_id"],
            ["products.id"],
            name=op.f("fk_competitor_products_product_id_products"),
        ),
    )
    op.create_index(
        op.f("ix_competitor_products_product_id"), "competitor_products", ["product_id"]
    )


def _extend_opportunities() -> None:
    for name, kind, default in (
        ("forecast_category", sa.String(20), "'pipeline'"),
        ("pipeline_code", sa.String(40), "'default'"),
        ("pipeline_version", sa.Integer(), "1"),
    ):
        op.add_column(
            "opportunities",
            sa.Column(name, kind, nullable=False, server_default=sa.text(default)),
        )
    for name, kind in (
        ("end_customer_id", sa.Uuid()),
        ("pipeline_id", sa.Uuid()),
        ("stalls_on", sa.Date()),
        ("stall_told_on", sa.Date()),
        ("lost_reason_code", sa.String(40)),
        ("lost_to_id", sa.Uuid()),
    ):
        op.add_column("opportunities", sa.Column(name, kind, nullable=True))
    for column, other in (("pipeline_id", "pipelines"), ("lost_to_id", "competitors")):
        op.create_foreign_key(
            op.f(f"fk_opportunities_{column}_{other}"), "opportunities", other, [column], ["id"]
        )
    for column in ("end_customer_id", "pipeline_id", "lost_to_id"):
        op.create_index(op.f(f"ix_opportunities_{column}"), "opportunities", [column])
    op.create_index("ix_opportunities_pipeline_code", "opportunities", ["pipeline_code", "stage"])
    for name, where in (
        ("ix_opportunities_stalls_on_id", _OPEN),
        ("ix_opportunities_stall_untold", f"{_OPEN} AND stall_told_on IS NULL"),
    ):
        op.create_index(name, "opportunities", ["stalls_on", "id"], postgresql_where=sa.text(where))
    for statement in merges.follows("opportunities", "end_customer_id"):
        op.execute(statement)
    op.add_column("opportunity_steps", sa.Column("reason", sa.String(300), nullable=True))


def _create_what_belongs_to_them() -> None:
    op.create_table(
        "opportunity_activities",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("opportunity_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noted_by", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opportunity_activities")),
        sa.ForeignKeyConstraint(
            ["opportunity_id"],
            ["opportunities.id"],
            name=op.f("fk_opportunity_activities_opportunity_id_opportunities"),
            ondelete="CASCADE",
        ),
    )
    for name, columns, where in (
        ("ix_opportunity_activities_opportunity_id", ["opportunity_id", "noted_at"], None),
        ("ix_opportunity_activities_noted_at_id", ["noted_at", "id"], None),
        ("ix_opportunity_activities_planned", ["assignee_id", "due_on"], "state = 'planned'"),
    ):
        op.create_index(
            name,
            "opportunity_activities",
            columns,
            postgresql_where=None if where is None else sa.text(where),
        )
    op.create_table(
        "opportunity_competitors",
        sa.Column("opportunity_id", sa.Uuid(), nullable=False),
        sa.Column("competitor_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint(
            "opportunity_id", "competitor_id", name=op.f("pk_opportunity_competitors")
        ),
        sa.ForeignKeyConstraint(
            ["opportunity_id"],
            ["opportunities.id"],
            name=op.f("fk_opportunity_competitors_opportunity_id_opportunities"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["competitor_id"],
            ["competitors.id"],
            name=op.f("fk_opportunity_competitors_competitor_id_competitors"),
        ),
    )
    op.create_index(
        op.f("ix_opportunity_competitors_competitor_id"),
        "opportunity_competitors",
        ["competitor_id"],
    )
    for table in ("opportunity_activities", "opportunity_competitors"):
        for statement in schema.protect_rows(table, seen_with=("opportunity_id", "opportunities")):
            op.execute(statement)


def _fill_in() -> None:
    op.execute(
        "UPDATE opportunities SET stalls_on = stage_entered_on + CASE stage"
        " WHEN 'proposal' THEN 45 WHEN 'negotiation' THEN 30 ELSE 60 END"
        f" WHERE {_OPEN}"  # noqa: S608 - a constant
    )
    op.execute(
        "UPDATE opportunities SET lost_reason_code = coalesce("
        " (SELECT code FROM lost_reasons WHERE code = lower(trim(lost_reason))), 'other')"
        " WHERE stage = 'lost'"
    )
