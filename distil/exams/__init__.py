"""Exam files: what their names say, opening them, and mathematics on one line of text."""
