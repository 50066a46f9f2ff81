"""Which right each operation needs; what is not listed here is refused."""

from common.access.rights import Policy

POLICY: Policy = {
    "create_sample": "samples.write",
    "list_samples": "samples.read",
    "get_sample": "samples.read",
    "update_sample": "samples.write",
    "close_sample": "samples.write",
}
