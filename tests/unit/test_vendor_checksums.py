"""Vendored files are what their checksums say, and nothing in the interface is inline."""

import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "static" / "vendor"
OUR_STYLES = sorted((ROOT / "static" / "css").glob("*.css"))
OUR_SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def _listed() -> dict[str, str]:
    lines = (VENDOR / "CHECKSUMS").read_text().splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def test_every_vendored_file_has_the_checksum_that_is_listed():
    found = {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name not in {"CHECKSUMS", "README.md"}
    }
    assert found == _listed()


@pytest.mark.parametrize("folder", ["htmx", "katex", "fonts"])
def test_every_vendored_folder_carries_its_licence(folder):
    assert [path for path in (VENDOR / folder).iterdir() if path.name.endswith("LICENSE")]


def test_the_readme_of_the_vendored_files_names_every_folder():
    text = (VENDOR / "README.md").read_text()
    for folder in (path.name for path in VENDOR.iterdir() if path.is_dir()):
        assert f"`{folder}/`" in text


@pytest.mark.parametrize("path", [*OUR_STYLES, VENDOR / "katex" / "katex.min.css"], ids=str)
def test_every_file_a_style_sheet_names_is_there(path):
    for name in re.findall(r"url\(([^)]+)\)", path.read_text()):
        target = name.strip("\"'")
        assert not target.startswith(("http:", "https:", "//")), "nothing comes from elsewhere"
        assert (path.parent / target).is_file(), target


@pytest.mark.parametrize("path", [p for p in OUR_STYLES if p.name != "tokens.css"], ids=str)
def test_only_the_tokens_hold_colours(path):
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch|oklab)a?\(", text)


def test_every_custom_property_that_is_used_is_defined():
    text = "".join(path.read_text() for path in OUR_STYLES)
    used = set(re.findall(r"var\((--[a-z0-9-]+)", text))
    assert used <= set(re.findall(r"(--[a-z0-9-]+)\s*:", text))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_template_has_anything_that_the_policy_refuses(path):
    text = path.read_text()
    assert not re.search(r"<style\b|\sstyle=", text), "inline style"
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text), "inline handler"
    assert not re.search(r"<script(?![^>]*\ssrc=)", text), "inline script"
    assert not re.search(r"hx-on|[\"']js:|javascript:", text), "needs eval"
    assert not re.search(r"hx-trigger=\"[^\"]*\[", text), "a trigger filter needs eval"
    assert not re.search(r"(?:src|href)=\"https?://", text), "something from elsewhere"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_template_switches_escaping_off(path):
    assert not re.search(r"\|\s*safe(?:seq)?\b|autoescape\s+off", path.read_text())


@pytest.mark.parametrize("path", OUR_SCRIPTS, ids=lambda p: p.name)
def test_no_script_makes_markup_or_code_from_text(path):
    text = path.read_text()
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text
    )


# ---- Contrast ------------------------------------------------------------------------------------

TOKEN = re.compile(
    r"--(?P<name>[a-z0-9-]+):\s*light-dark\(oklch\((?P<light>[^)]+)\),\s*oklch\((?P<dark>[^)]+)\)\)"
)


def _luminance(oklch: str) -> float:
    """Relative luminance (WCAG 2) of an OKLCH colour, clipped to sRGB as a screen would."""
    from math import cos, radians, sin

    lightness, chroma, hue = (float(part) for part in oklch.split()[:3])
    a, b = chroma * cos(radians(hue)), chroma * sin(radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short
    red, green, blue = (min(max(part, 0.0), 1.0) for part in (red, green, blue))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _tokens(scheme: str) -> dict[str, float]:
    text = (ROOT / "static" / "css" / "tokens.css").read_text()
    return {m["name"]: _luminance(m[scheme]) for m in TOKEN.finditer(text)}


def _contrast(one: float, other: float) -> float:
    high, low = max(one, other), min(one, other)
    return (high + 0.05) / (low + 0.05)


TEXTS = ("ink", "ink-2", "accent", "good", "bad", "warn", "info")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "paper-2", "paper-3"])
@pytest.mark.parametrize("text", TEXTS)
def test_text_stands_out_by_four_and_a_half_to_one(scheme, ground, text):
    tokens = _tokens(scheme)
    assert _contrast(tokens[text], tokens[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("meaning", ["accent", "good", "bad", "warn", "info"])
def test_text_stands_out_on_the_wash_of_its_meaning(scheme, meaning):
    tokens = _tokens(scheme)
    wash = tokens[f"{meaning}-wash"]
    assert _contrast(tokens[meaning], wash) >= 4.5
    assert _contrast(tokens["ink"], wash) >= 4.5
    assert _contrast(tokens["ink-2"], wash) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_primary_button_can_be_read_and_edges_of_boxes_can_be_seen(scheme):
    tokens = _tokens(scheme)
    assert _contrast(tokens["accent-ink"], tokens["accent"]) >= 4.5
    for ground in ("paper", "paper-2"):
        assert _contrast(tokens["line-2"], tokens[ground]) >= 3
