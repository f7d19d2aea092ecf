"""A scenario's history in a real Prometheus.

    python3 tests/dashboards/stored.py day [--listen 127.0.0.1:9191]

builds the scenario's blocks and serves them until interrupted, for looking at the dashboards by hand.
"""

import argparse
import atexit
import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import scenarios
from history import History

# Three weeks in one block: promtool reads its whole input once for each block.
MAX_BLOCK = "486h"
START_SECONDS = 30


class QueryFailed(Exception):
    pass


class Prometheus:
    def __init__(self, address):
        self.url = f"http://{address}"

    def get(self, path, **parameters):
        """The `data` of an answer of the HTTP API."""
        body = urllib.parse.urlencode([(key.replace("match", "match[]"), value) for key, value in parameters.items()])
        url = f"{self.url}/api/v1/{path}"
        # Queries may be long: POST. Label values can't be asked for that way.
        is_query = path.startswith("query")
        request = urllib.request.Request(url, body.encode()) if is_query else urllib.request.Request(f"{url}?{body}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise QueryFailed(json.load(error).get("error", str(error))) from None

    def instant(self, expression, at):
        return self.get("query", query=expression, time=at)["result"]

    def range(self, expression, start, end, step):
        return self.get("query_range", query=expression, start=start, end=end, step=step)["result"]


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@contextlib.contextmanager
def serve(scenario, address=None, binary=None, history=None, writable=False):
    """(History, Prometheus) with the scenario's samples stored. `binary` (or $PROMETHEUS): another Prometheus; `history`: one
    that is there already; `writable`: takes remote writes, of the past too."""
    address = address or free_address()
    history = history or History(scenario)
    folder = Path(tempfile.mkdtemp(prefix="wolkvox-dashboards-"))
    server = None
    stack = contextlib.ExitStack()
    try:
        text = folder / "samples.om"
        history.write(text)
        subprocess.run(
            [
                "promtool",
                "tsdb",
                "create-blocks-from",
                "openmetrics",
                "--quiet",
                f"--max-block-duration={MAX_BLOCK}",
                str(text),
                str(folder / "data"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        text.unlink()
        past = {"storage": {"tsdb": {"out_of_order_time_window": "100y"}}}
        (folder / "prometheus.yml").write_text(json.dumps(past if writable else {}))
        log = stack.enter_context((folder / "log").open("w+"))
        server = subprocess.Popen(
            [
                binary or os.environ.get("PROMETHEUS", "prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                "--storage.tsdb.retention.time=30y",
                f"--web.listen-address={address}",
                *(["--web.enable-remote-write-receiver"] if writable else []),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        wait_ready(server, address, log)
        yield history, Prometheus(address)
    finally:
        if server:
            server.terminate()
            server.wait()
        stack.close()
        shutil.rmtree(folder, ignore_errors=True)


@functools.cache
def shared(scenario):
    """The same, for the tests of several modules: once, until the process ends."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(serve(scenario))


def wait_ready(server, address, log):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://{address}/-/ready", timeout=1).close()
            return
        time.sleep(0.1)
    log.seek(0)
    raise RuntimeError(f"Prometheus is not ready:\n{log.read()[-2000:]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("scenario", choices=sorted(scenarios.ALL))
    parser.add_argument("--listen", default="127.0.0.1:9191")
    options = parser.parse_args()
    with serve(scenarios.ALL[options.scenario], options.listen) as (history, prometheus):
        print(f"{prometheus.url} holds {options.scenario}, up to {history.scenario.end}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    main()
