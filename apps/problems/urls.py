"""Routes of the problems pages."""

app_name = "problems"
urlpatterns: list = []
