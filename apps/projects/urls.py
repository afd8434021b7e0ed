"""Routes of a project's own pages. Its home is drawn by the dashboard."""

from django.urls import path

from apps.projects import views

app_name = "projects"
urlpatterns = [
    path("people/", views.people, name="people"),
    path("people/<uuid:member_id>/remove/", views.remove, name="remove_member"),
    path("settings/", views.settings, name="settings"),
    path("settings/audit/", views.audit, name="audit"),
]
