"""The site: Datasette with our pages, settings and limits. This package is the plugin `aiwire` of Datasette."""

from aiwire.web.plugin import (
    asgi_wrapper,
    extra_template_vars,
    get_metadata,
    handle_exception,
    prepare_connection,
    prepare_jinja2_environment,
    register_output_renderer,
    render_cell,
    startup,
)

__all__ = [
    "asgi_wrapper",
    "extra_template_vars",
    "get_metadata",
    "handle_exception",
    "prepare_connection",
    "prepare_jinja2_environment",
    "register_output_renderer",
    "render_cell",
    "startup",
]
