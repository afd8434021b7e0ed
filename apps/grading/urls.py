"""Routes of the grading pages."""

app_name = "grading"
urlpatterns: list = []
