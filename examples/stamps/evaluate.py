"""Measures a classifier on held-out pictures.

    /usr/bin/python3 evaluate.py PREDICTIONS ACCURACY METRICS REPORT

PREDICTIONS  {"classes": [label, ...],
              "predictions": [{"path", "label": the true class, "predicted", "probabilities": [one per class], "rejected"}, ...]}
ACCURACY     written: the fraction of correct predictions
METRICS      written: all metrics, as one JSON object
REPORT       written: a folder with metrics.json, confusion.json and confusion.svg

A rejected picture still counts in the accuracy; how often right and wrong predictions are rejected is measured separately.
"""
import json
import math
import pathlib
import sys

import numpy as np

import confusion

Z_95 = 1.959963984540054  # quantile of the normal distribution for a two-sided 95 % interval
BINS = 10  # confidence bins of the calibration error


class BadPredictions(Exception):
    pass


def read_predictions(path):
    """Returns (classes, truth, predicted, probabilities, rejected); classes are given by index."""
    try:
        document = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        classes = document["classes"]
        rows = document["predictions"]
        number = {label: i for i, label in enumerate(classes)}
        truth = np.array([number[row["label"]] for row in rows], dtype=int)
        predicted = np.array([number[row["predicted"]] for row in rows], dtype=int)
        probabilities = np.array([row["probabilities"] for row in rows], dtype=float)
        rejected = np.array([row["rejected"] for row in rows], dtype=bool)
    except OSError as failure:
        raise BadPredictions(f"{path}: {failure.strerror}; pass the predictions of head.learn") from None
    except (ValueError, KeyError, TypeError) as failure:
        raise BadPredictions(f"{path}: not the predictions of head.learn ({failure!r})") from None
    if not rows:
        raise BadPredictions(f"{path}: no picture was held out, so there is nothing to measure")
    if probabilities.shape != (len(rows), len(classes)):
        raise BadPredictions(f"{path}: each picture needs {len(classes)} probabilities, one a class")
    return classes, truth, predicted, probabilities, rejected


def wilson(right, total):
    """Returns the Wilson 95 % interval of a proportion, which stays inside [0, 1] and is valid for few pictures."""
    share = right / total
    middle = share + Z_95**2 / (2 * total)
    half = Z_95 * math.sqrt(share * (1 - share) / total + Z_95**2 / (4 * total**2))
    scale = 1 + Z_95**2 / total
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def calibration_error(confidence, right):
    """Returns the mean gap between confidence and accuracy, over equal bins weighted by their number of pictures."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [abs(confidence[bins == b].sum() - right[bins == b].sum()) for b in range(BINS)]
    return sum(gaps) / len(confidence)


def share(part, whole):
    """Returns None if `whole` is 0: a class that was never predicted has no precision."""
    return rounded(part / whole) if whole else None


def rounded(x):
    return round(float(x), 6)


def measure(classes, truth, predicted, probabilities, rejected):
    right = truth == predicted
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (truth, predicted), 1)
    low, high = wilson(int(right.sum()), len(truth))
    by_class = {}
    for i, label in enumerate(classes):
        precision, recall = share(counts[i, i], counts[:, i].sum()), share(counts[i, i], counts[i].sum())
        by_class[label] = {"precision": precision, "recall": recall, "pictures": int(counts[i].sum())}
    return {
        "accuracy": rounded(right.mean()),
        "accuracy_low": rounded(low),
        "accuracy_high": rounded(high),
        "pictures": len(truth),
        "right": int(right.sum()),
        "calibration_error": rounded(calibration_error(probabilities.max(axis=1), right)),
        "rejected": int(rejected.sum()),
        "rejected_of_right": share(rejected[right].sum(), right.sum()),
        "rejected_of_wrong": share(rejected[~right].sum(), (~right).sum()),
        "accuracy_of_answered": share(right[~rejected].sum(), (~rejected).sum()),
        "by_class": by_class,
        "confusion": {"classes": classes, "counts": counts.tolist()},
    }


def to_text(value, depth=0):
    """Returns JSON with one line per field and per row of an inner table, so that two versions are easy to compare."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if depth == 2 or not any(isinstance(row, (dict, list)) for row in inner):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        first, last, rows = "{", "}", [f"{json.dumps(key, ensure_ascii=False)}: {to_text(row, depth + 1)}" for key, row in value.items()]
    else:
        first, last, rows = "[", "]", [to_text(row, depth + 1) for row in value]
    indent = "\n" + "  " * depth
    return first + ",".join(f"{indent}  {row}" for row in rows) + indent + last


def write_json(path, value):
    path.write_text(to_text(value) + "\n", encoding="utf-8")


def main(arguments):
    if len(arguments) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    predictions, accuracy, metrics, report = map(pathlib.Path, arguments)
    try:
        measured = measure(*read_predictions(predictions))
    except BadPredictions as failure:
        print(f"evaluate: {failure}", file=sys.stderr)
        return 1
    report.mkdir(parents=True, exist_ok=True)
    write_json(accuracy, measured["accuracy"])
    write_json(metrics, measured)
    write_json(report / "metrics.json", {key: value for key, value in measured.items() if key != "confusion"})
    write_json(report / "confusion.json", measured["confusion"])
    (report / "confusion.svg").write_text(confusion.draw(measured), encoding="utf-8")
    print("accuracy {accuracy:.3f} ({accuracy_low:.3f} to {accuracy_high:.3f}, 95 %), {pictures} pictures".format(**measured))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
