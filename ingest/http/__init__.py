"""Over the network and back: one lane per site, guarded addresses, capped answers, robots.txt; archives."""
