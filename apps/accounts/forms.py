"""Forms of the account pages."""

from django import forms
from django.contrib.auth.password_validation import validate_password


class PasswordForm(forms.Form):
    """A new password, typed twice. The old one is asked for unless it was a one-time password."""

    old = forms.CharField(
        label="Present password", widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    new = forms.CharField(
        label="New password", help_text="At least 10 characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="New password again", widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user
        if user.must_change_password:
            del self.fields["old"]

    def clean_old(self):
        if not self.user.check_password(self.cleaned_data["old"]):
            raise forms.ValidationError("That is not your present password.")
        return self.cleaned_data["old"]

    def clean(self):
        found = super().clean()
        if found.get("new") and found.get("again") and found["new"] != found["again"]:
            self.add_error("again", "The two are not the same.")
        elif found.get("new"):
            try:
                validate_password(found["new"], self.user)
            except forms.ValidationError as error:
                self.add_error("new", error)
        return found


class TokenForm(forms.Form):
    """What a new API token is called and how long it lives."""

    name = forms.CharField(max_length=80, help_text="What will use it, for instance «nightly export».")
    days = forms.IntegerField(
        min_value=1, max_value=3650, initial=90, required=False, label="Valid for (days)",
        help_text="Empty: until you revoke it.",
    )
