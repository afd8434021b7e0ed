"""Routes of the runs pages."""

app_name = "runs"
urlpatterns: list = []
