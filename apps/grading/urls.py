"""Routes of the trace pages, drawn here because they show grades."""

from django.urls import path

from apps.grading import views

app_name = "traces"
urlpatterns = [
    path("", views.list_traces, name="list"),
    path("<uuid:trace_id>/", views.read_trace, name="read"),
    path("<uuid:trace_id>/grade/", views.grade_revision, name="grade"),
    path("<uuid:trace_id>/edit/", views.edit_trace, name="edit"),
    path("<uuid:trace_id>/compare/", views.compare_revisions, name="compare"),
    path("<uuid:trace_id>/raw/", views.raw_text, name="raw"),
]
