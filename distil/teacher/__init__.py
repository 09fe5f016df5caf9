"""Asking models that are paid: requests with names, a store that keeps every answer, and one budget for all stages."""

from distil.teacher.asker import Asker, ask_all, gathered
from distil.teacher.request import Request, key_of
from distil.teacher.settings import Price, Role, RoleName, Teacher
from distil.teacher.store import Store, StoredAnswer, Total, read_answer

__all__ = [
    "Asker",
    "Price",
    "Request",
    "Role",
    "RoleName",
    "Store",
    "StoredAnswer",
    "Teacher",
    "Total",
    "ask_all",
    "gathered",
    "key_of",
    "read_answer",
]  # fmt: skip
