#!/usr/bin/env python3
"""Asks a secured exporter with headless Chromium, as a person with a certificate and a password would, and as others would.

    apt-get install chromium libnss3-tools
    tests/page/secured.py [PROGRAM]

PROGRAM is the binary, by default target/debug/wolkvox-exporter. As root: Chromium takes its choice of a certificate from a policy of
the machine, which is laid over /etc/chromium in a mount namespace of this test's own and goes with it.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/documents"))

import day

POLICIES = pathlib.Path("/etc/chromium/policies")


def call(*command, cwd, **options):
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, **options).stdout


class Authority:
    """One that signs, with what it has signed beside it in a folder."""

    NEW = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc")

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        call(*self.NEW, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt", cwd=folder)

    def issue(self, name):
        call(*self.NEW, "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
             "-CA", f"{self.name}.crt", "-CAkey", f"{self.name}.key", "-keyout", f"{name}.key", "-out", f"{name}.crt", cwd=self.folder)
        call("openssl", "pkcs12", "-export", "-in", f"{name}.crt", "-inkey", f"{name}.key", "-passout", "pass:", "-out", f"{name}.p12",
             cwd=self.folder)


class Browser:
    """A profile that trusts one authority and has at most one certificate."""

    def __init__(self, folder, trusted, identity):
        self.home = folder / f"home-{trusted}-{identity}"
        store = self.home / ".pki/nssdb"
        store.mkdir(parents=True)
        call("certutil", "-N", "-d", f"sql:{store}", "--empty-password", cwd=folder)
        if trusted:
            call("certutil", "-A", "-d", f"sql:{store}", "-n", trusted, "-t", "C,,", "-i", f"{trusted}.crt", cwd=folder)
        if identity:
            call("pk12util", "-i", f"{identity}.p12", "-d", f"sql:{store}", "-W", "", cwd=folder)

    def page(self, url):
        return call("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={self.home}/profile", "--dump-dom", url,
                    cwd=self.home, env={**os.environ, "HOME": str(self.home)}, timeout=60)


def main(program):
    choice = {"AutoSelectCertificateForUrls": [json.dumps({"pattern": "https://localhost", "filter": {}})]}
    POLICIES.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "policies", POLICIES], check=True)
    (POLICIES / "managed").mkdir()
    (POLICIES / "managed/secured.json").write_text(json.dumps(choice))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        ours, theirs = Authority(folder, "ours"), Authority(folder, "theirs")
        for authority, name in ((ours, "web"), (ours, "ana"), (theirs, "eva")):
            authority.issue(name)
        hashed = call("htpasswd", "-niB", "ana", cwd=folder, input="secret").strip().replace(":", ": ", 1)
        (folder / "web.yml").write_text(
            "tls_server_config: {cert_file: web.crt, key_file: web.key, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ours.crt}\n"
            f"basic_auth_users:\n  {hashed}\n")
        (folder / "token").write_text(day.TOKEN)
        port, probes = day.free_port(), day.free_port()
        command = [program, "--wolkvox.server", "0042", "--wolkvox.token-file", "token", "--web.config.file", "web.yml",
                   "--web.listen-address", f"127.0.0.1:{port}", "--web.probe-address", f"127.0.0.1:{probes}"]
        exporter = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        problems = []
        try:
            day.wait_for("the exporter", lambda: day.answers(probes) == b"ready\n")
            page, metrics, open_ = "wv0042", "wolkvox_exporter_build_info{", "healthy"
            for who, browser, user, path, sees in (
                ("with both", Browser(folder, "ours", "ana"), "ana:secret@", "/", page),
                ("with both", None, "ana:secret@", "/metrics", metrics),
                ("with both", None, "ana:wrong@", "/metrics", None),
                ("with a certificate alone", None, "", "/", None),
                ("with a certificate alone", None, "", "/-/healthy", open_),
                ("with a password alone", Browser(folder, "ours", None), "ana:secret@", "/", None),
                ("with a password alone", None, "", "/-/healthy", None),
                ("with somebody else's certificate", Browser(folder, "ours", "eva"), "ana:secret@", "/", None),
                ("without knowing the server", Browser(folder, None, "ana"), "ana:secret@", "/", None),
            ):
                browser = used = browser or used
                shown = browser.page(f"https://{user}localhost:{port}{path}")
                seen = [text for text in (page, metrics, open_) if text in shown]
                print(f"  {who}, {user or 'nobody '}{path}: {seen or 'nothing'}", flush=True)
                if not (sees in seen if sees else not seen):
                    problems.append(f"{who}, {user}{path}: {seen} and not {sees}: {shown[:300]}")
        finally:
            day.end(exporter)
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(bool(problems))


if __name__ == "__main__":
    program = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/debug/wolkvox-exporter").resolve()
    if os.environ.get("SECURED_PY_ALONE") is None:
        os.execvpe("unshare", ["unshare", "--mount", sys.executable, __file__, str(program)], {**os.environ, "SECURED_PY_ALONE": "1"})
    main(program)
