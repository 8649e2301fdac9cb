project = "shapes"
extensions = ["myst_parser", "sphinx_design", "drillbook.sphinx_ext"]
myst_enable_extensions = ["attrs_block", "colon_fence", "deflist"]
exclude_patterns = ["fragments"]
