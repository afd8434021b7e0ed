"""Routes of the accounts pages."""

app_name = "accounts"
urlpatterns: list = []
