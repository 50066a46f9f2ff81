"""Makes the demo data: a pump and valve maker that sells through dealers and agents all over China.

`generate` is a function of its arguments alone: the same seed, day and size give the same data.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from common.days import ZONE
from fairway.demo import words
from fairway.demo.data import (
    Contact,
    Customer,
    Deal,
    DemoData,
    Department,
    Employee,
    Interaction,
    Lead,
    Partner,
    PriceList,
    Product,
    ServiceContract,
    Territory,
    Ticket,
)
from fairway.demo.seasons import closing_days, months_before, months_between, share_out

SEED = 20
WON_SHARE = 0.51
SHIPPED_KINDS = ("own", "outsourced")
OPEN_STAGES = ("prospecting", "engaging", "proposal", "negotiation")
SELLING = {
    "HD": ("BR-HD", ("OF-SH", "OF-SZ", "OF-QD")),
    "HN": ("BR-HN", ("OF-GZ", "OF-FZ")),
    "HB": ("BR-HB", ("OF-BJ",)),
    "HZ": ("BR-HB", ("OF-WH",)),
    "DB": ("BR-HB", ("OF-DL",)),
    "XN": ("BR-XB", ("OF-CD",)),
    "XB": ("BR-XB", ("OF-CD",)),
}
"""Which branch sells in a region, and which of its offices."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything, and over how many months before the present one."""

    months: int = 14
    worked_months: int = 1
    """Deals of this month and so many before it were worked on here; older ones come from the old
    system."""
    partners: int = 16
    customers: int = 120
    interactions: int = 60
    leads: int = 100
    closed_deals: int = 320
    open_deals: int = 40
    full_papers: int = 9
    orders: int = 9
    service_contracts: int = 5
    tickets: int = 44


def generate(today: date, *, seed: int = SEED, size: Size | None = None) -> DemoData:
    """The whole of it; nothing in it lies after yesterday, but for what is expected."""
    return _Generator(Random(seed), today, size or Size()).everything()  # noqa: S311 - not secret


