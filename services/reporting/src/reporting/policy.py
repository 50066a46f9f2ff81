"""Which right each operation needs; what is not listed here is refused."""

from common.access.rights import PUBLIC, SIGNED_IN, Policy

POLICY: Policy = {
    "list_reports": SIGNED_IN,
    "run_report": "reports.read",
    "list_events": "events.read",
    "show_dashboard": PUBLIC,
    "get_page_file": PUBLIC,
    "rebuild": "projections.rebuild",
}
