"""Reads an HTML page by the standard library's parser."""

from html.parser import HTMLParser

VOID = {"meta", "link", "img", "input", "br", "hr"}


class PageReader(HTMLParser):
    """Elements, addresses and texts of a page; it fails on tags that do not nest.

    Attributes: `elements` are (tag, attributes); `addresses` all that a browser could
    ask for; `texts` what stands outside of scripts and styles; `code` what is inside.
    """

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.elements, self.addresses, self.texts, self.code = [], [], [], []
        self.open = []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        for name in ("src", "href", "srcset", "action", "data", "poster", "formaction"):
            if name in attributes:
                self.addresses.append(attributes[name])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes another tag"

    def handle_data(self, data):
        inside = self.open[-1] if self.open else ""
        (self.code if inside in ("script", "style") else self.texts).append(data)

    def all(self, tag: str) -> list[dict]:
        """The attributes of every element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        """All text, with single spaces."""
        return " ".join(" ".join(self.texts).split())
