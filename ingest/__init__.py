"""Sources -> articles. All network access is here; parsing and extraction are pure."""
