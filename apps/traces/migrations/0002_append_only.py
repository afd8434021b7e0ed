"""Refuse changes to rows that history points at, in the database itself."""

from django.db import migrations

from apps.core.guards import guard


class Migration(migrations.Migration):
    dependencies = [("traces", "0001_first")]
    operations = [guard("traces_revision", "traces_revisiontext", "traces_derivation", "traces_step")]
