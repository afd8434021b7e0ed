"""A revision as the reading page shows it: steps within bounds, the length bar, the profile."""

from dataclasses import dataclass

from apps.traces.models import Revision
from apps.traces.segmentation import segment

WHOLE_UP_TO = 400_000
STEPS_UP_TO = 2000
ENDS = 100
LONGEST_STEP = 60_000


@dataclass(frozen=True, slots=True)
class ShownStep:
    """One step on the page: its number, kind (`think` or `answer`), text and what was cut."""

    number: int
    kind: str
    text: str
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """What the page holds. `gap` is how many steps between the first and last are not sent."""

    head: tuple[ShownStep, ...]
    tail: tuple[ShownStep, ...]
    gap: int
    gap_characters: int
    total: int
    raw: str
    profile: tuple[int, ...]
    notes: tuple[str, ...]


TAG_NOTES = {
    "unclosed": "The thought is never closed: the text probably stopped at its limit.",
    "open_in_prompt": "The opening tag stood in the prompt; the text begins inside the thought.",
    "no_tags": "No think tags: the whole text is shown as the answer.",
}


def reading_of(revision: Revision, *, whole: bool = False) -> Reading:
    """Cut a revision's text into steps for reading. Up to 400,000 characters and 2,000 steps all
    are sent; beyond that the first and last 100, unless `whole`."""
    text = revision.body.text
    spans = [span for span in segment(text) if text[span.start : span.end].strip()]
    shown = [
        _shown(index + 1, span.kind, text[span.start : span.end], whole)
        for index, span in enumerate(spans)
        if span.kind != "tag"
    ]
    lengths = [len(step.text) for step in shown]
    top = max(lengths, default=1)
    bars = lengths if len(lengths) <= 200 else [
        max(lengths[i * len(lengths) // 200 : (i + 1) * len(lengths) // 200] or [0]) for i in range(200)
    ]
    profile = tuple(max(1, round(20 * n / top)) for n in bars)
    notes = tuple(filter(None, [TAG_NOTES.get(revision.tag_state, "")]))
    bounded = not whole and (len(text) > WHOLE_UP_TO or len(shown) > STEPS_UP_TO)
    if bounded and len(shown) > 2 * ENDS:
        gap = shown[ENDS:-ENDS]
        return Reading(
            tuple(shown[:ENDS]), tuple(shown[-ENDS:]), len(gap), sum(len(s.text) for s in gap),
            len(shown), text[:LONGEST_STEP], profile, notes,
        )
    raw = text if whole or len(text) <= WHOLE_UP_TO else text[:LONGEST_STEP]
    return Reading(tuple(shown), (), 0, 0, len(shown), raw, profile, notes)


def _shown(number: int, kind: str, text: str, whole: bool) -> ShownStep:
    body = text.strip("\n")
    if whole or len(body) <= LONGEST_STEP:
        return ShownStep(number, kind, body)
    return ShownStep(number, kind, body[:LONGEST_STEP], len(body) - LONGEST_STEP)
