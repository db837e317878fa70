"""HTML page -> the article on it. Pure."""
