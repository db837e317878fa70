"""Charts of the pages, drawn on the server: small SVGs without style or script of their own.

Colours come from the site's style sheet by class names, so that charts are right in the dark and in print. A chart is
never the only form of its numbers: a table stands beside it.
"""
