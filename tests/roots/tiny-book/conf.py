"""A book that has nothing in common with the project's own but the engine."""

project = "Tiny"
extensions = ["myst_parser", "drillbook.sphinx_ext"]
myst_enable_extensions = ["attrs_block", "colon_fence"]
