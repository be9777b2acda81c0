"""Results directories as others write them: plain Parquet files and a title."""

import json


def written(directory, tables, title="<i>Mine</i> & yours"):
    for name, table in tables.items():
        (directory / name).mkdir(parents=True)
        table.to_parquet(directory / name / "all.parquet")
    (directory / "suite.json").write_text(json.dumps({"title": title, "question": "Why?"}))
    return directory
