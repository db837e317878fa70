"""Feed documents -> entries. Pure."""
