"""Prints the Secrets that the overlays name, with fresh random values, for `kubectl create`.

    python deploy/k8s/make_secrets.py --namespace fairway-dev | kubectl create -f -

`create` refuses what is there already, so that a running deployment is never locked out of its
database. Letters and digits only, because passwords travel inside URLs. What comes from elsewhere
(certificates, the backup store) is not made here; the README of the overlay names it.
"""

import argparse
import json
import secrets
import string
import sys
from pathlib import Path
from typing import Any

ALPHABET = string.ascii_letters + string.digits
LENGTH = 40
"""About 238 bits."""


def a_secret() -> str:
    """A random word that needs no quoting anywhere."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def secrets_for(services: list[str], namespace: str) -> list[dict[str, Any]]:
    """The Secret objects for these services (`service-desk`) and for what they share."""

    def secret(name: str, data: dict[str, str], kind: str = "Opaque") -> dict[str, Any]:
        labels = {
            "app.kubernetes.io/part-of": "fairway",
            # CloudNativePG watches secrets with this label and follows a new password.
            "cnpg.io/reload": "true",
        }
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "type": kind,
            "stringData": data,
        }

    def account(name: str, user: str) -> dict[str, Any]:
        return secret(name, {"username": user, "password": a_secret()}, "kubernetes.io/basic-auth")

    made = [
        secret("fairway-internal", {"token": a_secret()}),
        secret("fairway-sign-in", {"key-secret": a_secret(), "admin-password": a_secret()}),
        account("fairway-setup-broker", "fairway_setup"),
        account("fairway-scaler-broker", "fairway_scaler"),
        # For the servers of the development overlay; operators have administrators of their own.
        account("database-superuser", "postgres"),
        account("rabbitmq-admin", "admin"),
    ]
    for service in services:
        user = service.replace("-", "_")
        made.append(account(f"{service}-database", user))
        made.append(account(f"{service}-broker", user))
    return made


def main() -> None:
    """Print them as one list."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--namespace", required=True, help="where the overlay lives")
    arguments = parser.parse_args()
    base = Path(__file__).resolve().parent / "base/services"
    services = sorted(path.name for path in base.iterdir() if path.is_dir())
    items = secrets_for(services, arguments.namespace)
    json.dump({"apiVersion": "v1", "kind": "List", "items": items}, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
