"""The pages that mkdocs makes of the code and of the results: nothing of them is written by hand, or kept."""

import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT)]

import agents  # noqa: E402
import commands  # noqa: E402
import configuration  # noqa: E402
import notebooks  # noqa: E402
import pictures  # noqa: E402
import studies  # noqa: E402

from glam_eval.results import data_dictionary  # noqa: E402

# Guides that other pages may bring: shown where they are there.
GUIDES = {"cluster.md": "How to"}
OF_ROOT = {"contributing": "CONTRIBUTING.md", "changelog": "CHANGELOG.md", "security": "SECURITY.md"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Complete the navigation by the studies that are there."""
    sections = {name: pages for entry in config.nav for name, pages in entry.items()}
    found = studies.directories(ROOT / config.extra["results"])
    sections["Studies"] += ["studies/index.md", *(f"studies/{each.name}.md" for each in found)]
    for guide, section in GUIDES.items():
        if (Path(config.docs_dir) / guide).exists():
            sections[section].insert(0, guide)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages and pictures."""
    pages: dict[str, str | bytes] = {
        "reference/commands.md": commands.page(),
        "reference/configuration.md": configuration.page(),
        "reference/agents.md": agents.page(),
        "reference/tables.md": data_dictionary().replace("# Data dictionary", "# Tables and columns", 1),
        **{f"project/{name}.md": (ROOT / file).read_text("utf-8") for name, file in OF_ROOT.items()},
        **notebooks.pages(Path(config.docs_dir) / "notebook.ipynb", ROOT),
        **pictures.pictures(ROOT / "results"),
        **studies.pages(ROOT / config.extra["results"]),
    }
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    return files
