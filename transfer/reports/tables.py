"""The tables of `transfer.tables` as Markdown and as pictures."""

from pathlib import Path

from transfer.plots.caltech import draw_by_layer, draw_by_number
from transfer.reports import caltech as caltech_report
from transfer.reports import pascal as pascal_report

_TITLES = {
    "4": "Table 4: Caltech-101, mean per-class accuracy",
    "5": "Table 5: Caltech-256, mean per-class accuracy",
    "6": "Table 6: PASCAL VOC, average precision",
    "7 caltech101": "Table 7: features by layer, Caltech-101",
    "7 caltech256": "Table 7: features by layer, Caltech-256",
    "fig9": "Fig. 9: accuracy by number of training images per class",
}
_NOTE = (
    "The paper's network was trained on ImageNet's 1,000 classes at 224x224 pixels; "
    "accuracies are percent, +/- the standard deviation over folds."
)


def as_text(results: dict) -> str:
    """All tables as Markdown."""
    parts = [_NOTE]
    for name, table in results.items():
        report = pascal_report if name == "6" else caltech_report
        parts.append(f"## {_TITLES[name]}\n\n{report.as_table(table)}")
    return "\n\n".join(parts)


def draw(results: dict, folder: Path) -> list[Path]:
    """Draws a picture a table into its folder; returns the paths."""
    paths = []
    for name, table in results.items():
        place = Path(folder) / name.replace(" ", "_")
        if name == "6":
            paths.append(pascal_report.write(table, place)[-1])
            continue
        title = f"{_TITLES[name]}\n{table['n_folds']} folds, {table['model']}"
        if name.startswith("7"):
            n = table["rows"][0]["n_train_per_class"]
            path = place.with_suffix(".png")
            title = f"{title}, {n} training images per class"
            paths.append(draw_by_layer(table["rows"], path, title))
        else:
            rows = caltech_report.lines(table)
            paths.append(draw_by_number(rows, place.with_suffix(".png"), title))
    return paths
