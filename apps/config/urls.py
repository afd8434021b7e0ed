"""The site map."""

from django.urls import include, path

from apps.config.api import api

urlpatterns = [
    path("", include("apps.pages.urls")),
    path("accounts/", include("apps.accounts.urls")),
    path("engines/", include("apps.engines.urls")),
    path("p/<slug:project>/", include("apps.projects.urls")),
    path("p/<slug:project>/problems/", include("apps.problems.urls")),
    path("p/<slug:project>/imports/", include("apps.imports.urls")),
    path("p/<slug:project>/traces/", include("apps.grading.urls")),
    path("p/<slug:project>/runs/", include("apps.runs.urls")),
    path("p/<slug:project>/review/", include("apps.review.urls")),
    path("p/<slug:project>/datasets/", include("apps.datasets.urls")),
    path("api/v1/", api.urls),
]

handler404 = "apps.pages.views.not_found"
handler403 = "apps.pages.views.not_allowed"
handler500 = "apps.pages.views.broken"
