"""The tables one may ask, with their row counts and columns. View only; UI thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual.message import Message
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from tui.text import safe_str, si

if TYPE_CHECKING:
    from engine.stats import TableInfo

NAME_WIDTH = 18
COUNT_WIDTH = 5
TYPE_WIDTH = 7


class TableTree(Tree[str]):
    """Tables, each with its columns beneath. A node carries the name that goes into the query."""

    ICON_NODE = "▸ "
    ICON_NODE_EXPANDED = "▾ "

    class NamePicked(Message):
        """The user wants this column in the query."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name
            """Outside text, unquoted."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(Text("tables"), id=id)
        self.show_root = False
        self.show_guides = False
        self.guide_depth = 2
        self._outline: list[tuple[str, list[tuple[str, str]]]] = []

    def show_tables(self, tables: Sequence[TableInfo]) -> None:
        """Show these tables. Where only counts changed, what is unfolded and the cursor stay."""
        outline = [(table.name, [(name, kind) for name, kind in table.columns]) for table in tables]
        if outline != self._outline:
            self._outline = outline
            self._rebuild()
        if self.cursor_line < 0 and tables:
            self.cursor_line = 0
        for node, table in zip(self.root.children, tables, strict=True):
            count = si(table.row_count)
            node.set_label(_label(table.name, NAME_WIDTH, f"{count:>{COUNT_WIDTH}}"))

    def _rebuild(self) -> None:
        unfolded = {node.data for node in self.root.children if node.is_expanded}
        self.clear()
        self.root.expand()
        for name, columns in self._outline:
            node = self.root.add(_label(name, NAME_WIDTH, ""), data=name, expand=name in unfolded)
            for column, kind in columns:
                node.add_leaf(_label(column, NAME_WIDTH - 2, kind.lower()), data=column)

    def on_tree_node_selected(self, event: Tree.NodeSelected[str]) -> None:
        event.stop()
        node: TreeNode[str] = event.node
        if not node.allow_expand and node.data is not None:
            self.post_message(self.NamePicked(node.data))


def _label(name: str, width: int, aside: str) -> Text:
    shown = safe_str(name, width)
    label = Text(no_wrap=True).append(shown)
    label.pad_right(max(width - label.cell_len, 0))
    return label.append(f" {safe_str(aside, TYPE_WIDTH)}", "dim")
