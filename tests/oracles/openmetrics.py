"""Reads an OpenMetrics exposition from standard input with prometheus_client's strict parser, and prints every sample as
one JSON array a line: [sample name, {label: value}, value as text]. It fails if the parser refuses the exposition.

With the argument "text" it reads text 0.0.4 instead, with the parser that prometheus_client has for that.
"""

import json
import sys

from prometheus_client import openmetrics, parser
import prometheus_client.openmetrics.parser


def main():
    exposition = sys.stdin.buffer.read().decode("utf-8")
    if sys.argv[1:] == ["text"]:
        families = parser.text_string_to_metric_families(exposition)
    else:
        families = openmetrics.parser.text_string_to_metric_families(exposition)
    for family in families:
        for sample in family.samples:
            # repr is the shortest text that reads back to the same double.
            print(json.dumps([sample.name, sample.labels, repr(float(sample.value))]))


if __name__ == "__main__":
    main()
