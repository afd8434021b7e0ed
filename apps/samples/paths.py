"""Where the shipped teacher lies."""

from pathlib import Path

TEACHER_DIR = Path(__file__).resolve().parent / "teacher"
