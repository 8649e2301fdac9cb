"""How the book is built: `python -m sphinx -c . source build/html`, see noxfile.py."""

import sys
from pathlib import Path

# `sphinx-build`, unlike `python -m sphinx`, does not look beside conf.py.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parent / "examples/ops"))
sys.path.append(str(Path(__file__).parent / "examples"))  # `reliability`: objectives and alerts

project = "SmartBeak operations"
author = "SmartBeak platform team"
project_copyright = "SmartBeak platform team"
language = "en"

extensions = [
    "myst_parser",
    "sphinx_design",
    "sphinx_copybutton",
    "drillbook.site.search",
    "drillbook.site.navigation",
    "drillbook.site.repository",  # links to edit a page, and to where all are kept
    "drillbook.site.table_heads",
    "drillbook.site.twins",
    "drillbook.site.anchors",
    "drillbook.site.diagrams",  # sphinxcontrib.mermaid, drawn while building
    "drillbook.sphinx_ext",
    "drillbook.site.mark_examples",
    "drillbook.site.defects",
    "drillbook.site.incidents",
    "drillbook.site.decisions",
    "drillbook.site.upkeep",
    "drillbook.site.checks",
    "drillbook.site.triage",
    "drillbook.site.whole",
    "drillbook.site.written",
    "drillbook.site.flow_diagrams",
    "drillbook.site.openapi_tables",
    "smartbeak_book",  # what the book shows of the operators' tool
    "smartbeak_reference",  # the tables of names, each with the pages that use it
]

source_suffix = {".md": "markdown"}
templates_path = ["source/_templates"]
exclude_patterns = ["_templates", "_static", "_shared"]
nitpicky = True  # a reference that leads nowhere is a warning, and nox makes it an error

# MyST
myst_enable_extensions = [
    "attrs_block",
    "attrs_inline",
    "colon_fence",
    "deflist",
    "fieldlist",
    "substitution",
    "tasklist",
]
myst_enable_checkboxes = True  # a runbook's steps can be ticked off
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 4

# The built folder works from a disk: nothing is fetched, no script is a module.
mermaid_output_format = "svg"

# HTML
html_theme = "furo"
html_title = project
html_static_path = ["source/_static"]
html_favicon = str(Path(__file__).parent / "source/_static/favicon.svg")
html_css_files = ["fonts.css", "drillbook.css", "reading.css"]
html_js_files = [
    ("drillbook.js", {"defer": "defer"}),
    ("reading.js", {"defer": "defer"}),
]
html_copy_source = False
html_use_index = False  # it would be empty
html_show_sphinx = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
html_theme_options = {
    # Shown where the checkout says where the pages are kept.
    "top_of_page_buttons": ["edit"],
    "source_directory": "source/",
    "light_css_variables": {
        "font-stack": "'IBM Plex Sans', system-ui, sans-serif",
        "font-stack--monospace": "'IBM Plex Mono', ui-monospace, monospace",
        "color-code-background": "#f4f5f7",
        "color-brand-primary": "#0b4a6f",
        "color-brand-content": "#0b5a8a",
        "color-brand-visited": "#5a3d8a",
    },
    "dark_css_variables": {
        "color-brand-primary": "#8cc8ee",
        "color-brand-content": "#7dbbe6",
        "color-brand-visited": "#b9a3e3",
    },
}

# What the copy button yields is what ran: no prompts, no output, no line numbers.
copybutton_exclude = ".linenos, .gp, .go"
# What is shown because it does damage, or is refused, is not typed in an incident.
copybutton_selector = "div.highlight:not(.db-no-copy *) pre"
