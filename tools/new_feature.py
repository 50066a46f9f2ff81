"""Makes the four files of a feature, its table, its events, and its tests.

It is the feature of tools/template under another name: something with a name that is created,
renamed and closed. Its events go into events.py, its router into main.py, what its tests need into
builders.py, its table into a migration of its own.

    python -m tools.new_feature sales rebates
"""

import argparse
import re
import sys
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from tools import event_map
from tools.api import NotWritten, documents
from tools.generating import (
    TEMPLATE,
    TEMPLATE_FEATURE,
    CannotGenerate,
    Feature,
    Renaming,
    copied,
    merged,
    template_files,
    tidy,
    write,
)
from tools.migration import next_revision
from tools.tree import ROOT, Service, services

NOT_COPIED = {"suspensions.py"}
"""What the template does on an event it hears: CONSUMERS of another service are another matter."""


def make(root: Path, service: Service, feature: Feature) -> list[Path]:
    """Make the feature in a service below `root`; returns the folders and files it changed.

    Raises CannotGenerate, and then nothing was written, or NotWritten.
    """
    if (service.source / feature.package).exists() or (
        service.source / f"{feature.package}.py"
    ).exists():
        raise CannotGenerate(f"{service.name} has {feature.package} already")
    renaming = Renaming(service, feature)
    texts: dict[Path, str] = {}
    for folder in (
        TEMPLATE.source / TEMPLATE_FEATURE,
        TEMPLATE.folder / "tests" / TEMPLATE_FEATURE,
    ):
        for path in template_files(folder):
            if path.name not in NOT_COPIED:
                made = service.folder / renaming.path(path.relative_to(TEMPLATE.folder))
                texts[made] = copied(path, renaming)
    migration, text = _migration(service, renaming)
    texts[migration] = text
    for path, source in (
        (service.source / "events.py", TEMPLATE.source / "events.py"),
        (service.folder / "tests" / "builders.py", TEMPLATE.folder / "tests" / "builders.py"),
    ):
        texts[path] = merged(path.read_text(encoding="utf-8"), copied(source, renaming))
    main = service.source / "main.py"
    texts[main] = _with_router(main.read_text(encoding="utf-8"), service, feature)
    policy = service.source / "policy.py"
    texts[policy] = _with_rights(policy, renaming)
    write(texts)
    tidy(root, *texts)
    write(documents(service))
    return list(texts)


def _migration(service: Service, renaming: Renaming) -> tuple[Path, str]:
    script = ScriptDirectory.from_config(Config(str(service.folder / "alembic.ini")))
    head = script.get_current_head()
    if head is None:
        raise CannotGenerate(f"{service.name} has no migration yet: the first makes the messaging")
    revision = next_revision(head)
    (template,) = TEMPLATE.folder.glob(f"migrations/versions/*_{TEMPLATE_FEATURE}.py")
    text = copied(template, renaming)
    text = re.sub(r'^revision = ".*"$', f'revision = "{revision}"', text, flags=re.MULTILINE)
    text = re.sub(r'^down_revision = ".*"$', f'down_revision = "{head}"', text, flags=re.MULTILINE)
    name = f"{revision}_{renaming.feature.package}.py"
    return service.folder / "migrations" / "versions" / name, text


def _with_router(text: str, service: Service, feature: Feature) -> str:
    text, count = re.subn(
        r"^(ROUTERS = \[[^\]]*?),?\s*\]",
        rf"\1, {feature.package}.router]",
        text,
        count=1,
        flags=re.MULTILINE,
    )
    if not count:
        raise CannotGenerate(f"main.py of {service.name} has no list ROUTERS = […]")
    imported = f"from {service.package}.{feature.package} import routes as {feature.package}\n"
    return merged(text, imported)


def _with_rights(policy: Path, renaming: Renaming) -> str:
    """The service's policy table with the rights of the new feature at its end."""
    ends = "\n}\n"
    text = policy.read_text(encoding="utf-8")
    rights = copied(TEMPLATE.source / "policy.py", renaming).partition("= {\n")[2]
    if not text.endswith(ends):
        raise CannotGenerate(f"{policy.name} does not end with its table POLICY = {{…}}")
    return text.removesuffix(ends) + "\n" + rights


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code is 1 when the feature cannot be made."""
    parser = argparse.ArgumentParser(
        prog="make new-feature", usage="make new-feature S=sales NAME=rebates"
    )
    parser.add_argument("service")
    parser.add_argument("name", help="a plural noun, with hyphens between words: price-lists")
    parser.add_argument("--singular", help="the same in the singular, where it is irregular")
    options = parser.parse_args(arguments)
    (service,) = services(only=[options.service])
    try:
        feature = Feature.named(options.name, options.singular)
        made = make(ROOT, service, feature)
    except (CannotGenerate, NotWritten) as reason:
        print(reason, file=sys.stderr)
        return 1
    event_map.main([])
    for path in made:
        print(f"  {path.relative_to(ROOT)}")
    print(
        f"made {feature.plural} of {service.name}, at /{service.name}/v1/{feature.plural}\n"
        f"  make test S={service.name}\n"
        f"Say what it says and owns in services/{service.name}/README.md."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
