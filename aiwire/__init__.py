"""aiwire: the command line, the pipeline that composes the layers, settings, shared types and errors."""

__version__ = "0.1.0"
