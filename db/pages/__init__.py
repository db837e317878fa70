"""What the site's pages show, read from the tables: one module per page, plain values out.

Every list is in the order of an index, so that a page is as quick on a million articles as on ten; nothing reads the
table of mentions but for one article. Functions take a database and read within the caller's transaction.
"""
