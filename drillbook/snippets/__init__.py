"""One snippet on one host: shells, Python, and the comparison with the page."""
