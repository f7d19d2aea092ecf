"""What Grafana does between a dashboard's JSON and the queries: variables, steps, `$__` values.

Only what these dashboards use, and strict: an unknown variable or function is an error, not an empty string.
"""

import re

# Grafana rounds a range divided by the panel's width to one of these.
NICE_STEPS = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400]
PANEL_WIDTH = 1000  # points
VARIABLE = re.compile(r"\$([A-Za-z_]\w*)|\$\{(\w+)(?::[^}]*)?\}")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def seconds(duration):
    number, unit = re.fullmatch(r"(\d+)([smhdw])", duration).groups()
    return int(number) * UNITS[unit]


def escape_regex(value):
    return re.sub(r"[$^*{}\[\]'+?.()|\\]", lambda found: "\\\\" + found.group(), value)


def panels_of(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


class Screen:
    """A dashboard opened on a Prometheus for a time range."""

    def __init__(self, dashboard, prometheus, start, end, scrape=30, **chosen):
        self.dashboard, self.prometheus = dashboard, prometheus
        self.start, self.end, self.scrape = start, end, scrape
        self.values = {}
        self.options = {}
        for variable in dashboard["templating"]["list"]:
            self._resolve(variable, chosen.get(variable["name"]))

    def _resolve(self, variable, chosen):
        name = variable["name"]
        if variable["type"] == "datasource":
            self.values[name] = "prometheus"
        elif variable["type"] == "constant":
            self.values[name] = variable["query"]
        elif variable["type"] == "query":
            options = self._filter(variable, self._ask(self.fill(variable["query"]["query"])))
            self.options[name] = options
            if chosen is not None:
                self.values[name] = "|".join(escape_regex(value) for value in chosen)
            elif variable["includeAll"]:
                self.values[name] = variable.get("allValue") or "|".join(escape_regex(value) for value, _ in options)
            else:
                # A choice of one; empty where there is nothing to choose from.
                self.values[name] = options[0][0] if options else ""
        else:
            raise ValueError(f"variable type {variable['type']}")

    def _ask(self, query):
        function, inside = re.fullmatch(r"(\w+)\((.*)\)", query, re.DOTALL).groups()
        if function == "label_values":
            selector, label = inside.rsplit(",", 1)
            return self.prometheus.get(f"label/{label.strip()}/values", match=selector, start=self.start, end=self.end)
        if function == "query_result":
            lines = []
            for sample in self.prometheus.instant(inside, self.end):
                labels = ",".join(f'{key}="{value}"' for key, value in sorted(sample["metric"].items()))
                lines.append(f"{{{labels}}} {sample['value'][1]} {self.end * 1000}")
            return lines
        raise ValueError(f"variable function {function}")

    @staticmethod
    def _filter(variable, lines):
        """[(value, text)], as the variable's regex cuts them out."""
        if not variable["regex"]:
            return [(line, line) for line in lines]
        pattern = re.compile(variable["regex"].strip("/").replace("(?<", "(?P<"))
        found = {}
        for match in filter(None, map(pattern.search, lines)):
            named = match.groupdict()
            value = named.get("value") or match.group(1)
            found.setdefault(value, named.get("text") or value)
        return list(found.items())

    def fill(self, text, **more):
        known = {"__range": f"{self.end - self.start}s", "__range_s": str(self.end - self.start), **self.values, **more}

        def value(match):
            name = match.group(1) or match.group(2)
            if name not in known:
                raise KeyError(f"unknown variable ${name} in {text}")
            return known[name]

        return VARIABLE.sub(value, text)

    def step(self, target):
        raw = max((self.end - self.start) / PANEL_WIDTH, self.scrape)
        nice = next(step for step in NICE_STEPS if step >= raw)
        return max(nice, seconds(self.fill(target["interval"])) if "interval" in target else 0)

    def expression(self, target):
        step = self.step(target)
        least = seconds(self.fill(target["interval"])) if "interval" in target else self.scrape
        rate = max(step + least, 4 * least)
        return self.fill(target["expr"], __interval=f"{step}s", __rate_interval=f"{rate}s")

    def run(self, target):
        """[(labels, {time: value})]"""
        expression = self.expression(target)
        if target["instant"]:
            answer = self.prometheus.instant(expression, self.end)
            return [(series["metric"], {int(series["value"][0]): float(series["value"][1])}) for series in answer]
        step = self.step(target)
        start, end = self.start // step * step, self.end // step * step
        answer = self.prometheus.range(expression, start, end, step)
        return [(series["metric"], {int(at): float(value) for at, value in series["values"]}) for series in answer]

    def panel(self, id):
        """refId -> series"""
        panel = next(panel for panel in panels_of(self.dashboard) if panel["id"] == id)
        return {target["refId"]: self.run(target) for target in panel["targets"]}

    def series(self, id):
        """Those of all queries of a panel."""
        return [series for found in self.panel(id).values() for series in found]

    def single(self, id, ref="A"):
        """The one value of an instant query; None without one."""
        series = self.panel(id)[ref]
        if not series:
            return None
        ((_, values),) = series
        ((_, value),) = values.items()
        return value
