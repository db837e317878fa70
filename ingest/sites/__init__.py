"""Sites without a feed: listing pages, sitemaps, and where their feeds are. Pure."""
