"""Open each page of the built site in headless Chromium, without a network, and report faults.

    python docs/check_pages.py --chromium /usr/bin/chromium                 # of docs/_build/html
    python docs/check_pages.py --chromium /usr/bin/chromium --pictures DIR  # with a picture of each page

Each page is checked at 1280 and 390 pixels, light and dark: no element is wider than the page, each formula and
picture is shown, no request fails or leaves the site, and no script fails. The search must find some questions.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, sync_playwright

WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")
QUESTIONS = ("validation split", "custom layer", "learning rate", "checkpoint")
WAIT_FOR_FORMULAS = "async () => { if (window.MathJax) await window.MathJax.startup.promise; }"
MEASURE = """() => {
    const width = document.documentElement.clientWidth;
    const scrolls = element => {
        for (let each = element.parentElement; each && each.tagName !== "ARTICLE"; each = each.parentElement) {
            if (getComputedStyle(each).overflowX !== "visible") return true;
        }
        return false;
    };
    const name = element => element.tagName.toLowerCase() + (element.className ? "." + element.className : "");
    const wide = [...document.querySelectorAll("article *")].filter(element => {
        const box = element.getBoundingClientRect();
        const hidden = element.closest("mjx-assistive-mml");  // for screen readers
        return box.width > 0 && box.right > width + 1 && !hidden && !scrolls(element);
    });
    const formulas = [...document.querySelectorAll(".math")];
    const shown = formula => formula.querySelector("mjx-container") && !formula.querySelector("mjx-merror");
    const colour = getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).slice(0, 3).map(Number);
    return {
        overflow: document.documentElement.scrollWidth - width,
        wide: wide.slice(0, 3).map(name),
        formulas: formulas.filter(formula => !shown(formula)).map(formula => formula.textContent.slice(0, 60)),
        pictures: [...document.images].filter(each => each.complete && !each.naturalWidth).map(each => each.src),
        dark: colour.reduce((sum, each) => sum + each, 0) < 3 * 128,
    };
}"""


def faults(context: BrowserContext, site: Path, pictures: Path | None) -> Iterator[str]:
    """Yield a sentence for each fault of a site."""
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site).as_posix()
        page, problems = open_page(context, path.as_uri())
        for scheme in SCHEMES:
            for width in WIDTHS:
                page.emulate_media(color_scheme=scheme)
                page.set_viewport_size({"width": width, "height": 900})
                yield from (f"{name} at {width} pixels, {scheme}: {fault}" for fault in measure(page, scheme))
                if pictures is not None:
                    picture = pictures / f"{name.replace('/', '_').removesuffix('.html')}-{width}-{scheme}.png"
                    page.screenshot(path=picture, full_page=True)
        yield from (f"{name}: {problem}" for problem in dict.fromkeys(problems))
        page.close()
    for question in QUESTIONS:
        page, _ = open_page(context, f"{(site / 'search.html').as_uri()}?q={question.replace(' ', '+')}")
        try:
            page.wait_for_selector("#search-results li a", timeout=10_000)
        except Exception as error:  # of any class: the search has shown no result
            yield f"search.html finds nothing for {question!r} ({type(error).__name__})"
        page.close()


def open_page(context: BrowserContext, address: str) -> tuple[Page, list[str]]:
    """Return a page with rendered formulas, and the list that receives its problems."""
    page = context.new_page()
    problems: list[str] = []

    def note_request(request: Request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            problems.append(f"a request leaves the site: {request.url}")

    def note_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            problems.append(f"the console has an error: {message.text}")

    page.on("request", note_request)
    page.on("requestfailed", lambda request: problems.append(f"a request failed: {request.url} ({request.failure})"))
    page.on("pageerror", lambda error: problems.append(f"a script failed: {error}"))
    page.on("console", note_console)
    page.goto(address, wait_until="load")
    page.evaluate(WAIT_FOR_FORMULAS)
    page.evaluate("() => { for (const each of document.images) each.loading = 'eager'; }")
    return page, problems


def measure(page: Page, scheme: str) -> Iterator[str]:
    """Yield the faults of a page in its current state."""
    found = page.evaluate(MEASURE)
    if found["overflow"] > 0 or found["wide"]:
        yield f"the page is {found['overflow']} pixels too wide, from {', '.join(found['wide']) or 'no single element'}"
    yield from (f"a formula is missing: {formula}" for formula in found["formulas"])
    yield from (f"a picture is missing: {address}" for address in found["pictures"])
    if found["dark"] != (scheme == "dark"):
        yield f"the background is not {scheme}"


def main() -> int:
    """Return 1 if a page has a fault, else 0."""
    parser = argparse.ArgumentParser(description="Open each page of the built site in headless Chromium.")
    parser.add_argument("--chromium", required=True, help="program of Chromium or Chrome")
    parser.add_argument(
        "--site", type=Path, default=Path(__file__).parent / "_build" / "html", help="folder of the site"
    )
    parser.add_argument("--pictures", type=Path, help="folder for a picture of each page, default none")
    arguments = parser.parse_args()
    site: Path = arguments.site.resolve()
    if not (site / "index.html").exists():
        parser.error(f"{site} has no index.html; build the documentation first: nox -s docs")
    if arguments.pictures is not None:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
    found = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium)
        for fault in faults(browser.new_context(offline=True), site, arguments.pictures):
            found += 1
            print(fault, flush=True)
        browser.close()
    print(f"{len(list(site.rglob('*.html')))} pages have {found} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
