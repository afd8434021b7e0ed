"""Template tags and filters of the interface. They are built in: no template needs `{% load %}`.

Marks say what they mean by shape, word and colour together, never by colour alone.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django import template
from django.forms import BoundField
from django.utils import timezone
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from apps.core import charts
from apps.core.icons import ICONS, SHAPES

register = template.Library()

VERDICTS: dict[str, tuple[str, str, str]] = {
    "correct": ("disc", "correct", "good"),
    "incorrect": ("diamond", "incorrect", "bad"),
    "no_answer": ("ring", "no answer", "bad"),
    "answer_unparsed": ("triangle", "answer unparsed", "warn"),
    "gold_unparsed": ("triangle", "gold unparsed", "warn"),
    "timed_out": ("clock", "timed out", "warn"),
    "needs_human": ("question", "needs a person", "info"),
    "error": ("bang", "error", "warn"),
    "": ("dot", "not graded", ""),
}
"""A verdict's shape, word and meaning."""

STATES: dict[str, tuple[str, str, str]] = {
    "new": ("dot", "new", ""),
    "ready": ("ring", "ready", "info"),
    "pending": ("ring", "pending", ""),
    "planning": ("ring", "planning", "info"),
    "waiting": ("clock", "waiting", ""),
    "leased": ("play", "in work", "info"),
    "running": ("play", "running", "info"),
    "paused": ("bars", "paused", "warn"),
    "finished": ("tick", "finished", "good"),
    "done": ("tick", "done", "good"),
    "failed": ("bang", "failed", "bad"),
    "cancelled": ("cross", "cancelled", ""),
    "approve": ("tick", "approved", "good"),
    "approved": ("tick", "approved", "good"),
    "reject": ("cross", "rejected", "bad"),
    "rejected": ("cross", "rejected", "bad"),
    "send-back": ("back", "sent back", "warn"),
    "sent-back": ("back", "sent back", "warn"),
    "skip": ("skip", "skipped", ""),
    "skipped": ("skip", "skipped", ""),
    "decided": ("tick", "decided", "good"),
    "draft": ("ring", "draft", ""),
    "building": ("play", "building", "info"),
    "training": ("dot", "training", ""),
    "evaluation": ("ring", "evaluation", "info"),
}
"""A state's shape, word and meaning, for traces, runs, work items, imports and assignments."""


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of apps/core/icons.py; with a `label` it is read aloud, without it is decoration."""
    attributes = (
        format_html('role="img" aria-label="{}"', label) if label else 'aria-hidden="true"'
    )
    return mark_safe(
        f'<svg class="icon" viewBox="0 0 16 16" {attributes}>{ICONS.get(name, ICONS["file"])}</svg>'
    )


def _mark(entry: tuple[str, str, str], boxed: bool) -> SafeString:
    shape, word, meaning = entry
    return format_html(
        '<span class="mark {}{}"><svg viewBox="0 0 12 12" fill="currentColor" aria-hidden="true">'
        "{}</svg>{}</span>",
        meaning,
        " boxed" if boxed else "",
        mark_safe(SHAPES[shape]),
        word,
    )


def _unknown(value: Any) -> tuple[str, str, str]:
    return ("dot", str(value or "").replace("_", " ").replace("-", " ") or "none", "")


@register.simple_tag
def verdict(value: Any, boxed: bool = False) -> SafeString:
    """A grade's verdict as shape, word and colour. Empty means not graded."""
    key = str(value or "")
    return _mark(VERDICTS.get(key) or _unknown(key), boxed)


@register.simple_tag
def state(value: Any, boxed: bool = False) -> SafeString:
    """A state of a trace, run, work item, import or assignment as shape, word and colour."""
    key = str(value or "")
    return _mark(STATES.get(key) or _unknown(key), boxed)


@register.inclusion_tag("partials/progress.html")
def progress(
    done: int | None,
    total: int | None,
    failed: int = 0,
    state: str = "",
    rate: float | None = None,
    left: float | timedelta | None = None,
    label: str = "Progress",
    bare: bool = False,
) -> dict[str, Any]:
    """A determinate bar with done / total, and, when given, `rate` (per second) and the time
    `left` (seconds). `bare` draws the bar alone."""
    done, total, failed = int(done or 0), int(total or 0), int(failed or 0)
    kind = "finished" if total and done + failed >= total else ""
    return {
        "bar": mark_safe(charts.bar(done, total, failed=failed, label=label)),
        "done": done,
        "total": total,
        "failed": failed,
        "percent": int(100 * (done + failed) / total) if total else 0,
        "kind": "failed" if state == "failed" else kind,
        "rate": rate,
        "left": left,
        "bare": bare,
    }


