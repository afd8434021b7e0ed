"""The full-text index over trace texts."""

from django.db import migrations

from apps.traces.search import create_index, drop_index


class Migration(migrations.Migration):
    dependencies = [("traces", "0002_append_only")]
    operations = [
        migrations.RunPython(
            lambda apps, editor: create_index(editor), lambda apps, editor: drop_index(editor)
        )
    ]
