"""The results of `transfer.tables` as a record: a table and a picture each."""

import dataclasses
from collections.abc import Mapping

from transfer.plots.caltech import draw_by_layer, draw_by_number
from transfer.reports.caltech import caltech_table, left_out, lines
from transfer.reports.pascal import pascal_picture, pascal_table
from zfkeras.records import Record

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


def tables_record(paper: Mapping, model: str, results: dict[str, dict]) -> Record:
    """Makes the record of all tables, by their names."""
    tables, pictures, findings = [], {}, [_NOTE]
    for name, table in results.items():
        make = pascal_table if name == "6" else caltech_table
        tables.append(dataclasses.replace(make(table), caption=_TITLES[name]))
        pictures[f"{name.replace(' ', '_')}.png"] = _picture(name, table)
        findings += left_out(table)
    return Record(
        paper, findings, {"model": model, "results": results}, tables, pictures
    )


def _picture(name: str, table: dict):
    """Draws a table: bars by layer, lines by number of images, or dots by class."""
    if name == "6":
        return pascal_picture(table)
    title = f"{_TITLES[name]}\n{table['n_folds']} folds, {table['model']}"
    if name.startswith("7"):
        n = table["rows"][0]["n_train_per_class"]
        return draw_by_layer(table["rows"], f"{title}, {n} training images per class")
    return draw_by_number(lines(table), title)
