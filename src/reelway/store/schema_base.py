"""What all tables share: one metadata with names for constraints, and lists of values for CHECKs."""

from collections.abc import Iterable

from sqlalchemy import MetaData

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def listed(values: Iterable[str]) -> str:
    """The values as SQL literals, in a stable order."""
    return ", ".join(f"'{value}'" for value in sorted(values))
