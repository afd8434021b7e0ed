"""Routes of the engine pages."""

from django.urls import path

from apps.engines import views

app_name = "engines"
urlpatterns = [
    path("", views.list_engines, name="list"),
    path("new/<slug:kind>/", views.new_teacher, name="new"),
    path("<uuid:endpoint_id>/probe/", views.probe, name="probe"),
]
