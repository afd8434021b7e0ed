"""Refuse changes to rows that history points at, in the database itself."""

from django.db import migrations

from apps.core.guards import guard


class Migration(migrations.Migration):
    dependencies = [("grading", "0001_first")]
    operations = [guard("grading_grade")]
