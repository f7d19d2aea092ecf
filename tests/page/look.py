#!/usr/bin/env python3
"""Looks at the status page in headless Chromium (Debian: `apt-get install chromium`).

    npm pack axe-core && tar xzf axe-core-*.tgz      # once
    tests/page/look.py FOLDER [package/axe.min.js]

Takes the page in all states from the snapshots of its tests, makes pictures of it in both languages, light and dark,
at three widths, and fails where, at any width from 320 to 1920 px, the page is wider than the window or a word of it
is broken. Texts are as long as they get: dates, millions of rows, technical words without a space. With axe, whose rules
are those of accessibility, it fails too where that finds anything, light and dark, at 400 and 1920 px.
"""

import html
import pathlib
import re
import subprocess
import sys

SNAPSHOTS = pathlib.Path(__file__).parents[2] / "src/web/page/snapshots"
PICTURED = (400, 800, 1280)
AXE_AT = (400, 1920)
# A picture is no longer than Chromium draws it.
LONGEST = 12000
# A zone's name is longer than a line of the narrowest; names may be parted at a hyphen.
BREAKABLE = re.compile(r"[A-Z]\w+/|[a-z]-")
LONGER = {
    "12\u202f050": "123\u202f456\u202f789",
    "tcp connect error: connection timed out": "https://wv0042.wolkvox.com/api/v2/reports_manager.php?" + "x" * 200,
    ">13:35:00 –<": ">2026-01-17 13:35:00 –<",
    ">14:34:59<": ">2026-01-17 14:34:59<",
}
MEASURE = """<pre>%s</pre><script>
async function measure(width) {
  const frame = document.createElement("iframe");
  frame.style.cssText = `border:0;width:${width}px;height:600px`;
  frame.src = "%s";
  document.body.append(frame);
  await new Promise(loaded => frame.onload = loaded);
  const page = frame.contentDocument, found = [];
  const wider = page.documentElement.scrollWidth - width;
  if (wider > 0) found.push(`${width} wider ${wider}`);
  const texts = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    if (text.parentElement.closest(".technical")) continue;
    for (const word of text.data.matchAll(/[^ \\n\\u00a0]+/g)) {
      const range = page.createRange();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
      if (lines.size > 1) found.push(`${width} broken ${word[0]}`);
    }
  }
  frame.remove();
  return found;
}
(async () => {
  let found = [];
  for (const width of [400, 800, 1280]) {
    const frame = document.createElement("iframe");
    frame.style.cssText = `border:0;width:${width}px;height:600px`;
    frame.src = "%s";
    document.body.append(frame);
    await new Promise(loaded => frame.onload = loaded);
    found.push(`height ${frame.contentDocument.documentElement.scrollHeight}`);
    frame.remove();
  }
  for (let width = 320; width <= 1920; width += width < 1000 ? 10 : 80) found = found.concat(await measure(width));
  document.querySelector("pre").textContent = ["measured", ...found].join("\\n");
})();
</script>"""


AXE = """<pre>unfinished</pre><iframe id="page" src="%s" style="border:0;width:%dpx;height:900px"></iframe><script>
document.querySelector("iframe").onload = async event => {
  const frame = event.target.contentWindow;
  const script = frame.document.createElement("script");
  script.src = "%s";
  frame.document.head.append(script);
  await new Promise(loaded => script.onload = loaded);
  const { violations } = await frame.axe.run(frame.document);
  const lines = violations.map(each => `${each.id}: ${each.help}: ${each.nodes.length} times, first ${each.nodes[0].target}`);
  document.querySelector("pre").textContent = ["looked", ...lines].join("\\n");
};
</script>"""


def chromium(profile, *arguments):
    # As root, and without the browser's own calls home.
    quiet = "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update"
    command = ["chromium", "--headless", *quiet.split(), "--disable-sync", "--allow-file-access-from-files"]
    command += ["--hide-scrollbars", f"--user-data-dir={profile}", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


def longer(source):
    for short, long in LONGER.items():
        assert short in source, f"the snapshot no longer has {short!r}"
        source = source.replace(short, long)
    return source


def said(dom):
    return html.unescape(re.search("<pre>(.*?)</pre>", dom, re.DOTALL)[1]).split("\n")


def main(folder, axe=None):
    folder.mkdir(parents=True, exist_ok=True)
    profile, troubles = folder / "profile", []
    patient = ("--window-size=2000,900", "--virtual-time-budget=120000", "--dump-dom")
    for snapshot in sorted(SNAPSHOTS.glob("*_in_*.snap")):
        name = re.search("tests__(.*)", snapshot.stem)[1]
        source = snapshot.read_text().split("---\n", 2)[2].replace(">\n<", "><")
        (folder / "long.html").write_text(longer(source) if "all_states" in name else source)
        measuring = folder / "measure.html"
        measuring.write_text(MEASURE % ("unfinished", "long.html", "long.html"))
        first, *found = said(chromium(profile, *patient, measuring.as_uri()))
        assert first == "measured", first
        heights, found = found[: len(PICTURED)], found[len(PICTURED) :]
        for scheme in ("light", "dark"):
            page = folder / f"{name}-{scheme}.html"
            page.write_text(source.replace("(prefers-color-scheme: dark)", "all" if scheme == "dark" else "not all"))
            for width, height in zip(PICTURED, (int(height.split()[1]) for height in heights)):
                for part in range(-(-height // LONGEST)):
                    # A window of Chromium is at least 500 px wide, a frame in it is as narrow as one likes.
                    frame = folder / "frame.html"
                    style = f"border:0;width:{width}px;height:{height}px;margin-top:{-part * LONGEST}px"
                    frame.write_text(f'<body style="margin:0"><iframe src="{page.name}" style="{style}">')
                    size = f"--window-size={max(width, 500)},{min(height - part * LONGEST, LONGEST)}"
                    picture = folder / f"{name}-{scheme}-{width}-{part + 1}.png"
                    chromium(profile, size, f"--screenshot={picture}", frame.as_uri())
            for width in AXE_AT if axe else ():
                looking = folder / "axe.html"
                looking.write_text(AXE % (page.name, width, axe.as_uri()))
                first, *objections = said(chromium(profile, *patient, looking.as_uri()))
                assert first == "looked", first
                troubles += [f"{name} {scheme} {width}: axe: {objection}" for objection in objections]
        troubles += [f"{name}: {line}" for line in found if not BREAKABLE.search(line)]
    print("\n".join(troubles) or f"no word is broken, nothing is wider than the window; the pictures are in {folder}")
    return 1 if troubles else 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(*(pathlib.Path(argument).resolve() for argument in sys.argv[1:])))
