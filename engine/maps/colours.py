"""The colours of groups, as the screen, pictures and sprites show them. Immutable data, any thread."""

from __future__ import annotations

from typing import Final

GROUP_COLOURS: Final = (
    ("orange", "#E69F00", "#A86F00"),
    ("sky", "#56B4E9", "#1B7FB5"),
    ("green", "#009E73", "#007F5C"),
    ("yellow", "#F0E442", "#7D7500"),
    ("blue", "#3C8BD9", "#005A96"),
    ("vermilion", "#E0662B", "#C04A00"),
    ("purple", "#CC79A7", "#A9487D"),
    ("grey", "#B4B9BF", "#50565C"),
)
"""Name, colour on a dark ground and colour on a light one, by group. The palette of Okabe and Ito in its order, which
people of every colour vision tell apart. Its first, black, does not show on a dark ground: it comes last, as grey. Blue
is lifted on dark for the same reason; on light the bright ones are darkened until they can be read."""
