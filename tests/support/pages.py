"""Code blocks of Markdown pages."""

import re


def blocks(text, language):
    """Return the fenced code blocks of a language, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def runs(text):
    """Return each Python block with the output that the page states, or None."""
    pattern = r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?"
    found = re.findall(pattern, text, flags=re.DOTALL | re.MULTILINE)
    return [(code, printed or None) for code, printed in found]
