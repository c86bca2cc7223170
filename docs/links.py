"""Checks the links and images of the built pages: ``python docs/links.py docs/_build``.

Sphinx checks what the sources refer to; this checks the pages that it wrote. Links to other
sites are not followed, but scripts, styles and images must lie beside the pages, which are read
without a network.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """Places of a page that can be linked to, its links, and the files that it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            elif name in ("href", "src") and value:
                self.links.add(value)
                if name == "src" or tag == "link":
                    self.loaded.add(value)


def broken(root: Path) -> tuple[int, list[str]]:
    """Count the links within the site; list those that lead nowhere or load from elsewhere."""
    root = root.resolve()
    pages = {path: Page(path) for path in root.rglob("*.html")}
    n, bad = 0, []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.loaded and parts.scheme != "data":
                    bad.append(f"{path.relative_to(root)}: loads {link}")
                continue
            n += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            place = unquote(parts.fragment)
            if not target.exists() or (
                place and target in pages and place not in pages[target].ids
            ):
                bad.append(f"{path.relative_to(root)}: {link}")
    return n, bad


if __name__ == "__main__":
    n_links, nowhere = broken(Path(sys.argv[1]))
    print(f"{n_links:,} links within the pages, {len(nowhere)} of them broken")
    raise SystemExit("\n".join(nowhere) or None)
