"""Which right each operation needs; what is not listed here is refused."""

from common.access.rights import Policy

POLICY: Policy = {
    "create_customer": "customers.write",
    "create_customers": "customers.write",
    "upsert_customers": "customers.write",
    "list_customers": "customers.read",
    "get_customer": "customers.read",
    "update_customer": "customers.write",
    "delete_customer": "customers.delete",
    "restore_customer": "customers.write",
    "transfer_customer": "customers.transfer",
    "list_subsidiaries": "customers.read",
    "add_contact": "contacts.write",
    "add_contacts": "contacts.write",
    "list_contacts": "contacts.read",
    "get_contact": "contacts.read",
    "update_contact": "contacts.write",
    "remove_contact": "contacts.delete",
    "log_interaction": "interactions.write",
    "list_interactions": "interactions.read",
    "get_interaction": "interactions.read",
    "correct_interaction": "interactions.write",
    "start_import": "imports.write",
    "list_imports": "imports.read",
    "get_import": "imports.read",
    "cancel_import": "imports.write",
    "resume_import": "imports.write",
    "list_import_rows": "imports.read",
    "get_error_file": "imports.read",
}
