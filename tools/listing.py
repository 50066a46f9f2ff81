"""Writes a new service into every list that names the services.

What has to stand there is not written down here a second time: it is copied from what stands there
for another service. That one is service-desk, because its name is spelt differently as a folder
(service-desk), a package (service_desk) and a variable (SERVICE_DESK), so that the copy has the
right spelling of the new name in each place.

Nothing is written unless every list has its place: `listed` returns the changed files, and the
caller writes them.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tools.tree import Service, services

PATTERN = "service-desk"
"""The service whose entries are copied."""


class NoPlace(Exception):
    """A list has changed its form, and the generator does not find the place for a new entry."""


@dataclass(frozen=True, slots=True)
class Entries:
    """Whole lines that stand in a file once for each service, in the order of their names.

    `entry` is a regular expression in which <name>, <package> and <variable> stand for the three
    spellings. A file may hold several such lists.
    """

    file: str
    entry: str


ENTRIES = (
    Entries(".importlinter", r"    <package>\n"),
    Entries("pyproject.toml", r'    "\$MYPY_CONFIG_FILE_DIR/services/<name>/src",\n'),
    Entries("suite/pyproject.toml", r'    "fairway-<name>",\n'),
    # docker-compose.yml: what the gateway waits for, the passwords, the processes.
    Entries("docker-compose.yml", r"      <name>-api:\n        condition: service_healthy\n"),
    Entries("docker-compose.yml", r"      <variable>_DATABASE_PASSWORD: .*\n"),
    Entries("docker-compose.yml", r"      <variable>_BROKER_PASSWORD: .*\n"),
    Entries("docker-compose.yml", r"  # -+ <name>\n(?:(?!  # -).*\n)*"),
    Entries("deploy/compose/prometheus.yml", r" +- <name>-api:8000\n"),
    Entries("deploy/compose/prometheus.yml", r" +- <name>-worker:8001\n"),
    Entries(
        "deploy/gateway/nginx.conf.template", r"    upstream <name> \{\n(?:        .*\n)+    \}\n"
    ),
    # Kubernetes: the base, the images of both overlays, roles and databases, users of the broker.
    Entries("deploy/k8s/base/kustomization.yaml", r"  - services/<name>\n"),
    Entries("deploy/k8s/overlays/dev/kustomization.yaml", r"  - \{name: fairway/<name>, .*\n"),
    Entries(
        "deploy/k8s/overlays/production/kustomization.yaml", r"  - \{name: fairway/<name>, .*\n"
    ),
    Entries(
        "deploy/k8s/overlays/dev/postgres.yaml",
        r" +- name: <variable>_DATABASE_PASSWORD\n.*\n.*\n",
    ),
    Entries(
        "deploy/k8s/overlays/dev/broker-users.yaml",
        r" +- name: <variable>_BROKER_PASSWORD\n.*\n.*\n",
    ),
    Entries(
        "deploy/k8s/overlays/production/database.yaml",
        "".join(
            rf"      - name: <package>{part}\n(?:        .*\n)+"
            for part in ("", "_setup", "_owner")
        ),
    ),
    Entries(
        "deploy/k8s/overlays/production/database.yaml",
        r"---\n.*\nkind: Database\nmetadata:\n  name: <name>\n(?:(?!---\n).*\n)*",
    ),
    Entries(
        "deploy/k8s/overlays/production/broker.yaml",
        r"---\n.*\nkind: User\nmetadata:\n  name: <name>\n(?:(?!---\n).*\n)*"
        r"---\n.*\nkind: Permission\nmetadata:\n  name: <name>\n(?:(?!---\n).*\n)*",
    ),
)

PEERS = ("docker-compose.yml", "deploy/k8s/base/service/kustomization.yaml")
"""Files that say where the others are: FAIRWAY_PEERS."""
TOPOLOGY = "libs/common/src/common/messaging/topology.py"
DATABASE = "deploy/k8s/overlays/production/database.yaml"
NGINX = "deploy/gateway/nginx.conf.template"
K8S_SERVICES = "deploy/k8s/base/services"
READMES = ("README.md", "README.zh-CN.md")


def listed(root: Path, new: Service, *, owns: str, says: str, hears: str) -> dict[Path, str]:
    """The files of the tree that change when `new` is written into every list, with their texts.

    `owns`, `says` and `hears` fill its row in the README. Raises NoPlace.
    """
    known = [service for service in services(root) if service.name != new.name]
    if PATTERN not in {service.name for service in known}:
        raise NoPlace(f"there is no {PATTERN} to copy from: name another service in {__file__}")
    tree = _Tree(root)
    for entries in ENTRIES:
        tree.change(entries.file, partial(_with_entry, entries=entries, known=known, new=new))
    for file in PEERS:
        tree.change(file, lambda text: _with_peer(text, known, new))
    tree.change(NGINX, lambda text: _with_alternative(text, new))
    tree.change(TOPOLOGY, lambda text: _with_package(text, new))
    tree.change(DATABASE, _with_room)
    for file in READMES:
        row = f"| [{new.name}](services/{new.name}) | {owns} | {says} | {hears} |\n"
        tree.change(file, partial(_with_row, row=row))
    for file in ("kustomization.yaml", "values.yaml"):
        text = (root / K8S_SERVICES / PATTERN / file).read_text(encoding="utf-8")
        tree.texts[root / K8S_SERVICES / new.name / file] = respelt(text, new)
    return tree.texts


def respelt(text: str, new: Service) -> str:
    """The text of one service, for another."""
    old = Service(PATTERN, Path())
    for spelling in ("variable", "package", "name"):
        text = text.replace(getattr(old, spelling), getattr(new, spelling))
    return text


class _Tree:
    """Texts of files, read when first needed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.texts: dict[Path, str] = {}

    def change(self, file: str, edit: Callable[[str], str]) -> None:
        path = self.root / file
        if not path.exists():
            raise NoPlace(f"there is no {file}, where every service is listed (tools/listing.py)")
        before = self.texts.get(path) or path.read_text(encoding="utf-8")
        try:
            self.texts[path] = edit(before)
        except NoPlace as missing:
            raise NoPlace(f"{file}: {missing} (tools/listing.py)") from None


