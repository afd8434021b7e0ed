"""Small charts as SVG text, drawn on the server without styles. Imports no Django.

Colours come from the style sheet by class; only geometry stands in attributes. Every number that
reaches the markup is formatted here, every word is escaped.
"""

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, FOOT, HEAD = 480, 140, 18, 14


def short(value: float) -> str:
    """A number for an axis or a mark: 950, 1.2k, 32k, 4.1M."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.1f}".rstrip("0").rstrip(".") + unit
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.2g}"


def _at(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def histogram(
    bins: Sequence[tuple[float, float, int]], *, title: str, unit: str = "", kind: str = ""
) -> str:
    """Bars over (from, to, count) bins, at most 40 of them; `kind` is a meaning (good, bad, …).

    The first, middle and last edge and the highest count are written out; each bar says its own
    figures on hover. A table of the same figures belongs beside it.
    """
    bins = list(bins)[:40]
    if not bins:
        return ""
    top = max((count for _, _, count in bins), default=0) or 1
    floor = HEIGHT - FOOT
    room = floor - HEAD
    step = WIDTH / len(bins)
    parts = [
        f'<svg class="chart histogram" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">'
    ]
    for index, (low, high, count) in enumerate(bins):
        tall = room * count / top
        if count:
            tall = max(tall, 1.5)
        parts.append(
            f'<rect class="bar {escape(kind)}" x="{_at(index * step + 0.75)}" '
            f'y="{_at(floor - tall)}" width="{_at(max(step - 1.5, 0.5))}" height="{_at(tall)}">'
            f"<title>{escape(f'{short(low)} to {short(high)} {unit}'.strip())}: {count:,}</title>"
            "</rect>"
        )
    parts.append(f'<path class="axis" d="M0 {floor + 0.5}H{WIDTH}"/>')
    middle = len(bins) // 2
    labels = [(0.0, "start", bins[0][0]), (WIDTH, "end", bins[-1][1])]
    if len(bins) > 2:
        labels.append((middle * step, "middle", bins[middle][0]))
    for x, anchor, value in labels:
        text = f"{short(value)} {unit}".strip() if anchor == "end" else short(value)
        parts.append(
            f'<text x="{_at(x)}" y="{HEIGHT - 3}" text-anchor="{anchor}">{escape(text)}</text>'
        )
    parts.append(f'<text x="0" y="9">{top:,}</text></svg>')
    return "".join(parts)


def sparkline(values: Sequence[float], *, title: str) -> str:
    """A line 96 by 20 without axes, for a table cell; the figures stand beside it."""
    values = [float(v) for v in values]
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    step = 96 / (len(values) - 1)
    points = " ".join(
        f"{_at(i * step)},{_at(18 - 16 * (v - low) / span)}" for i, v in enumerate(values)
    )
    return (
        f'<svg class="sparkline" viewBox="0 0 96 20" role="img" aria-label="{escape(title)}">'
        f'<polyline class="stroke" points="{points}"/></svg>'
    )


def length_bar(thought: int, answer: int, *, most: int = 0) -> str:
    """How long a trace is, thought and answer apart, in tokens, with marks at 4k, 8k, 16k, 32k
    where they fit. `most` is the length at the right end; 0 takes the next such mark."""
    total = max(thought + answer, 0)
    marks = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000]
    end = most or next((mark for mark in marks if mark >= total), total) or 1
    end = max(end, total)

    def at(tokens: float) -> str:
        return _at(100 * tokens / end)

    label = f"{total:,} tokens: thought {thought:,}, answer {answer:,}; the bar ends at {end:,}"
    parts = [
        f'<svg class="length-bar" role="img" aria-label="{escape(label)}"><title>{escape(label)}'
        '</title><rect class="track" x="0" y="0" width="100%" height="8" rx="2"/>'
        f'<rect class="thought" x="0" y="0" width="{at(thought)}%" height="8" rx="2"/>'
        f'<rect class="answer" x="{at(thought)}%" y="0" width="{at(answer)}%" height="8" rx="2"/>'
    ]
    shown = [m for m in (end // 4, end // 2, end) if m]
    for mark in dict.fromkeys(shown):
        anchor = "end" if mark == end else "middle"
        parts.append(
            f'<text x="{at(mark)}%" y="19" text-anchor="{anchor}">{escape(short(mark))}</text>'
        )
    parts.append("</svg>")
    return "".join(parts)


def bar(done: int, total: int, *, failed: int = 0, label: str = "Progress") -> str:
    """A determinate bar: `done` and `failed` of `total`."""
    total = max(total, 0)
    whole = total or 1
    good = min(max(done, 0) / whole, 1.0)
    bad = min(max(failed, 0) / whole, 1.0 - good)
    return (
        f'<svg role="progressbar" aria-label="{escape(label)}" aria-valuemin="0" '
        f'aria-valuemax="{total}" aria-valuenow="{min(max(done, 0) + max(failed, 0), total)}">'
        '<rect class="track" width="100%" height="6"/>'
        f'<rect class="done" width="{_at(100 * good)}%" height="6"/>'
        f'<rect class="failed-part" x="{_at(100 * good)}%" width="{_at(100 * bad)}%" height="6"/>'
        "</svg>"
    )
