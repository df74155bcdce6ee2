"""README's Python runs as it stands, and what it links to is there."""

import doctest
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def test_the_python_of_readme_runs(monkeypatch):
    monkeypatch.chdir(ROOT)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    test = doctest.DocTestParser().get_doctest(code, {}, "README.md", "README.md", 0)
    output = []
    doctest.DocTestRunner(verbose=False).run(test, out=output.append)
    assert len(test.examples) > 10
    assert not output, "".join(output)


def test_every_page_links_to_what_is_there():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page}: {link}"


def test_readme_is_short():
    assert len(README.splitlines()) <= 120
