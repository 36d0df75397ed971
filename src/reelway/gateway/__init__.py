"""Use cases, one file a verb. They decide nothing that the domain can decide, and know no dialect, SQL or HTTP."""
