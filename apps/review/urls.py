"""Routes of the review pages."""

app_name = "review"
urlpatterns: list = []
