"""A project's people, settings and audit log."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from apps.accounts.models import User
from apps.accounts.services import create_user
from apps.core.errors import NotFound
from apps.projects.models import AuditEntry, Member, Role
from apps.projects.roles import RIGHTS, fetch_project, rights_of
from apps.projects.services import change_project, create_project, remove_member, set_role

ROLE_SENTENCES = {
    "viewer": "reads",
    "reviewer": "also grades, edits and decides",
    "curator": "also imports, fills queues and builds datasets",
    "operator": "also starts and stops runs",
    "owner": "also manages people and settings",
}


class MemberForm(forms.Form):
    """Whom to add, and as what."""

    name = forms.CharField(max_length=150, label="User name", help_text="A new name makes a new person.")
    role = forms.ChoiceField(choices=[(r, f"{r}: {ROLE_SENTENCES[r]}") for r in Role.values])


class ProjectForm(forms.Form):
    """A project's name and guidelines."""

    name = forms.CharField(max_length=120)
    guidelines = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 14}), required=False,
        help_text="What reviewers should know; shown beside every trace they read.",
    )


class NewProjectForm(forms.Form):
    """A new project."""

    name = forms.CharField(max_length=120)
    slug = forms.SlugField(max_length=60, label="Short name", help_text="For addresses and commands.")


def new_project(request: HttpRequest) -> HttpResponse:
    """Make a project; site administrators only."""
    if not request.user.is_staff:
        raise NotFound("There is nothing at this address.")
    form = NewProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        project = create_project(by=request.user, **form.cleaned_data)
        return redirect("pages:project", project.slug)
    return render(request, "projects/new.html", {"form": form}, status=422 if form.errors else 200)


def people(request: HttpRequest, project: str) -> HttpResponse:
    """Who is in the project; owners add and change."""
    found = fetch_project(project, by=request.user)
    may_manage = "manage" in rights_of(request.user, found.pk)
    form = MemberForm(request.POST or None)
    once = None
    if request.method == "POST":
        fetch_project(project, by=request.user, right="manage")
        if form.is_valid():
            name, role = form.cleaned_data["name"], form.cleaned_data["role"]
            user = User.objects.filter(username__iexact=name).first()
            if user is None:
                user, password = create_user(name)
                once = {"name": user.username, "password": password}
            set_role(found, user, role, by=request.user)
            if once is None:
                messages.success(request, f"{user.username} is now {role}.")
                return redirect("projects:people", found.slug)
            form = MemberForm()
    members = Member.objects.filter(project=found).select_related("user").order_by("user__username")
    context = {"members": members, "form": form, "once": once, "may_manage": may_manage,
               "roles": [(r, ROLE_SENTENCES[r]) for r in RIGHTS]}
    return render(request, "projects/people.html", context, status=422 if form.errors else 200)


@require_POST
def remove(request: HttpRequest, project: str, member_id: str) -> HttpResponse:
    """Take a person out of the project."""
    found = fetch_project(project, by=request.user, right="manage")
    member = Member.objects.filter(pk=member_id, project=found).select_related("user").first()
    if member is None:
        raise NotFound("There is no such member.")
    remove_member(member, by=request.user)
    messages.success(request, f"{member.user.username} is no longer in this project.")
    return redirect("projects:people", found.slug)


def settings(request: HttpRequest, project: str) -> HttpResponse:
    """Name and guidelines."""
    found = fetch_project(project, by=request.user)
    may_manage = "manage" in rights_of(request.user, found.pk)
    initial = {"name": found.name, "guidelines": found.guidelines}
    form = ProjectForm(request.POST or None, initial=initial)
    if request.method == "POST":
        fetch_project(project, by=request.user, right="manage")
        if form.is_valid():
            change_project(found, by=request.user, **form.cleaned_data)
            messages.success(request, "Saved.")
            return redirect("projects:settings", found.slug)
    context = {"form": form, "may_manage": may_manage}
    return render(request, "projects/settings.html", context, status=422 if form.errors else 200)


def audit(request: HttpRequest, project: str) -> HttpResponse:
    """Who did what, newest first."""
    found = fetch_project(project, by=request.user, right="manage")
    entries = AuditEntry.objects.filter(project=found).select_related("actor").order_by("-id")
    after = request.GET.get("after")
    if after:
        entries = entries.filter(id__lt=after)
    rows = list(entries[:101])
    context = {"entries": rows[:100], "next": rows[99].pk if len(rows) > 100 else None}
    return render(request, "projects/audit.html", context)
