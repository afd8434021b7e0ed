"""Routes of the datasets pages."""

app_name = "datasets"
urlpatterns: list = []