@register.simple_tag
def length_bar(thought: int, answer: int = 0, most: int = 0) -> SafeString:
    """A trace's length in tokens, thought and answer apart; `most` fixes the right end."""
    return mark_safe(charts.length_bar(int(thought or 0), int(answer or 0), most=int(most or 0)))


@register.simple_tag
def histogram(
    bins: Sequence[tuple[float, float, int]], title: str, unit: str = "", kind: str = ""
) -> SafeString:
    """Bars over (from, to, count); at most 40. Put a table of the figures beside it."""
    return mark_safe(charts.histogram(bins, title=title, unit=unit, kind=kind))


@register.simple_tag
def sparkline(values: Sequence[float], title: str) -> SafeString:
    """A small line for a table cell."""
    return mark_safe(charts.sparkline(values, title=title))


_STEPS = (("second", 60), ("minute", 60), ("hour", 24), ("day", 7), ("week", 5))


def relative(moment: datetime, now: datetime) -> str:
    """How long ago, or ahead, in words; a date when it is more than five weeks."""
    seconds = (now - moment).total_seconds()
    amount, ahead = abs(seconds), seconds < 0
    if amount < 10:
        return "now"
    for unit, size in _STEPS:
        if amount < size:
            count = int(amount)
            words = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"in {words}" if ahead else f"{words} ago"
        amount /= size
    return f"{moment.day} {moment:%b %Y}"


@register.simple_tag
def when(moment: datetime | date | None, empty: str = "never") -> SafeString:
    """A relative time, the exact one (with zone) on hover."""
    if moment is None:
        return format_html('<span class="muted">{}</span>', empty)
    if not isinstance(moment, datetime):
        return format_html(
            '<time datetime="{}">{} {}</time>', moment.isoformat(), moment.day, f"{moment:%b %Y}"
        )
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment)
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        f"{local.day} {local:%b %Y, %H:%M:%S %Z}",
        relative(moment, timezone.now()),
    )


@register.filter
def number(value: Any, digits: int = 1) -> str:
    """With thousands separators: 1319 → 1,319; a fraction keeps at most `digits` places."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        try:
            value = float(value)
        except (TypeError, ValueError):
            return str(value)
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.{int(digits)}f}"


@register.filter
def percent(value: Any, digits: int = 1) -> str:
    """A share between 0 and 1 as per cent: 0.9312 → 93.1 %."""
    if value is None or value == "":
        return "–"
    return f"{100 * float(value):.{int(digits)}f} %"


@register.filter
def duration(value: Any) -> str:
    """Seconds or a timedelta for people: 850 ms, 12 s, 3 min 20 s, 2 h 5 min, 3 d 4 h."""
    if value is None or value == "":
        return "–"
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


@register.filter
def plural(count: Any, noun: str) -> str:
    """`3|plural:"trace"` → 3 traces; `1|plural:"query,queries"` → 1 query."""
    one, _, many = noun.partition(",")
    total = int(count or 0)
    return f"{total:,} {one if total == 1 else many or one + 's'}"


@register.filter
def short_id(value: Any) -> str:
    """The last 8 hexadecimal digits of an identity: enough for people to tell rows apart."""
    return str(value).replace("-", "")[-8:]


@register.simple_tag
def page_title(*parts: Any) -> SafeString:
    """«Runs · gsm8k · Stillroom»: the parts that are not empty, and the product."""
    words = [conditional_escape(part) for part in parts if part]
    return mark_safe(" · ".join([*words, "Stillroom"]))


@register.simple_tag(takes_context=True)
def query_with(context: dict[str, Any], **changes: Any) -> str:
    """The present query string with some parameters changed; an empty value removes one."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        if value in (None, ""):
            query.pop(name, None)
        else:
            query[name] = value
    return f"?{query.urlencode()}" if query else "?"


@register.inclusion_tag("partials/field.html")
def field(bound: BoundField, unit: str = "") -> dict[str, Any]:
    """One field of a form with label, help, errors and, beside the box, its `unit`."""
    return {"field": bound, "unit": unit}


@register.inclusion_tag("partials/fields.html")
def fields(form: Any) -> dict[str, Any]:
    """All visible fields of a form one below the other, hidden ones and the form's own errors."""
    return {"form": form}


_NAV_KEYS = {
    "home": "g h",
    "problems": "g p",
    "imports": "g i",
    "traces": "g t",
    "runs": "g r",
    "review": "g v",
    "datasets": "g d",
    "people": "g o",
    "settings": "g s",
}


@register.filter
def nav_key(name: str) -> str:
    """The key sequence that opens a section of the rail, by its icon's name; empty if none."""
    return _NAV_KEYS.get(name, "")
