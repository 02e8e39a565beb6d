"""Check the built site: pages load no external resources, every link has its target, every name is described.

python docs/check_site.py              # of docs/_build/html
python docs/check_site.py FOLDER
"""

import inspect
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Attributes whose addresses a browser loads automatically; also `href` of a `link`, unless its relation names a page
LOADED = {"src", "srcset", "poster", "data", "background"}
PAGE_RELATIONS = {"next", "prev", "search", "index", "author", "canonical", "alternate", "contents", "top", "up"}
CSS_ADDRESS = re.compile(r"""(?:url\(\s*|@import\s+)["']?([^"')\s;]+)""")


class Page(HTMLParser):
    """Addresses and anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses and the anchor of an element."""
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        for name in LOADED & given.keys():
            self.loaded += [part.split()[0] for part in given[name].split(",")] if name == "srcset" else [given[name]]
        self.loaded += CSS_ADDRESS.findall(given.get("style", ""))
        if "href" in given:
            is_resource = tag == "link" and not PAGE_RELATIONS & set(given.get("rel", "").split())
            (self.loaded if is_resource else self.links).append(given["href"])


def faults(site: Path) -> Iterator[str]:
    """Yield a sentence for each fault of a site."""
    pages = {path.resolve(): Page(path) for path in sorted(site.rglob("*.html"))}
    if not pages:
        yield f"{site} has no page; build the documentation first: nox -s docs"
    for path, page in pages.items():
        where = path.relative_to(site.resolve())
        yield from (f"{where}: {fault}" for address in page.loaded if (fault := fault_of_resource(path, address)))
        yield from (f"{where}: {fault}" for address in page.links if (fault := fault_of_link(path, address, pages)))
    for path in site.rglob("*.css"):
        addresses = CSS_ADDRESS.findall(re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL))
        yield from (
            f"{path.relative_to(site)}: {fault}" for address in addresses if (fault := fault_of_resource(path, address))
        )


def fault_of_resource(path: Path, address: str) -> str | None:
    """Return the fault of an address that the browser loads from a file of the site, if any."""
    parts = urlsplit(address)
    if parts.scheme == "data" or (not parts.path and not parts.netloc):
        return None
    if parts.scheme or parts.netloc:
        return f"loads {address} from elsewhere"
    return None if (path.parent / unquote(parts.path)).exists() else f"loads {address}, which the site does not have"


def fault_of_link(path: Path, address: str, pages: dict[Path, Page]) -> str | None:
    """Return the fault of a link within the site, if any; links to other sites are not followed."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.exists():
        return f"links to {address}, which the site does not have"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
        return f"links to {address}, whose anchor the page does not have"
    return None


def faults_of_reference(site: Path) -> Iterator[str]:
    """Yield a sentence for each public name without a description, and for each described text that is not a name."""
    import cutedl_xp

    sys.path.insert(0, str(Path(__file__).parent / "_ext"))
    from public_names import public_names
    from sphinx.util.inventory import InventoryFile

    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="").data
    described = {name for kind, items in inventory.items() if kind.startswith("py:") for name in items}
    modules = [value for name in cutedl_xp.__all__ if inspect.ismodule(value := getattr(cutedl_xp, name))]
    for module in (cutedl_xp, *modules):
        for name in public_names(module):
            if getattr(cutedl_xp, name, None) is getattr(module, name):
                full = f"cutedl_xp.{name}"
            else:
                full = f"{module.__name__}.{name}"
            if full not in described:
                yield f"the reference does not describe {full}"
    yield from (f"{name!r} is no name; give each attribute an entry" for name in described if not is_name(name))


def is_name(text: str) -> bool:
    """Return whether a text is a dotted Python name."""
    return all(part.isidentifier() for part in text.split("."))


def main() -> int:
    """Return 1 if the site has a fault, else 0."""
    site = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "_build" / "html"
    found = [*faults(site), *faults_of_reference(site)]
    print(
        "\n".join(found) or f"{site}: nothing is loaded from elsewhere, and every link and public name has its target"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
