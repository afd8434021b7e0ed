"""Tags and filters of the interface: what they write, and that they escape what they are given."""

import re
from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree

import pytest
from django import forms
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.template import engines
from django.test import RequestFactory

from apps.core import charts
from apps.core.icons import ICONS, SHAPES
from apps.core.templatetags import stillroom as tags
from apps.grading.base import Verdict


def render(text: str, **context) -> str:
    return engines["django"].from_string(text).render(context)


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup)


@pytest.mark.parametrize("name", sorted(ICONS))
def test_every_icon_is_well_formed(name):
    assert parsed(tags.icon(name)).get("aria-hidden") == "true"


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_every_shape_is_well_formed(name):
    parsed(f"<svg>{SHAPES[name]}</svg>")


def test_an_icon_with_a_label_is_read_aloud_and_its_label_is_escaped():
    element = parsed(tags.icon("close", '<b>"Close"'))
    assert element.get("role") == "img"
    assert element.get("aria-label") == '<b>"Close"'


@pytest.mark.parametrize("value", list(Verdict))
def test_every_verdict_has_a_shape_a_word_and_a_meaning(value):
    shape, word, meaning = tags.VERDICTS[value.value]
    markup = tags.verdict(value)
    assert SHAPES[shape] in markup
    assert f"</svg>{word}<" in markup
    assert f'class="mark {meaning}"' in markup


def test_no_two_verdicts_of_different_meaning_share_a_shape():
    meanings: dict[str, set[str]] = {}
    for shape, _, meaning in tags.VERDICTS.values():
        meanings.setdefault(shape, set()).add(meaning)
    assert all(len(found) == 1 for found in meanings.values())


def test_an_unknown_verdict_or_state_is_shown_as_escaped_text():
    assert "&lt;script&gt;" in tags.verdict("<script>")
    assert "half done" in tags.state("half-done")
    assert "not graded" in tags.verdict("")


def test_every_state_of_every_model_is_known():
    from apps.imports.models import ImportState
    from apps.review.models import AssignmentState, Outcome
    from apps.runs.models import ItemState, RunState
    from apps.traces.models import TraceState

    for choices in (ImportState, AssignmentState, Outcome, ItemState, RunState, TraceState):
        assert set(choices.values) <= set(tags.STATES), choices


@pytest.mark.parametrize(
    ("value", "text"),
    [(1319, "1,319"), (0, "0"), (1234.56, "1,234.6"), (2.0, "2"), (None, "–"), ("71 %", "71 %"),
     ("1319", "1,319"), (True, "1"), (-1234567, "-1,234,567")],
)
def test_numbers_have_thousands_separators(value, text):
    assert tags.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "250 ms"), (7.25, "7.2 s"), (12, "12 s"), (200, "3 min 20 s"), (180, "3 min"),
     (7500, "2 h 5 min"), (timedelta(days=3, hours=4), "3 d 4 h"), (None, "–")],
)
def test_durations_are_said_in_two_units_at_most(value, text):
    assert tags.duration(value) == text


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [(1, "trace", "1 trace"), (1319, "problem", "1,319 problems"),
     (2, "query,queries", "2 queries"), (None, "trace", "0 traces")],
)
def test_nouns_follow_their_number(count, noun, text):
    assert tags.plural(count, noun) == text


NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOW - timedelta(seconds=3), "now"),
        (NOW - timedelta(seconds=59), "59 seconds ago"),
        (NOW - timedelta(minutes=1), "1 minute ago"),
        (NOW - timedelta(hours=23, minutes=59), "23 hours ago"),
        (NOW - timedelta(days=6), "6 days ago"),
        (NOW - timedelta(weeks=4), "4 weeks ago"),
        (NOW - timedelta(days=300), "5 May 2025"),
        (NOW + timedelta(minutes=2), "in 2 minutes"),
    ],
)
def test_times_are_relative_until_they_are_old(moment, text):
    assert tags.relative(moment, NOW) == text


def test_a_time_carries_its_exact_moment_and_zone():
    element = parsed(tags.when(NOW))
    assert element.get("datetime") == "2026-03-01T12:00:00+00:00"
    assert element.get("title") == "1 Mar 2026, 12:00:00 UTC"


def test_a_missing_time_says_so_and_a_date_is_a_date():
    assert "not yet" in tags.when(None, "not yet")
    assert ">5 Mar 2026<" in tags.when(date(2026, 3, 5))


def test_progress_says_done_total_failures_rate_and_time_left():
    markup = render("{% progress 30 120 failed=3 rate=1.5 left=58 label=name %}", name='"<b>')
    text = re.sub(r"<[^>]+>", "", markup)
    assert "30 / 120 · 27 %" in text
    assert "3 failed" in text
    assert "1.5 a second · 58 s left" in text
    assert "&quot;&lt;b&gt;" in markup
    assert 'aria-valuenow="33"' in markup


