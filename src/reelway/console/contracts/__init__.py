"""What a contract page says: built from the cards and the dialects' own tables, free of HTTP and of markup."""
