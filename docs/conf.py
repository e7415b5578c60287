"""How Sphinx makes a site of the documentation: ``make docs``.

The source folder is the clone, so that links mean the same on the site as where the pages are read as files.
What is on the site stands in `include_patterns` and in the tables of contents of ``docs/index.md``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # the directives of this course, beside this file

from mnistkit import __version__

project = "mnistkit"
author = "The mnistkit developers"
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "site_directives"]
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "benchmarks/README.md",
    "docs/**.md",
]
exclude_patterns = [".venv", "build", "runs", "**/.ipynb_checkpoints"]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4  # the names that links to headings have where the pages are read as files

default_role = "code"  # in docstrings, names of parameters stand in single backticks
napoleon_google_docstring = False
# Types are words such as "array of (images, classes)", which Sphinx would otherwise take for names.
napoleon_use_param = False
napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings have the types

html_theme = "furo"
html_title = "mnistkit"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["site.css"]
html_theme_options = {"footer_icons": []}
html_additional_pages = {"index": "redirect.html"}
templates_path = ["templates"]
