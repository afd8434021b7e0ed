"""Routes of the imports pages."""

app_name = "imports"
urlpatterns: list = []
