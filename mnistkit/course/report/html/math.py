r"""Formulas: LaTeX between dollar signs becomes MathML, which browsers draw with no script and no network."""

from __future__ import annotations

import html
import re
from typing import Any
from xml.etree.ElementTree import Element, tostring

from jinja2 import pass_context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

_LONGEST = 4000  # characters; what is longer is no formula that anybody reads
_WHOLE = re.compile(
    r"\$\$(?P<block>[^$]+)\$\$|\$(?P<inline>[^$]+)\$|\\\[(?P<bracket>.+)\\\]|(?P<env>\\begin\{.+\\end\{[a-z]+\*?\})",
    re.DOTALL,
)
# Macros that call each other can grow without end.
_MACROS = re.compile(
    r"\\(def|edef|gdef|let|(re)?newcommand|providecommand|newenvironment|DeclareMathOperator)(?![a-zA-Z])"
)
# latex2mathml lays these out only under the name of a relative.
_ALIGNED = re.compile(r"\\(begin|end)\{(?:aligned|split|gather|gathered|eqnarray|align)\*?\}")


def mathml(latex: str, *, block: bool) -> str:
    """Turn a formula into MathML.

    Parameters
    ----------
    latex : str
        The formula, without dollar signs.
    block : bool
        Whether it stands on a line of its own.

    Returns
    -------
    str
        HTML; the source text as code where it can't be turned.
    """
    try:
        element = _convert(latex, "block" if block else "inline")
    except Exception:  # latex2mathml raises many kinds, also IndexError and RecursionError
        element = None
    if element is None:
        return f'<code class="formula">{html.escape(latex.strip())}</code>'
    return tostring(element, encoding="unicode", short_empty_elements=False)


def _convert(latex: str, display: str) -> Element | None:
    """Convert with latex2mathml; None if a part of the formula was not understood."""
    from latex2mathml.converter import Converter

    if len(latex) > _LONGEST or _MACROS.search(latex):
        return None
    latex = _ALIGNED.sub(r"\\\1{align*}", latex)
    latex = re.sub(r"\\arg(?![a-zA-Z])", r"\\operatorname{arg}", latex)
    math = Converter(display=display).convert_to_element(latex)
    for element in math.iter():
        # It writes characters as entities, and unescapes the whole afterwards: "<" in a text would be a tag.
        element.text = html.unescape(element.text or "")
        if element.text == "&" or re.match(r"\\[a-zA-Z]", element.text):
            return None
    return math


def latex_output(text: str) -> str:
    """Turn an output of type ``text/latex`` into HTML.

    Parameters
    ----------
    text : str
        LaTeX with its delimiters.

    Returns
    -------
    str
        MathML where the text is one formula; its source as code otherwise.
    """
    found = _WHOLE.fullmatch(text.strip())
    if found is None:
        return f"<code>{html.escape(text)}</code>"
    kind = str(found.lastgroup)
    return mathml(found[kind], block=kind != "inline")


class _Renderer(IPythonRenderer):
    """nbconvert's own, with formulas as MathML: it leaves them to MathJax, a script from the network."""

    def block_math(self, body: str) -> str:
        """Write a formula of its own line."""
        return mathml(body, block=True)

    def inline_math(self, body: str) -> str:
        """Write a formula in a line of text."""
        return mathml(body, block=False)

    def latex_environment(self, name: str, body: str) -> str:
        r"""Write what stands between ``\begin`` and ``\end``."""
        return mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", block=True)


@pass_context
def markdown_to_html(context: Any, source: str) -> str:
    """Turn markdown into HTML, with formulas as MathML: a filter for nbconvert's templates.

    Parameters
    ----------
    context : jinja2.runtime.Context
        Of the template; it knows the cell, for pictures attached to it.
    source : str
        Markdown.

    Returns
    -------
    str
        HTML that still has to be cleaned.
    """
    attachments = context.get("cell", {}).get("attachments", {})
    return MarkdownWithMath(_Renderer(escape=False, attachments=attachments)).render(source)
