"""What the OpenAPI document of a service says beside what FastAPI knows: who may call what, and
how it is refused.
"""

from typing import Any

from fastapi import FastAPI

from common.access.rights import PUBLIC, SIGNED_IN, Policy

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "A problem document (RFC 9457); `code` is stable",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "trace_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
PROBLEM_REFERENCE = {"$ref": "#/components/schemas/Problem"}

_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An access token, as POST /channel/v1/sign-in/token gives it",
}


def document_parts(app: FastAPI, service_path: str, policy: Policy) -> None:
    """Let the app's document say what a refusal looks like, which operations need a token, and the
    right that each needs.
    """
    of_fastapi = app.openapi

    def openapi() -> dict[str, Any]:
        document = of_fastapi()
        components = document.setdefault("components", {})
        components["securitySchemes"] = {"bearer": _BEARER}
        components.setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
        for operations in document["paths"].values():
            for operation in operations.values():
                needed = policy[operation["operationId"]]
                operation["security"] = [] if needed == PUBLIC else [{"bearer": []}]
                if needed not in (PUBLIC, SIGNED_IN):
                    operation["x-right"] = f"{service_path}.{needed}"
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's own way to extend it
