"""Routes of the run pages."""

from django.urls import path

from apps.runs import views

app_name = "runs"
urlpatterns = [
    path("", views.list_runs, name="list"),
    path("new/", views.new_run, name="choose"),
    path("new/<slug:method>/", views.new_run, name="new"),
    path("<int:number>/", views.run_detail, name="detail"),
    path("<int:number>/failed/", views.failed_items, name="failed"),
    path("<int:number>/retry/", views.retry, name="retry"),
    path("<int:number>/<slug:verb>/", views.change_run, name="change"),
]
