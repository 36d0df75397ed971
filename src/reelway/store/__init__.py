"""The store: schema, migrations, grouped writes and batched reads; one SQL text for SQLite and PostgreSQL."""