class _Generator:
    """One run; the order of the steps is part of the result, as each draws from one stream."""

    def __init__(self, random: Random, today: date, size: Size) -> None:
        self._random = random
        self._size = size
        self._yesterday = today - timedelta(days=1)
        self._first = months_before(today, size.months)
        self._worked_since = months_before(today, size.worked_months)
        self._phones = 0
        self._names: set[str] = set()
        self._brands: list[str] = []

    def everything(self) -> DemoData:
        territories = list(_territories())
        departments = list(_departments())
        self._employees = self._make_employees()
        self._partners = self._make_partners()
        self._products = list(_products())
        self._customers = self._make_customers()
        deals = self._make_deals()
        past = [deal for deal in deals if deal.closed_on and deal.closed_on < self._worked_since]
        worked = self._with_papers([deal for deal in deals if deal not in past])
        buyers = {deal.customer_key for deal in deals if deal.outcome == "won"}
        self._customers = [
            replace(customer, status="active") if customer.key in buyers else customer
            for customer in self._customers
        ]
        return DemoData(
            territories=territories,
            departments=departments,
            employees=self._employees,
            partners=self._partners,
            products=self._products,
            price_lists=self._make_price_lists(),
            customers=self._customers,
            contacts=self._make_contacts(),
            interactions=self._make_interactions(),
            leads=self._make_leads(),
            past_deals=past,
            deals=worked,
            service_contracts=self._make_service_contracts(buyers),
            tickets=self._make_tickets(deals),
            months=months_between(self._first, self._yesterday),
        )

    # --- people and firms

    def _person(self, *, english: bool = False) -> tuple[str, str, str]:
        """A name that nobody else here has, in Latin letters as well, and m or f."""
        while True:
            if english:
                name, sex = self._random.choice(words.ENGLISH_NAMES)
                latin = name.lower().replace(" ", ".")
            else:
                sex = self._random.choice("mf")
                surname, surname_latin = self._random.choice(list(words.SURNAMES.items()))
                given, given_latin = self._random.choice(list(words.GIVEN_NAMES[sex].items()))
                name, latin = surname + given, f"{given_latin}.{surname_latin}"
            if name not in self._names:
                self._names.add(name)
                return name, latin, sex

    def _phone(self) -> str:
        """A mobile number that nobody else here has, from a block that is not in use."""
        self._phones += 1
        return f"+86 1{self._random.choice('3578')}0 0000 {self._phones:04d}"

    def _brand(self) -> tuple[str, str]:
        """The brand of a firm and how it is spelt in addresses; the list goes round."""
        if not self._brands:
            self._brands = self._random.sample(list(words.BRANDS), len(words.BRANDS))
        brand = self._brands.pop()
        return brand, words.BRANDS[brand]

    def _make_employees(self) -> list[Employee]:
        plan = [
            ("GM", "总经理 General manager", "HQ", None, False),
            ("SD", "销售总监 Sales director", "HQ-SALES", "GM", False),
            ("FM", "财务经理 Finance manager", "HQ-FIN", "GM", False),
            ("CM", "渠道经理 Channel manager", "HQ-SALES", "SD", True),
            ("SM", "服务经理 Service manager", "HQ-SERVICE", "GM", False),
        ]
        plan += [
            (f"BM-{branch}", "分公司经理 Branch manager", f"BR-{branch}", "SD", False)
            for branch in ("HD", "HN", "HB", "XB")
        ]
        offices = ("OF-SH", "OF-SZ", "OF-QD", "OF-GZ", "OF-FZ", "OF-BJ", "OF-WH", "OF-DL", "OF-CD")
        branch_of = {key: str(parent) for key, _, _, parent, _ in _DEPARTMENTS}
        for place in range(14):
            office = offices[place % len(offices)]
            manager = branch_of[office].replace("BR-", "BM-")
            plan.append(
                (f"S{place + 1:02d}", "销售工程师 Sales engineer", office, manager, place in (3, 9))
            )
        for place in range(6):
            team = ("TM-E", "TM-S", "TM-N")[place % 3]
            plan.append(
                (f"T{place + 1:02d}", "服务工程师 Service engineer", team, "SM", place == 4)
            )
        employees = []
        for key, position, department, boss, is_english in plan:
            name, latin, _ = self._person(english=is_english)
            employees.append(
                Employee(
                    key=key,
                    name=name,
                    position=position,
                    department_key=department,
                    manager_key=boss,
                    email=f"{latin}@yuanchuan.example",
                    phone=self._phone(),
                    joined_on=self._first - timedelta(days=self._random.randint(200, 3000)),
                )
            )
        return employees

    def _sellers(self, region: str) -> list[Employee]:
        _, offices = SELLING[region]
        return [one for one in self._employees if one.department_key in offices]

    def _make_partners(self) -> list[Partner]:
        counts = share_out(self._size.partners, [region[3] for region in words.REGIONS])
        partners: list[Partner] = []
        for (code, _, _, _, _, provinces), count in zip(words.REGIONS, counts, strict=True):
            for _ in range(max(count, 1)):
                place = len(partners)
                kind = "agent" if place % 4 == 3 else "dealer"
                tier = self._random.choices(
                    ("platinum", "gold", "silver", "registered"), (2, 4, 6, 5)
                )[0]
                city = self._random.choice(provinces)[3]
                brand, latin = self._brand()
                line = "工程咨询" if kind == "agent" else self._random.choice(_DEALER_LINES)
                contact, contact_latin, _ = self._person()
                partners.append(
                    Partner(
                        key=f"P{place + 1:02d}",
                        name=f"{city}{brand}{line}有限公司",
                        kind=kind,
                        tier=tier,
                        territory_code=code,
                        department_key=SELLING[code][0],
                        owner_key=self._random.choice(self._sellers(code)).key,
                        contact_name=contact,
                        phone=self._phone(),
                        email=f"{contact_latin}@{latin}.example",
                        city=city,
                        onboarded_on=self._first - timedelta(days=self._random.randint(30, 1500)),
                        strength=_STRENGTH[tier] * self._random.uniform(0.8, 1.2),
                    )
                )
        return partners

    def _make_customers(self) -> list[Customer]:
        counts = share_out(self._size.customers, [region[3] for region in words.REGIONS])
        customers: list[Customer] = []
        taken: set[str] = set()
        for (code, _, english_region, _, _, provinces), count in zip(
            words.REGIONS, counts, strict=True
        ):
            partners = [one for one in self._partners if one.territory_code == code]
            for _ in range(count):
                industry, chinese, english, _ = self._random.choices(
                    words.INDUSTRIES, [share for *_, share in words.INDUSTRIES]
                )[0]
                _, province, _, city = self._random.choice(provinces)
                name = latin = ""
                while not name or name in taken:
                    if self._random.random() < 0.12:
                        latin = self._random.choice(words.ENGLISH_BRANDS)
                        short = f"{latin} {english}"
                        name = f"{short} ({english_region.removesuffix(' China')}) Co., Ltd."
                        latin = latin.lower()
                    else:
                        brand, latin = self._brand()
                        short = f"{brand}{chinese}"
                        suffix = self._random.choice(("有限公司", "股份有限公司", "集团有限公司"))
                        name = f"{city}{short}{suffix}"
                taken.add(name)
                seller = self._random.choice(self._sellers(code))
                size = self._random.choice((45, 90, 160, 260, 420, 800, 1500, 3200))
                place = len(customers)
                customers.append(
                    Customer(
                        key=f"C{place + 1:04d}",
                        name=name,
                        short_name=short,
                        industry=industry,
                        status="prospect",
                        city=city,
                        address=f"{province}{city}经济开发区{self._random.randint(1, 88)}号",
                        phone=self._phone(),
                        email=f"info{place + 1}@{latin}.example",
                        employee_count=size + self._random.randint(-20, 20),
                        founded_year=self._random.randint(1956, 2019),
                        annual_revenue=Decimal(size * self._random.randint(300, 1400) * 1000),
                        territory_code=code,
                        # Two in three buy through a partner.
                        partner_key=(
                            self._random.choices(partners, [one.strength for one in partners])[
                                0
                            ].key
                            if self._random.random() < 0.66
                            else None
                        ),
                        owner_key=seller.key,
                        department_key=seller.department_key,
                    )
                )
        return customers

    def _make_contacts(self) -> list[Contact]:
        contacts = []
        for place, customer in enumerate(self._customers):
            # Some are known only by the switchboard, some by two people.
            for is_primary in (True, False)[: 0 if place % 3 == 2 else 1 + (place % 6 == 0)]:
                name, latin, sex = self._person()
                contacts.append(
                    Contact(
                        customer_key=customer.key,
                        name=name,
                        sex={"m": "male", "f": "female"}[sex],
                        position=self._random.choice(words.CONTACT_POSITIONS),
                        mobile_phone=self._phone(),
                        email=f"{latin}@{customer.email.partition('@')[2]}",
                        is_primary=is_primary,
                    )
                )
        return contacts

    def _make_interactions(self) -> list[Interaction]:
        interactions = []
        for _ in range(self._size.interactions):
            channel, direction, subject, result = self._random.choice(words.TALKS)
            day = self._yesterday - timedelta(days=int(self._random.triangular(0, 240, 10)))
            interactions.append(
                Interaction(
                    customer_key=self._random.choice(self._customers).key,
                    channel=channel,
                    direction=direction,
                    occurred_at=self._office_hour(day),
                    subject=subject,
                    result=result,
                )
            )
        return interactions

    def _office_hour(self, day: date) -> datetime:
        while day.isoweekday() > 5:
            day -= timedelta(days=1)
        minute = self._random.choice((*range(9 * 60, 12 * 60), *range(13 * 60, 16 * 60)))
        return datetime.combine(day, time(minute // 60, minute % 60), ZONE)

    # --- products

    def _make_price_lists(self) -> list[PriceList]:
        valid_from = self._yesterday.replace(month=1, day=1)
        year = valid_from.year
        lists = (
            (f"标准价格 Standard {year}", None, Decimal("1")),
            (f"金牌伙伴价格 Gold partners {year}", "gold", Decimal("0.94")),
            (f"白金伙伴价格 Platinum partners {year}", "platinum", Decimal("0.90")),
        )
        return [
            PriceList(
                name=name,
                valid_from=valid_from,
                partner_tier=tier,
                prices={
                    product.key: (product.list_price * factor).quantize(Decimal("0.01"))
                    for product in self._products
                },
            )
            for name, tier, factor in lists
        ]

    # --- selling

    def _make_deals(self) -> list[Deal]:
        """Closed and open deals."""
        customers = self._random.choices(
            self._customers,
            [self._partner_strength(customer) for customer in self._customers],
            k=self._size.closed_deals + self._size.open_deals,
        )
        days = closing_days(self._random, self._size.closed_deals, self._first, self._yesterday)
        drafts = [
            self._closed(place, customer, day)
            for place, (customer, day) in enumerate(zip(customers, days, strict=False))
        ]
        won = self._won(drafts)
        closed = [
            replace(deal, outcome="won", lost_reason="")
            if deal.key in won
            else replace(deal, stages=self._cut_short(deal.stages))
            for deal in drafts
        ]
        return closed + [
            self._open(len(drafts) + place, customer)
            for place, customer in enumerate(customers[len(drafts) :])
        ]

    def _won(self, closed: Sequence[Deal]) -> set[str]:
        """The keys of the deals that are won: in each quarter half of them, the likeliest."""
        by_quarter: dict[tuple[int, int], list[tuple[float, str]]] = {}
        for deal in closed:
            assert deal.closed_on is not None
            luck = self._random.random() - self._chance(deal.territory_code, deal.partner_key)
            quarter = deal.closed_on.year, (deal.closed_on.month - 1) // 3
            by_quarter.setdefault(quarter, []).append((luck, deal.key))
        return {
            key
            for ranked in map(sorted, by_quarter.values())
            for _, key in ranked[: round(len(ranked) * WON_SHARE)]
        }

    def _partner_strength(self, customer: Customer) -> float:
        strengths = {partner.key: partner.strength for partner in self._partners}
        return strengths.get(customer.partner_key or "", 0.9)

    def _chance(self, region: str, partner_key: str | None) -> float:
        chance = next(rate for code, _, _, _, rate, _ in words.REGIONS if code == region)
        partner = next((one for one in self._partners if one.key == partner_key), None)
        return chance * (partner.strength if partner is not None else 1)

    def _draft(self, place: int, customer: Customer, opened_on: date) -> Deal:
        product = self._random.choices(
            self._products, [_POPULARITY[one.kind] for one in self._products]
        )[0]
        target = Decimal(round(self._random.lognormvariate(11.3, 0.8)))
        quantity = max(1, min(60, round(target / product.list_price)))
        if product.kind in ("services", "training"):
            quantity = min(quantity, 4)
        discount = Decimal(self._random.choice((0, 0, 3, 5, 8, 10)))
        amount = product.list_price * quantity * (100 - discount) / 100
        project = self._random.choice(words.PROJECTS[product.series])
        return Deal(
            key=f"D{place + 1:04d}",
            name=f"{customer.short_name} {project}",
            customer_key=customer.key,
            partner_key=customer.partner_key,
            owner_key=customer.owner_key,
            territory_code=customer.territory_code,
            product_key=product.key,
            quantity=quantity,
            discount_percent=discount,
            amount=amount.quantize(Decimal("0.01")),
            stages=[("prospecting", opened_on)],
            expected_close_on=opened_on,
            outcome=None,
            closed_on=None,
            lost_reason="",
        )

    def _closed(self, place: int, customer: Customer, closed_on: date) -> Deal:
        cycle_days = max(6, min(170, round(self._random.lognormvariate(3.9, 0.55))))
        opened_on = closed_on - timedelta(days=cycle_days)
        deal = self._draft(place, customer, opened_on)
        return replace(
            deal,
            stages=self._stages(opened_on, closed_on, len(OPEN_STAGES)),
            expected_close_on=closed_on + timedelta(days=self._random.randint(-10, 20)),
            outcome="lost",
            closed_on=closed_on,
            lost_reason=self._random.choice(words.LOST_REASONS),
        )

    def _open(self, place: int, customer: Customer) -> Deal:
        reached = self._random.choices((1, 2, 3, 4), (5, 6, 5, 4))[0]
        age_days = self._random.randint(1, 30) + 18 * reached
        opened_on = self._yesterday - timedelta(days=age_days)
        return replace(
            self._draft(place, customer, opened_on),
            stages=self._stages(opened_on, self._yesterday, reached),
            expected_close_on=self._yesterday + timedelta(days=self._random.randint(5, 90)),
        )

    def _stages(self, opened_on: date, last: date, reached: int) -> list[tuple[str, date]]:
        """The stages up to the `reached`-th one; a deal may begin late, and skip the second."""
        begins_late = reached > 1 and self._random.random() < 0.45
        names = list(OPEN_STAGES[int(begins_late) : reached])
        if len(names) > 2 and self._random.random() < 0.4:
            del names[1]
        length = (last - opened_on).days
        offsets = sorted(self._random.randint(0, length) for _ in names[1:])
        return [
            (name, opened_on + timedelta(days=offset))
            for name, offset in zip(names, (0, *offsets), strict=True)
        ]

    def _cut_short(self, stages: Sequence[tuple[str, date]]) -> list[tuple[str, date]]:
        """A lost deal did not get through all of them."""
        return list(stages[: self._random.choices((1, 2, 3, 4), (2, 4, 3, 1))[0]])

    def _with_papers(self, deals: Sequence[Deal]) -> list[Deal]:
        """The latest won deals were carried out here: quote, contract, order, money."""
        won = sorted(
            (deal for deal in deals if deal.outcome == "won"),
            key=lambda deal: (deal.closed_on, deal.key),
            reverse=True,
        )
        papers = dict.fromkeys((deal.key for deal in won[: self._size.full_papers]), "full")
        rest = won[self._size.full_papers :][: self._size.orders]
        papers |= dict.fromkeys((deal.key for deal in rest), "order")
        return [replace(deal, papers=papers.get(deal.key, "none")) for deal in deals]

    def _make_leads(self) -> list[Lead]:
        regions = words.REGIONS
        outcomes = ["converted"] * 8 + ["lost"] * 14 + ["assigned"] * 18
        outcomes += ["new"] * (self._size.leads - len(outcomes))
        leads = []
        for place in range(self._size.leads):
            outcome = outcomes[place % len(outcomes)]
            code, _, _, _, _, provinces = self._random.choices(
                regions, [region[3] for region in regions]
            )[0]
            partners = [one for one in self._partners if one.territory_code == code]
            customer = None
            if outcome == "converted":
                customer = self._random.choice(
                    [one for one in self._customers if one.territory_code == code]
                )
            industry, chinese, _, _ = self._random.choice(words.INDUSTRIES)
            brand, latin = self._brand()
            company = customer.name if customer else f"{provinces[0][3]}{brand}{chinese}有限公司"
            contact, contact_latin, _ = self._person()
            source = self._random.choice(words.LEAD_SOURCES)
            product = self._random.choice(self._products)
            project = self._random.choice(words.PROJECTS[product.series])
            is_vague = outcome == "lost" or self._random.random() < 0.3
            leads.append(
                Lead(
                    key=f"L{place + 1:04d}",
                    name=f"{customer.short_name if customer else brand + chinese} {project}",
                    source=source,
                    company=company,
                    contact_name=contact,
                    phone=self._phone(),
                    email=f"{contact_latin}{place + 1}@{latin}.example",
                    city=provinces[0][3],
                    industry=industry,
                    employee_count=self._random.choice((40, 120, 260, 600, 1800)),
                    need=None if is_vague else f"{project}，需要{product.name}",
                    budget=(
                        None if is_vague else Decimal(self._random.randint(3, 45)) * Decimal(10_000)
                    ),
                    product_key=None if is_vague else product.key,
                    customer_key=customer.key if customer else None,
                    territory_code=code,
                    partner_key=(
                        self._random.choice(partners).key if source == "partner" else None
                    ),
                    assignee_key=self._random.choice(self._sellers(code)).key,
                    outcome=outcome,
                    reason=(
                        self._random.choice(words.LEAD_LOST_REASONS)
                        if outcome == "lost"
                        else "按区域分配 by region"
                    ),
                )
            )
        return leads

    # --- after the sale

    def _make_service_contracts(self, buyers: set[str]) -> list[ServiceContract]:
        product = next(one for one in self._products if one.key == "S-MNT")
        customers = [one for one in self._customers if one.key in buyers]
        contracts = []
        for place, customer in enumerate(
            self._random.sample(customers, min(self._size.service_contracts, len(customers)))
        ):
            # The first ones end soon, so that renewals are seen.
            starts_on = self._yesterday - timedelta(days=350 - 60 * place)
            contracts.append(
                ServiceContract(
                    customer_key=customer.key,
                    product_key=product.key,
                    title=f"{customer.short_name} 年度维保合同",
                    quantity=self._random.randint(1, 6),
                    unit_price=product.list_price,
                    starts_on=starts_on,
                    ends_on=starts_on + timedelta(days=364),
                    owner_key=customer.owner_key,
                )
            )
        return contracts

    def _make_tickets(self, deals: Sequence[Deal]) -> list[Ticket]:
        kinds = {product.key: product.kind for product in self._products}
        shipped = [
            deal
            for deal in deals
            if deal.outcome == "won" and kinds[deal.product_key] in SHIPPED_KINDS
        ]
        engineers = [one for one in self._employees if one.key.startswith("T")]
        regions = [region[0] for region in words.REGIONS]
        tickets = []
        for place in range(self._size.tickets):
            deal = self._random.choice(shipped)
            category, subject, description, solution = self._random.choice(words.COMPLAINTS)
            # The last few are still open.
            is_open = place >= self._size.tickets - 6
            age_days = self._random.randint(0, 2) if is_open else self._random.randint(12, 130)
            opened_at = self._office_hour(self._yesterday - timedelta(days=age_days))
            is_late = self._random.random() < 0.18
            answered_after = self._random.randint(180, 400) if is_late else 5 + place % 50
            worked_days = self._random.randint(4, 6) if is_late else self._random.randint(0, 2)
            responded_at = opened_at + timedelta(minutes=answered_after)
            closed_at = self._office_hour(responded_at.date() + timedelta(days=worked_days))
            closed_at = max(closed_at, responded_at + timedelta(minutes=40))
            reopened_at = closed_again_at = None
            if not is_open and place % 13 == 5:
                reopened_at = closed_at + timedelta(hours=20)
                closed_again_at = reopened_at + timedelta(hours=5)
            # The further from the coast, the longer the way of the engineer.
            content = 4.6 - 0.22 * regions.index(deal.territory_code) - 1.1 * is_late
            score = max(1, min(5, round(self._random.gauss(content, 0.6))))
            is_pressing = self._random.random() < 0.25
            tickets.append(
                Ticket(
                    customer_key=deal.customer_key,
                    product_key=deal.product_key,
                    subject=subject,
                    description=description,
                    category=category,
                    channel=self._random.choice(_TICKET_CHANNELS),
                    impact="high" if is_pressing else "medium",
                    urgency="medium",
                    opened_at=opened_at,
                    assignee_key=self._random.choice(engineers).key,
                    responded_at=None if is_open and place % 3 == 0 else responded_at,
                    closed_at=None if is_open else closed_at,
                    reopened_at=reopened_at,
                    closed_again_at=closed_again_at,
                    solution=solution,
                    score=None if is_open or place % 3 == 2 else score,
                )
            )
        return tickets


_DEALER_LINES = ("流体设备", "机电设备", "泵阀销售", "工业技术")
_STRENGTH = {"platinum": 1.25, "gold": 1.1, "silver": 0.95, "registered": 0.75}
_POPULARITY = {"own": 6, "outsourced": 3, "services": 2, "training": 1}
_TICKET_CHANNELS = ("phone", "email", "wechat", "web", "partner")
# Key, name, kind, the department above, territory.
_DEPARTMENTS = (
    ("GRP", "远川泵阀集团", "group", None, "CN"),
    ("HQ", "集团总部", "hq", "GRP", "SH"),
    ("HQ-SALES", "销售部", "office", "HQ", None),
    ("HQ-FIN", "财务部", "office", "HQ", None),
    ("HQ-SERVICE", "客户服务部", "office", "HQ", None),
    ("BR-HD", "华东分公司", "branch", "GRP", "HD"),
    ("BR-HN", "华南分公司", "branch", "GRP", "HN"),
    ("BR-HB", "北方分公司", "branch", "GRP", "HB"),
    ("BR-XB", "西部分公司", "branch", "GRP", "XN"),
    ("OF-SH", "上海办事处", "office", "BR-HD", "SH"),
    ("OF-SZ", "苏州办事处", "office", "BR-HD", "JS"),
    ("OF-QD", "青岛办事处", "office", "BR-HD", "SD"),
    ("OF-GZ", "佛山办事处", "office", "BR-HN", "GD"),
    ("OF-FZ", "泉州办事处", "office", "BR-HN", "FJ"),
    ("OF-BJ", "北京办事处", "office", "BR-HB", "BJ"),
    ("OF-WH", "武汉办事处", "office", "BR-HB", "HUB"),
    ("OF-DL", "大连办事处", "office", "BR-HB", "LN"),
    ("OF-CD", "德阳办事处", "office", "BR-XB", "SC"),
    ("TM-E", "东区服务班组", "team", "HQ-SERVICE", "HD"),
    ("TM-S", "南区服务班组", "team", "HQ-SERVICE", "HN"),
    ("TM-N", "北区服务班组", "team", "HQ-SERVICE", "HB"),
)


def _territories() -> Iterator[Territory]:
    yield Territory("CN", "全国", "China", None)
    for code, name, english, _, _, provinces in words.REGIONS:
        yield Territory(code, name, english, "CN")
        for province, province_name, province_english, _ in provinces:
            yield Territory(province, province_name, province_english, code)


def _departments() -> Iterator[Department]:
    for key, name, kind, parent, territory in _DEPARTMENTS:
        yield Department(key, name, kind, parent, territory)


def _products() -> Iterator[Product]:
    for series, kind, unit, models in words.CATALOGUE:
        for key, name, english, price in models:
            yield Product(key, name, series, kind, unit, Decimal(price), english)
