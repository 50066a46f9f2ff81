"""What the generators of services and features share: the template, its names, and tidying up.

tools/template is a whole service that runs, with one feature: template-service and its samples. A
generator copies it, or the part of it that is the feature, with other names in place of these.
"""

import ast
import builtins
import keyword
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tools.tree import ROOT, Service

TEMPLATE = Service("template-service", ROOT / "tools" / "template")
TEMPLATE_FEATURE = "samples"
NAME = re.compile(r"[a-z]+(-[a-z]+)*")


class CannotGenerate(Exception):
    """The name cannot be used, or a file has not the form the generator knows."""


# ---------------------------------------------------------------------------- names


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature by its noun, in the plural and in the singular, with hyphens: `price-lists`."""

    plural: str
    singular: str

    @classmethod
    def named(cls, plural: str, singular: str | None = None) -> "Feature":
        """Raises CannotGenerate for a name that would not work everywhere it has to."""
        feature = cls(plural, singular or _singular(plural))
        for name in (feature.plural, feature.singular):
            if not NAME.fullmatch(name):
                raise CannotGenerate(
                    f"{name!r} is not lower-case words with hyphens between: folder, table, URL "
                    "and wire names are made of it"
                )
            word = name.replace("-", "_")
            if keyword.iskeyword(word) or word in dir(builtins) or word in _names_in_use():
                raise CannotGenerate(f"{word!r} means something else in the code already")
        if feature.plural == feature.singular:
            raise CannotGenerate("plural and singular must differ: --singular says the singular")
        return feature

    @property
    def package(self) -> str:
        """Folder and table: `price_lists`."""
        return self.plural.replace("-", "_")

    @property
    def item(self) -> str:
        """Variable and aggregate on the wire: `price_list`."""
        return self.singular.replace("-", "_")

    @property
    def class_name(self) -> str:
        """The mapped class: `PriceList`."""
        return "".join(word.title() for word in self.singular.split("-"))

    @property
    def article(self) -> str:
        """`a` or `an`."""
        return "an" if self.singular[0] in "aeio" else "a"


def _singular(plural: str) -> str:
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("s", "")):
        if plural.endswith(ending) and not plural.endswith("ss"):
            return plural.removesuffix(ending) + instead
    raise CannotGenerate(
        f"a feature is a plural noun, such as rebates; --singular says that of {plural!r}"
    )


def _names_in_use() -> set[str]:
    """Variables and arguments of the template: a feature called `sessions` would hide `session`."""
    used: set[str] = set()
    for path in TEMPLATE.folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name):
                used.add(node.id)
            elif isinstance(node, ast.arg):
                used.add(node.arg)
    return used - {"sample", TEMPLATE_FEATURE}


def check_service_name(name: str, root: Path) -> None:
    """Raise CannotGenerate for a name that cannot be folder, package, database and URL."""
    service = Service(name, root / "services" / name)
    if not NAME.fullmatch(name):
        raise CannotGenerate(
            f"{name!r} is not lower-case words with hyphens between: image, URL, package, database "
            "and wire names are made of it"
        )
    if service.folder.exists():
        raise CannotGenerate(f"services/{name} is there already")
    if keyword.iskeyword(service.package) or find_spec(service.package) is not None:
        raise CannotGenerate(f"Python has a {service.package} already; choose another name")


# ---------------------------------------------------------------------------- text


@dataclass(frozen=True, slots=True)
class Renaming:
    """What stands for template-service and for its samples."""

    service: Service
    feature: Feature

    def path(self, path: Path) -> Path:
        """A path of the template, renamed."""
        return Path(
            str(path)
            .replace(TEMPLATE.package, self.service.package)
            .replace(TEMPLATE_FEATURE, self.feature.package)
        )

    def text(self, text: str, *, is_code: bool) -> str:
        """A text of the template, renamed; in prose the names are words, in code identifiers."""
        text = text.replace(TEMPLATE.name, self.service.name)
        text = text.replace(TEMPLATE.package, self.service.package)
        if not is_code:
            return self._prose(text)
        parts = text.split('"""')
        parts[::2] = [self._code(part) for part in parts[::2]]
        parts[1::2] = [self._prose(part) for part in parts[1::2]]
        return '"""'.join(parts)

    def _prose(self, text: str) -> str:
        text = re.sub(r"\.sample\b", f".{self.feature.item}", text)  # in a wire name
        text = re.sub(r"\b([Aa]) sample\b", lambda m: f"{self._article(m[1])} sample", text)
        words = {"sample": self.feature.singular.replace("-", " ")}
        words[TEMPLATE_FEATURE] = self.feature.plural.replace("-", " ")
        words |= {word.title(): meant.capitalize() for word, meant in words.items()}
        return re.sub(r"\b[Ss]amples?\b", lambda match: words[match[0]], text)

    def _article(self, written: str) -> str:
        return self.feature.article.capitalize() if written == "A" else self.feature.article

    def _code(self, text: str) -> str:
        text = re.sub(r"(/v1/|service_router\([^)]*\")samples", rf"\1{self.feature.plural}", text)
        spoken = self.feature.singular.replace("-", " ")
        text = re.sub(r'("(?:no|the)) sample\b', rf"\1 {spoken}", text)
        text = re.sub(r"(?<![a-z])a_sample", f"{self.feature.article}_sample", text)
        text = text.replace("SAMPLES", self.feature.package.upper())
        text = text.replace("Sample", self.feature.class_name)
        # Word for word, so that `samples` of a feature called `sample-boxes` is not met again.
        return re.sub(
            r"samples?",
            lambda m: self.feature.package if m[0] == TEMPLATE_FEATURE else self.feature.item,
            text,
        )


