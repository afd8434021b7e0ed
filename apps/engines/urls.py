"""Routes of the engines pages."""

app_name = "engines"
urlpatterns: list = []
