"""Web archives as files: opened wherever they lie, read record by record."""