def _with_entry(text: str, *, entries: Entries, known: Iterable[Service], new: Service) -> str:
    found = sorted(
        (match.start(), match.end(), service)
        for service in known
        for match in re.finditer(f"^{_for(entries.entry, service)}", text, re.MULTILINE)
    )
    # One list after the other: entries that follow each other without anything between.
    lists: list[list[tuple[int, int, Service]]] = []
    for place in found:
        if lists and lists[-1][-1][1] == place[0]:
            lists[-1].append(place)
        else:
            lists.append([place])
    wanted = [members for members in lists if any(s.name == PATTERN for _, _, s in members)]
    if not wanted:
        raise NoPlace(f"no entry of {PATTERN} has the form {entries.entry!r}")
    for members in reversed(wanted):
        start, end, _ = next(place for place in members if place[2].name == PATTERN)
        at = max((e for _, e, s in members if s.name < new.name), default=members[0][0])
        text = text[:at] + respelt(text[start:end], new) + text[at:]
    return text


def _for(pattern: str, service: Service) -> str:
    for spelling in ("name", "package", "variable"):
        pattern = pattern.replace(f"<{spelling}>", re.escape(getattr(service, spelling)))
    return pattern


def _with_peer(text: str, known: Iterable[Service], new: Service) -> str:
    lines = re.findall(r'^( +)"[a-z-]+": "http://.*\}', text, re.MULTILINE)
    found = {
        service.name: text.find(f'"{service.name}": "http://{service.name}-api:8000"')
        for service in known
    }
    if not lines or min(found.values()) < 0:
        raise NoPlace("no FAIRWAY_PEERS of the known form")
    entry = f'"{new.name}": "http://{new.name}-api:8000"'
    after = [name for name in found if name > new.name]
    if after:
        at = found[min(after)]
        return text[:at] + f"{entry},\n{lines[0]}" + text[at:]
    at = text.index('"}', found[max(found)]) + 1
    return text[:at] + f",\n{lines[0]}{entry}" + text[at:]


def _with_alternative(text: str, new: Service) -> str:
    def longer(match: re.Match[str]) -> str:
        return "(?<to>" + "|".join(sorted([*match[1].split("|"), new.name])) + ")"

    text, count = re.subn(r"\(\?<to>([a-z|-]+)\)", longer, text)
    if not count:
        raise NoPlace("no location of the form (?<to>…|…)")
    return text


def _with_package(text: str, new: Service) -> str:
    """Before reporting, which comes last because it hears what all others say."""
    found = re.search(r"^ALL_SERVICES = \(([^)]*)\)", text, re.MULTILINE)
    if found is None:
        raise NoPlace("no ALL_SERVICES")
    names = re.findall(r'"(\w+)"', found[1])
    at = names.index("reporting") if "reporting" in names else len(names)
    names.insert(at, new.package)
    written = ", ".join(f'"{name}"' for name in names)
    return text[: found.start()] + f"ALL_SERVICES = ({written})" + text[found.end() :]


def _with_room(text: str) -> str:
    """As many connections more as one service may open; deploy/tests adds them up."""
    limit = re.search(r"^ +connectionLimit: (\d+)$", text, re.MULTILINE)
    most = re.search(r'^ +max_connections: "(\d+)"$', text, re.MULTILINE)
    if limit is None or most is None:
        raise NoPlace("no connectionLimit, or no max_connections")
    return text[: most.start(1)] + str(int(most[1]) + int(limit[1])) + text[most.end(1) :]


def _with_row(text: str, row: str) -> str:
    rows = list(re.finditer(r"^\|[^|\n]*\]\(services/[^\n]*\n", text, re.MULTILINE))
    if not rows:
        raise NoPlace("no table that links services/<name>")
    at = rows[-1].end()
    return text[:at] + row + text[at:]


# ---------------------------------------------------------------------------- who calls whom


def graph(root: Path, heard: Mapping[str, Iterable[str]]) -> dict[Path, str]:
    """The values.yaml of the services whose `calls` or `called_by` are out of date, with their texts.

    `heard`: for each service, by name, those whose events it hears. A worker reads their feeds.
    """
    changed = {}
    for name, calls in heard.items():
        path = root / K8S_SERVICES / name / "values.yaml"
        called_by = [other for other, peers in heard.items() if name in peers]
        before = path.read_text(encoding="utf-8")
        text = _with_names(before, "calls", calls)
        text = _with_names(text, "called_by", called_by)
        if text != before:
            changed[path] = text
    return changed


def _with_names(text: str, field: str, names: Iterable[str]) -> str:
    written = ", ".join(sorted(names)) or "nobody"
    return re.sub(rf"^{field}: \[.*\]$", f"{field}: [{written}]", text, flags=re.MULTILINE)