@pytest.mark.parametrize(("done", "total"), [(0, 0), (None, None), (5, 3), (-1, 4)])
def test_progress_never_leaves_its_bar(done, total):
    svg = parsed(charts.bar(done or 0, total or 0))
    for rect in svg:
        assert 0 <= float(rect.get("width").rstrip("%")) <= 100


def test_finished_progress_is_marked_as_finished():
    assert 'class="progress finished"' in render("{% progress 4 4 %}")
    assert 'class="progress failed"' in render("{% progress 1 4 state='failed' %}")


def test_the_length_bar_says_thought_and_answer_in_words():
    label = parsed(tags.length_bar(10_890, 522)).get("aria-label")
    assert label == "11,412 tokens: thought 10,890, answer 522; the bar ends at 16,000"
    parsed(tags.length_bar(0, 0))
    parsed(tags.length_bar(500_000, 1))


def test_a_histogram_is_well_formed_escaped_and_has_at_most_forty_bars():
    svg = parsed(charts.histogram([(i, i + 1, i) for i in range(60)], title="<x> & y", unit="tok"))
    bars = [element for element in svg if element.tag == "rect"]
    assert len(bars) == 40
    assert svg.get("aria-label") == "<x> & y"
    assert charts.histogram([], title="none") == ""
    parsed(charts.histogram([(0, 1, 0)], title="one empty bin"))


def test_a_sparkline_needs_two_values_and_stays_inside():
    assert charts.sparkline([1], title="x") == ""
    points = parsed(charts.sparkline([5, 5, 5], title="flat"))[0].get("points").split()
    assert all(0 <= float(y) <= 20 for _, y in (point.split(",") for point in points))


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (950, "950"), (1200, "1.2k"), (32_000, "32k"), (4.1e6, "4.1M")]
)
def test_marks_of_axes_are_short(value, text):
    assert charts.short(value) == text


class SampleForm(forms.Form):
    name = forms.CharField(help_text="What it is called.")
    size = forms.IntegerField(min_value=1)
    stop = forms.BooleanField(required=False)
    hidden = forms.CharField(widget=forms.HiddenInput, required=False)


def test_a_field_has_label_help_and_errors_tied_to_its_box():
    form = SampleForm({"name": "", "size": "0"})
    markup = render("{% fields form %}", form=form)
    assert '<label for="id_name">Name</label>' in markup
    described = re.search(r'aria-describedby="([^"]+)"[^>]*id="id_name"', markup)[1].split()
    assert described
    for identity in described:
        assert f'id="{identity}"' in markup
    assert 'aria-invalid="true"' in markup
    assert '<a href="#id_size">Size</a>: Ensure this value' in markup
    assert 'type="hidden" name="hidden"' in markup
    assert 'class="field check"' in markup


def test_a_field_can_be_included_alone_and_with_a_unit():
    alone = '{% include "partials/field.html" with field=form.size only %}'
    markup = render(alone, form=SampleForm())
    assert 'name="size"' in markup
    assert '<span class="unit">tokens</span>' in render(
        '{% field form.size unit="tokens" %}', form=SampleForm()
    )


def test_the_query_string_can_be_changed_and_shortened():
    request = RequestFactory().get("/", {"q": "state:new", "after": "x"})
    context = {"request": request}
    assert tags.query_with(context, after="") == "?q=state%3Anew"
    assert tags.query_with(context, q=None, after=None) == "?"
    assert tags.query_with(context, page=2) == "?q=state%3Anew&after=x&page=2"


def test_titles_end_with_the_product_and_are_escaped():
    assert tags.page_title("<b>", "", "Runs") == "&lt;b&gt; · Runs · Stillroom"


def test_figures_show_value_unit_and_note():
    figures = [{"label": "Tokens", "value": 1_204_331, "unit": "a day", "note": "so far"}]
    markup = render('{% include "partials/figures.html" %}', figures=figures)
    assert "1,204,331" in markup
    assert "a day" in markup
    assert "so far" in markup


def test_messages_appear_as_notes_of_their_meaning():
    messages = [Message(constants.ERROR, "No <b>."), Message(constants.SUCCESS, "Saved.")]
    markup = render('{% include "partials/flash.html" %}', messages=messages)
    assert 'class="note bad" role="alert"' in markup
    assert "No &lt;b&gt;." in markup
    assert 'class="note good"' in markup


def test_an_empty_place_holds_its_button_and_its_command():
    markup = render(
        '{% include "partials/empty.html" with title="None" url="/x" label="Import" command="do" %}'
    )
    assert '<a class="button primary" href="/x">Import</a>' in markup
    assert "<code>do</code>" in markup
