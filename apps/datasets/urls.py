"""Routes of the dataset pages."""

from django.urls import path

from apps.datasets import views

app_name = "datasets"
urlpatterns = [
    path("", views.list_datasets, name="list"),
    path("new/", views.new_version, name="new"),
    path("<slug:name>/<int:number>/", views.version_detail, name="version"),
    path("<slug:name>/<int:number>/verify/", views.verify, name="verify"),
    path("<slug:name>/<int:number>/rebuild/", views.rebuild, name="rebuild"),
    path("<slug:name>/<int:number>/files/<str:file>", views.download, name="download"),
]
