"""What a reader's hands meet in a browser, from a folder on a disk: copying, ticking, contents."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from drillbook.errors import HarnessError
from drillbook.sandboxes import servers, stack
from drillbook.site import axe
from tests import marks_sample
from tests.conftest import ROOT
from tests.test_marks import sample

LONG = "echo one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
BRANCHES = "\n".join(f'  A --> B{number}["the branch of number {number}"]' for number in range(9))
DRAWING = f"""\
```{{mermaid}}
:alt: One question with nine answers.

flowchart TD
  A{{"which one?"}}
{BRANCHES}
```"""
STEPS = f"""\
---
owner: docs
review-cycle: monthly
last-reviewed: 2026-11-01
stack: [ops]
---

# Steps

## Act

### 1. Look

```{{code-block}} console
:name: look

$ {LONG} \\
    && echo "b  c"
one two three four five six seven eight nine ten eleven twelve thirteen fourteen
b  c
$ echo last
last
```

### 2. What does damage

```{{code-block}} console
:name: wrong
:class: damage

$ echo gone
gone
```

```text
Only shown.
```

## Read

### 3. No command

{DRAWING}

```{{toctree}}
:hidden:

below
```
"""
HEAD = "---\nowner: docs\nreview-cycle: monthly\nlast-reviewed: 2026-11-01\nstack: []\n---\n\n"
# Runs after the page's own scripts: presses every button, ticks a step, comes back later.
PROBE = """
<script>
const say = (found) => {
  const out = document.createElement("template");
  out.id = "probe";
  out.setAttribute("data-found", JSON.stringify(found));
  document.body.append(out);
};
window.addEventListener("load", () => setTimeout(() => {
  const boxes = [...document.querySelectorAll(".db-done input")];
  if (!sessionStorage.getItem("came")) {
    sessionStorage.setItem("came", "yes");
    boxes[0].click();
    location.reload();
    return;
  }
  const copied = {};
  const buttons = [...document.querySelectorAll("button.copybtn")];
  let last = null;
  document.execCommand = () => {
    last = [...document.querySelectorAll("textarea")].at(-1).value;
    return true;
  };
  for (const button of buttons) {
    button.click();
    copied[button.getAttribute("aria-label")] = last;
  }
  const toc = document.querySelector(".toc-drawer").getBoundingClientRect();
  const size = buttons[0].getBoundingClientRect();
  const pre = document.querySelector("#snippet-look pre");
  const drawing = document.querySelector(".dg");
  const root = [...drawing.querySelectorAll("g.node")].map((node) => node.getBoundingClientRect())
    .sort((one, other) => one.top - other.top)[0];
  const box = drawing.getBoundingClientRect();
  const svg = drawing.querySelector(":scope > div > svg");
  say({
    root: drawing.scrollWidth > drawing.clientWidth && root.left >= box.left
      && root.right <= box.right,
    label: parseFloat(getComputedStyle(drawing.querySelector("text, foreignObject *")).fontSize)
      * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width,
    copied,
    seen: buttons.map((button) => getComputedStyle(button).opacity),
    size: [size.width, size.height],
    steps: boxes.map((box) => [box.getAttribute("aria-label"), box.checked]),
    contents: toc.width > 0 && toc.right <= innerWidth,
    wide: document.documentElement.scrollWidth > innerWidth,
    scrolling: getComputedStyle(document.documentElement).scrollBehavior,
    width: innerWidth,
    wrapped: getComputedStyle(pre).whiteSpace,
    output: getComputedStyle(pre.querySelector(".go")).whiteSpace,
  });
}, 500));
</script>
"""


def chromium() -> Path:
    try:
        return servers.find(stack.load(ROOT).programs["chromium"], os.environ) / "chromium"
    except HarnessError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample book, built with the real book's settings, and a page with steps."""
    book = sample(tmp_path_factory.mktemp("reading") / "book")
    book.put("source/runbooks/steps.md", STEPS)
    index = book.root / "source/index.md"
    index.write_text(index.read_text() + "\n```{toctree}\nrunbooks/steps\nrunbooks/after\n```\n")
    book.put("source/runbooks/below.md", HEAD + "# Below the steps\n\nA page.\n")
    book.put("source/runbooks/after.md", HEAD + "# After\n\n## One\n\nText.\n\n## Two\n\nText.\n")
    marks_sample.write(book.root / "build", book.plan())
    assert book.build("html") == 0, book.warnings
    path = book.root / "build/html/runbooks/steps.html"
    path.write_text(path.read_text(encoding="utf-8").replace("</body>", PROBE + "</body>"))
    return path


def found(site: Path, profile: Path, width: int, *more: str) -> dict[str, Any]:
    command = [
        str(chromium()), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", f"--user-data-dir={profile}", f"--window-size={width},900",
        "--virtual-time-budget=8000", *more, "--dump-dom", site.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    probe = BeautifulSoup(done.stdout, "html.parser").select_one("#probe")
    assert probe is not None, done.stderr[-2000:]
    said: dict[str, Any] = json.loads(str(probe["data-found"]))
    return said


def test_in_a_browser_at_1300_pixels(site: Path, tmp_path: Path) -> None:
    said = found(site, tmp_path, 1300)
    # Each named after its block; in one piece; with a line end, so that two pastes do not join.
    assert said["copied"] == {
        "Copy look on ops": f'{LONG} \\\n    && echo "b  c"\necho last\n',
        "Copy code of: 2. What does damage": "Only shown.\n",
    }
    assert set(said["seen"]) == {"1"}
    # Output keeps its columns where there is room for them.
    assert said["wrapped"] == "pre-wrap"
    assert said["output"] == "pre"
    # Ticked, and the page loaded anew. A section without a command has no box.
    assert said["steps"] == [
        ["Step 1. Look: done", True],
        ["Step 2. What does damage: done", False],
    ]
    assert said["contents"]
    assert not said["wide"]
    assert said["scrolling"] == "auto"


def test_in_a_browser_on_a_phone(site: Path, tmp_path: Path) -> None:
    said = found(site, tmp_path, 500, "--touch-events=enabled")
    assert not said["wide"]
    assert said["output"] == "pre-wrap"
    assert min(said["size"]) >= 44
    assert said["root"]
    assert said["label"] >= 14


def test_a_branch_of_the_tree_of_pages_is_opened_by_keyboard(site: Path) -> None:
    chromium()
    page = site.with_name("after.html").as_uri()
    (seen,) = axe.run(ROOT / "tests/toggles.browser.mjs", {"page": page}, ROOT)
    assert seen == {"before": False, "after": True}


def test_what_does_damage_has_no_copy_button(site: Path) -> None:
    soup = BeautifulSoup(site.read_text(encoding="utf-8"), "html.parser")
    wrong = soup.select_one("#snippet-wrong")
    assert wrong is not None
    assert "db-no-copy" in wrong["class"]
    assert "shown to do damage: not a step of any runbook" in wrong.get_text()
    others = [box for box in soup.select(".db-snippet") if box is not wrong]
    assert others
    assert not any("shown to do damage" in box.get_text() for box in others)
    settings = (site.parents[1] / "_static/copybutton.js").read_text(encoding="utf-8")
    assert re.search(r"COPYBUTTON_SELECTOR = '.*:not\(\.db-no-copy \*\)", settings)
