"""A notebook as a page: its cells are carried out when the site is built, and an error ends the build."""

import base64
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

_PATIENCE_SECONDS = 600  # for one cell


def pages(notebook: Path, root: Path) -> dict[str, str | bytes]:
    """Return a notebook's page and its pictures by their path in the site.

    Its code runs in a process of its own that starts in ``root``.
    """
    read: Any = nbformat.read(notebook, as_version=4)
    resources = {"metadata": {"path": str(root)}}
    NotebookClient(read, timeout=_PATIENCE_SECONDS, kernel_name="python3", resources=resources).execute()
    made: dict[str, str | bytes] = {}
    parts = []
    for number, cell in enumerate(read.cells):
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/png" in data:
                name = f"{notebook.stem}-{number}.png"
                made[name] = base64.b64decode(data["image/png"])
                parts.append(f"![Drawn by the cell above]({name})")
            elif "text/html" in data:
                lines = (line for line in data["text/html"].splitlines() if line.strip())
                parts.append("<div class='output'>\n" + "\n".join(lines) + "\n</div>")
            elif "text/plain" in data and not data["text/plain"].startswith("<Axes"):
                parts.append(f"```text\n{data['text/plain']}\n```")
    made[f"{notebook.stem}.md"] = "\n\n".join(parts) + "\n"
    return made
