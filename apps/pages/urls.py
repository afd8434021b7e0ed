"""Routes of the dashboard, health and documentation."""

from django.urls import path

from apps.pages import views
from apps.projects.views import new_project

app_name = "pages"
urlpatterns = [
    path("", views.home, name="home"),
    path("projects/new/", new_project, name="new_project"),
    path("p/<slug:project>/", views.project_home, name="project"),
    path("docs/", views.docs, name="docs"),
    path("docs/<slug:kind>/", views.docs, name="docs_kind"),
    path("docs/<slug:kind>/<slug:name>/", views.doc, name="docs_one"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics, name="metrics"),
]
