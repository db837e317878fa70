"""The sample archive: sixteen news briefs on real events, their WARC and their labels (CC0-1.0).

The publishers are invented and their hosts reserved names (RFC 2606). The facts are real: each brief names its sources.
"""
