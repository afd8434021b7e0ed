"""Every word of the interface on a few pages, photographed: `python -m tests.gallery FOLDER`.

Needs Playwright and Chromium. Serves the pages with the product's own content security policy
and ends with status 1 when a page wrote anything to the console.
"""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apps.config.settings")

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("list", "detail", "form", "desk", "alone")
WIDTHS = (1440, 1024, 390, 320)
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'"
)


def _urls() -> list[Any]:
    from django.http import HttpResponse
    from django.urls import include, path

    def nothing(*_: Any, **__: Any) -> HttpResponse:
        return HttpResponse()

    accounts = [path("a/", nothing, name="profile"), path("o/", nothing, name="sign_out")]
    pages = [path("", nothing, name="home"), path("p/<slug:project>/", nothing, name="project")]
    return [
        path("accounts/", include((accounts, "accounts"))),
        path("", include((pages, "pages"))),
        path("new/", include(([path("", nothing, name="new")], "projects"))),
    ]


class _Lazy(type(sys)):  # the urlconf, made only once Django is set up
    @property
    def urlpatterns(self) -> list[Any]:
        return _urls()


def _form() -> Any:
    from django import forms

    class RunForm(forms.Form):
        teacher = forms.ChoiceField(choices=[("a", "sample-3m v2")], help_text="Who answers.")
        samples = forms.IntegerField(min_value=1, help_text="How many traces for each problem.")
        tokens = forms.IntegerField(initial=2048, label="Longest answer")
        tag = forms.CharField(required=False)
        stop = forms.BooleanField(
            required=False, label="Stop at the first right answer", help_text="Saves tokens."
        )
        source = forms.FileField(required=False)
        about = forms.CharField(widget=forms.Textarea, required=False)
        kind = forms.ChoiceField(
            widget=forms.RadioSelect, choices=[("t", "Training"), ("e", "Evaluation")]
        )

    return RunForm({"teacher": "a", "samples": "0", "tokens": "0.5", "kind": "t"})


def context(part: str) -> dict[str, Any]:
    """What tests/gallery.html shows."""
    from django.utils import timezone

    from apps.core.templatetags.stillroom import STATES, VERDICTS

    now = timezone.now()
    verdicts = list(VERDICTS)
    states = ["new", "approved", "rejected", "sent-back"]
    words = "A baker sells 12 loaves in the morning and twice as many in the afternoon; how many"
    project = {"slug": "warm-up", "name": "Olympiad warm-up", "pk": 1}
    labels = [
        ("Home", "home"), ("Problems", "problems"), ("Imports", "imports"), ("Traces", "traces"),
        ("Runs", "runs"), ("Review", "review"), ("Datasets", "datasets"), ("People", "people"),
        ("Settings", "settings"), ("Engines", "engines"), ("Methods", "methods"),
    ]
    frame = {
        "project": project,
        "projects": [project, {"slug": "other", "name": "Second project", "pk": 2}],
        "nav": [
            {"label": label, "url": "#", "icon": icon, "active": icon == "traces",
             "count": 12 if icon == "review" else 0}
            for label, icon in labels
        ],
        "running": [{"label": "Run 14", "url": "#", "done": 1840, "total": 5276}],
        "search_url": "#",
        "user": {"username": "ada", "is_authenticated": True},
    }
    shown = {
        "part": part,
        "made": now - timedelta(hours=3),
        "chips": [("all", 4120), ("approved", 1204), ("correct", 2870), ("needs a person", 7)],
        "rows": [
            {"statement": f"{words} in {n} days if every third day is a holiday?",
             "verdict": verdicts[n % len(verdicts)], "state": states[n % 4], "tokens": 137 * n * n,
             "teacher": "sample-3m", "made": now - timedelta(minutes=7**n % 90_000)}
            for n in range(1, 13)
        ],
        "figures": [
            {"label": "Items done", "value": 1840, "unit": "of 5,276"},
            {"label": "Failed", "value": 12, "kind": "bad", "note": "2 kinds"},
            {"label": "Correct", "value": "71.4 %", "note": "of 1,812 decided"},
            {"label": "Tokens", "value": 1_204_331, "unit": "412 a second"},
        ],
        "bins": [(n * 250, n * 250 + 250, int(900 * 0.8**n * (n + 1))) for n in range(24)],
        "speeds": [3, 5, 4, 8, 9, 7, 9, 12, 11, 12],
        "verdicts": verdicts,
        "states": list(STATES),
        "form": _form(),
        "statement": "Let $a$ and $b$ be integers with $a^2 + b^2 = 25$. Tickets cost $5 and $10. "
        "Find the greatest common divisor of $200{,}000$ and $20!$.",
        "answer": "Adding up, \\[\\sum_{k=1}^{n} k = \\frac{n(n+1)}{2},\\] so the greatest common "
        "divisor is $2^9 \\cdot 5^4 = \\boxed{320{,}000}$.",
        "steps": [
            {"text": "I know that $200{,}000 = 2^5 \\cdot 10^4 = 2^9 \\cdot 5^4$.", "label": "bad",
             "note": "ada: 2^5 · 10^4 is 3.2 million"},
            {"text": "To find the prime factorisation of $20!$, count the multiples of each prime: "
             "$$v_2(20!) = \\left\\lfloor \\frac{20}{2} \\right\\rfloor + \\left\\lfloor "
             "\\frac{20}{4} \\right\\rfloor + \\left\\lfloor \\frac{20}{8} \\right\\rfloor + "
             "\\left\\lfloor \\frac{20}{16} \\right\\rfloor = 18.$$", "label": "good"},
            {"text": "Similarly \\(v_5(20!) = 4\\). Wait, is that right? The multiples are 5, 10, "
             "15 and 20, so yes.", "note": "▲ loops back to step 1"},
            {"text": "A matrix: $\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}$, an integral "
             "$\\int_0^\\infty e^{-x^2}\\,dx = \\frac{\\sqrt{\\pi}}{2}$ and a broken one: "
             "$\\frac{1}{$.", "label": "neutral"},
            {"text": "<script>alert(1)</script> is text, and $\\href{javascript:alert(1)}{x}$ is "
             "no link. $\\def\\a{\\a\\a}\\a$ stops. $\\colorbox{red}{x}$ keeps its colour."},
        ],
    }
    return shown if part == "alone" else frame | shown


