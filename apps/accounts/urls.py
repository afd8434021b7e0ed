"""Routes of the account pages."""

from django.urls import path

from apps.accounts import views

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-out/", views.sign_out, name="sign_out"),
    path("password/", views.change_password, name="change_password"),
    path("", views.profile, name="profile"),
    path("tokens/<uuid:token_id>/revoke/", views.revoke, name="revoke_token"),
]
