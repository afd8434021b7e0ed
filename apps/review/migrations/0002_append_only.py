"""Refuse changes to rows that history points at, in the database itself."""

from django.db import migrations

from apps.core.guards import guard


class Migration(migrations.Migration):
    dependencies = [("review", "0001_first")]
    operations = [guard("review_decision", "review_undo", "review_approval")]