def template_files(folder: Path) -> Iterator[Path]:
    """The files below a folder of the template, without what Python leaves there."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(
            part.startswith((".", "__pycache__")) for part in path.parts[-2:]
        ):
            yield path


def copied(path: Path, renaming: Renaming) -> str:
    """A file of the template, renamed."""
    return renaming.text(path.read_text(encoding="utf-8"), is_code=path.suffix in {".py", ".mako"})


# ---------------------------------------------------------------------------- Python


def merged(target: str, source: str) -> str:
    """`target` with the imports, constants, classes and functions of `source` that it lacks.

    Imports may stand twice afterwards; `tidy` puts them together. Raises CannotGenerate when a
    class or a function of that name is there already.
    """
    tree, added = ast.parse(target), ast.parse(source)
    there = {name for node in tree.body for name in _defined(node)}
    imports: list[str] = []
    others: list[str] = []
    for node in added.body:
        segment = ast.get_source_segment(source, node) or ""
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(segment)
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name in there:
                raise CannotGenerate(f"{node.name} is there already")
            others.append(f"\n\n{segment}\n")
        elif isinstance(node, ast.Assign) and not there & set(_defined(node)):
            imports.append(f"\n{segment}")  # a constant, at the top
    lines = target.splitlines(keepends=True)
    last = max(
        (
            node.end_lineno or 0
            for node in tree.body
            if isinstance(node, ast.Import | ast.ImportFrom)
        ),
        default=1 if ast.get_docstring(tree) else 0,
    )
    head, tail = "".join(lines[:last]), "".join(lines[last:])
    return "".join([head, "\n".join(imports), "\n", tail.rstrip(), "\n", *others])


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def tidy(root: Path, *paths: Path) -> None:
    """Put imports in order and format; names of other lengths break lines elsewhere."""
    ruff = str(Path(sys.executable).parent / "ruff")
    files = [str(path) for path in paths]
    for arguments in (["check", "--quiet", "--select", "I,F401", "--fix"], ["format", "--quiet"]):
        subprocess.run([ruff, *arguments, *files], cwd=root, check=True)


def write(texts: dict[Path, str]) -> None:
    """Write files, with the folders they need."""
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
