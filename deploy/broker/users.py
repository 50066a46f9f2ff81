"""Makes the broker's virtual host and users, with what each may do; repeating it changes nothing.

Runs once before the services, as the broker's administrator, over the management interface. The
users come from the environment: SERVICE_DESK_BROKER_PASSWORD makes the user service_desk, who
writes to his own exchange, reads his own queues and declares nothing, so that no service can say
an event in another's name. Two more are no service: `setup` declares exchanges and queues,
`scaler` only looks at how long the queues are.
"""

import base64
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

VHOST = "fairway"
SUFFIX = "_BROKER_PASSWORD"
NOTHING = "^$"
PATIENCE_S = 120


@dataclass(frozen=True, slots=True)
class User:
    """A user of the broker; the permissions are regular expressions over names of things."""

    name: str
    password: str
    configure: str
    write: str
    read: str
    tags: str = ""


def users_of(environment: Mapping[str, str]) -> list[User]:
    """The users for which the environment has a password."""
    users = []
    for variable, password in sorted(environment.items()):
        if not variable.endswith(SUFFIX):
            continue
        name = variable.removesuffix(SUFFIX).lower()
        if not password:
            raise SystemExit(f"{variable} is empty")
        if name == "setup":
            users.append(User("fairway_setup", password, ".*", ".*", ".*"))
        elif name == "scaler":
            users.append(User("fairway_scaler", password, NOTHING, NOTHING, NOTHING, "monitoring"))
        else:
            users.append(
                User(
                    name,
                    password,
                    configure=NOTHING,
                    write=rf"^{name}\.events$",
                    read=rf"^{name}\.(inbox|dead)$",
                )
            )
    return users


class Management:
    """The broker's management interface."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = url.rstrip("/")
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}

    def put(self, path: str, body: Mapping[str, str]) -> None:
        """Create or change one thing. Raises urllib.error.URLError."""
        request = urllib.request.Request(
            f"{self._url}/api/{path}",
            data=json.dumps(body).encode(),
            headers=self._headers,
            method="PUT",
        )
        with urllib.request.urlopen(request, timeout=10):
            pass

    def wait(self) -> None:
        """Return when the interface answers. Raises SystemExit when it never does."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                request = urllib.request.Request(f"{self._url}/api/whoami", headers=self._headers)
                with urllib.request.urlopen(request, timeout=5):
                    return
            except urllib.error.HTTPError as error:
                raise SystemExit(f"the broker refuses its administrator: {error}") from error
            except OSError as error:
                if time.monotonic() > deadline:
                    raise SystemExit(f"no answer from {self._url}: {error}") from error
                time.sleep(1)


def main() -> None:
    """Make everything there is to make."""
    users = users_of(os.environ)
    management = Management(
        os.environ["RABBITMQ_MANAGEMENT_URL"],
        os.environ["RABBITMQ_ADMIN_USER"],
        os.environ["RABBITMQ_ADMIN_PASSWORD"],
    )
    management.wait()
    management.put(f"vhosts/{VHOST}", {"default_queue_type": "quorum"})
    for user in users:
        management.put(f"users/{user.name}", {"password": user.password, "tags": user.tags})
        management.put(
            f"permissions/{VHOST}/{user.name}",
            {"configure": user.configure, "write": user.write, "read": user.read},
        )
    print(f"broker users are ready: {', '.join(user.name for user in users)}")


if __name__ == "__main__":
    sys.exit(main())
