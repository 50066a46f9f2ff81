"""What lists of customers are narrowed by: every field that customers have.

# beside schemas.py: parameters of a query, and the conditions that they are

Custom fields come by themselves (`common.custom_fields.listing`).
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Query
from pydantic import AwareDatetime
from sqlalchemy import ColumnElement, select

from customer.customers.model import Customer


def _from(name: str) -> Any:
    return Query(alias=f"{name}[gte]", description="This or more")


def _until(name: str) -> Any:
    return Query(alias=f"{name}[lte]", description="This or less")


@dataclass(frozen=True, slots=True)
class CustomerFilters:
    """Values that fields have, bounds, beginnings; and the group of companies a customer is in."""

    equal: dict[str, Any]
    bounds: list[tuple[str, Literal["gte", "lte"], Any]]
    mnemonic: str | None
    within: UUID | None
    scope: str
    updated_since: datetime | None

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        """The conditions on `Customer`."""
        found: list[ColumnElement[bool]] = [
            getattr(Customer, name) == value
            for name, value in self.equal.items()
            if value is not None
        ]
        for name, bound, value in self.bounds:
            column = getattr(Customer, name)
            if value is not None:
                found.append(column >= value if bound == "gte" else column <= value)
        if self.updated_since is not None:
            found.append(Customer.updated_at >= self.updated_since)
        if self.mnemonic is not None:
            found.append(Customer.mnemonic.startswith(self.mnemonic.upper(), autoescape=True))
        if self.within is not None:
            found.append(in_group(self.within, subtree=self.scope == "subtree"))
        return found


def in_group(customer_id: UUID, *, subtree: bool) -> ColumnElement[bool]:
    """That a customer is this one or, with `subtree`, belongs to it at any depth."""
    if not subtree:
        return Customer.id == customer_id
    tree = select(Customer.id).where(Customer.id == customer_id).cte("tree", recursive=True)
    tree = tree.union(select(Customer.id).where(Customer.parent_id == tree.c.id))
    return Customer.id.in_(select(tree.c.id))


def _filters(
    number: str | None = None,
    name: str | None = None,
    mnemonic: Annotated[
        str | None, Query(description="How the mnemonic code begins, in any case")
    ] = None,
    kind: str | None = None,
    status: str | None = None,
    industry: str | None = None,
    size: str | None = None,
    customer_type: str | None = None,
    business_scope_code: str | None = None,
    source: str | None = None,
    country: str | None = None,
    city: str | None = None,
    address: str | None = None,
    office_address: str | None = None,
    postcode: str | None = None,
    phone: str | None = None,
    finance_phone: str | None = None,
    email: str | None = None,
    homepage: str | None = None,
    tax_number: str | None = None,
    employee_count: int | None = None,
    employee_count_gte: Annotated[int | None, _from("employee_count")] = None,
    employee_count_lte: Annotated[int | None, _until("employee_count")] = None,
    annual_revenue_gte: Annotated[Decimal | None, _from("annual_revenue")] = None,
    annual_revenue_lte: Annotated[Decimal | None, _until("annual_revenue")] = None,
    founded_year: int | None = None,
    founded_year_gte: Annotated[int | None, _from("founded_year")] = None,
    founded_year_lte: Annotated[int | None, _until("founded_year")] = None,
    registered_by: str | None = None,
    registered_at_gte: Annotated[AwareDatetime | None, _from("registered_at")] = None,
    registered_at_lte: Annotated[AwareDatetime | None, _until("registered_at")] = None,
    owner_id: UUID | None = None,
    department_id: UUID | None = None,
    partner_id: UUID | None = None,
    region_id: UUID | None = None,
    parent_id: UUID | None = None,
    within: Annotated[
        UUID | None, Query(description="A customer, with all that belong to it")
    ] = None,
    scope: Annotated[
        Literal["subtree", "node"], Query(description="`node`: `within` without what belongs to it")
    ] = "subtree",
    external_source: str | None = None,
    external_id: str | None = None,
    updated_since: AwareDatetime | None = None,
) -> CustomerFilters:
    return CustomerFilters(
        equal={
            "number": number,
            "name": name,
            "kind": kind,
            "status": status,
            "industry": industry,
            "size": size,
            "customer_type": customer_type,
            "business_scope_code": business_scope_code,
            "source": source,
            "country": country,
            "city": city,
            "address": address,
            "office_address": office_address,
            "postcode": postcode,
            "phone": phone,
            "finance_phone": finance_phone,
            "email": email,
            "homepage": homepage,
            "tax_number": tax_number,
            "employee_count": employee_count,
            "founded_year": founded_year,
            "registered_by": registered_by,
            "owner_id": owner_id,
            "department_id": department_id,
            "partner_id": partner_id,
            "region_id": region_id,
            "parent_id": parent_id,
            "external_source": external_source,
            "external_id": external_id,
        },
        bounds=[
            ("employee_count", "gte", employee_count_gte),
            ("employee_count", "lte", employee_count_lte),
            ("annual_revenue", "gte", annual_revenue_gte),
            ("annual_revenue", "lte", annual_revenue_lte),
            ("founded_year", "gte", founded_year_gte),
            ("founded_year", "lte", founded_year_lte),
            ("registered_at", "gte", registered_at_gte),
            ("registered_at", "lte", registered_at_lte),
        ],
        mnemonic=mnemonic,
        within=within,
        scope=scope,
        updated_since=updated_since,
    )


Filters = Annotated[CustomerFilters, Depends(_filters)]
"""The parameters of the list of customers, for its route."""
