"""Routes of the pages pages."""

app_name = "pages"
urlpatterns: list = []
