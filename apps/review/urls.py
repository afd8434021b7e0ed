"""Routes of the review pages."""

from django.urls import path

from apps.review import views

app_name = "review"
urlpatterns = [
    path("", views.list_queues, name="list"),
    path("new/", views.new_queue, name="new"),
    path("decide/", views.decide_many, name="decide_many"),
    path("<uuid:queue_id>/", views.queue_detail, name="queue"),
    path("<uuid:queue_id>/fill/", views.fill, name="fill"),
    path("<uuid:queue_id>/next/", views.desk, name="desk"),
    path("<uuid:queue_id>/undo/", views.undo, name="undo"),
    path("assignments/<uuid:assignment_id>/decide/", views.decide, name="decide"),
    path("assignments/<uuid:assignment_id>/skip/", views.skip, name="skip"),
]
