"""Loaded by the process from which those are forked that lay out submissions: it compiles templates once."""

from nbformat.v4 import new_notebook

from mnistkit.course.report.pages.lesson import notebook_content

notebook_content(new_notebook(), title="")