def render(folder: Path) -> None:
    """Write the pages and link the static files into `folder`."""
    import django
    from django.conf import settings
    from django.template import engines

    os.environ.setdefault("STILLROOM_DATA_DIR", tempfile.mkdtemp(prefix="stillroom-gallery-"))
    django.setup()
    sys.modules["tests.gallery_urls"] = _Lazy("tests.gallery_urls")
    settings.ROOT_URLCONF = "tests.gallery_urls"
    settings.STORAGES["staticfiles"]["BACKEND"] = (
        "django.contrib.staticfiles.storage.StaticFilesStorage"
    )
    template = engines["django"].from_string((ROOT / "tests" / "gallery.html").read_text())
    for part in PARTS:
        (folder / f"{part}.html").write_text(template.render(context(part)))
    link = folder / "static"
    if not link.exists():
        link.symlink_to(ROOT / "static")


class _Handler(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of `folder`, served with the policy."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def photograph(folder: Path, parts: tuple[str, ...], widths: tuple[int, ...]) -> list[str]:
    """PNGs beside the pages; what the console said."""
    from playwright.sync_api import sync_playwright

    said: list[str] = []
    with served(folder) as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium")
        for part, width, scheme in product(parts, widths, ("light", "dark")):
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page.on("console", lambda m, p=part: said.append(f"{p}: {m.type}: {m.text}"))
            page.on("pageerror", lambda e, p=part: said.append(f"{p}: {e}"))
            page.goto(f"{address}/{part}.html")
            page.wait_for_load_state("networkidle")
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            if wide > 0:
                said.append(f"{part}: {wide} px wider than a window of {width} px")
            page.screenshot(path=folder / f"{part}-{width}-{scheme}.png", full_page=True)
            page.close()
        browser.close()
    return said


def main() -> int:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    parts = tuple(sys.argv[2].split(",")) if len(sys.argv) > 2 else PARTS
    widths = tuple(int(w) for w in sys.argv[3].split(",")) if len(sys.argv) > 3 else WIDTHS
    render(folder)
    said = photograph(folder, parts, widths)
    print("\n".join(dict.fromkeys(said)) or "The console is empty.")
    return 1 if said else 0


if __name__ == "__main__":
    raise SystemExit(main())
