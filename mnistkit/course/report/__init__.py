"""The report of a run: a small site that opens anywhere, from a USB stick too, and needs no network.

nbconvert turns cells into HTML, Jinja2 templates of ours frame them, and nh3 cleans them. Sphinx with myst-nb
and tools like Quarto make handsome sites too, but they trust the notebook: its scripts, frames and styles
become part of the page, their search and their themes need scripts, and each brings a configuration as long
as these templates. nbconvert takes a filter of ours at each place where a notebook's text becomes HTML; so an
allow-list holds for all of it, the security policy of each page forbids the rest, and what is left to write
is little.

`html.sanitize`: the allow-list. `html.math`: LaTeX to MathML. `html.images`: thumbnails, broken images.
`html.states`: explorers without a script.
`html.layout`: what all pages share. `pages.lesson`: a notebook as a page. `pages.site`: which pages there
are. `pages.reproduction`: which figures of the source reports are reached. `export`: all in one file, and as
PDF.
"""

from mnistkit.course.report.export import export_report
from mnistkit.course.report.pages.site import write_report

__all__ = ["export_report", "write_report"]
