"""Tags -> tables, trends and exports: the only code that knows the schema."""
