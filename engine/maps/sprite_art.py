"""The sprites as they were drawn: text, a character a pixel. Immutable data, any thread.

`.` lets the floor through and `,` is its speck; `1 2 3` are the thing's own colour, its shade and its light; all
other letters are paints. Each sprite has two drawings: 8 x 8 pixels, and beside it 4 x 4 for small cells.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

PAINTS: Final = MappingProxyType(
    {
        "k": "#0B0D10",
        "w": "#E8ECF0",
        "s": "#9AA4AF",
        "m": "#7C8793",
        "d": "#586470",
        "D": "#39424C",
        "y": "#F2C14E",
        "o": "#B47E1E",
        "b": "#C08A5A",
        "B": "#7A5232",
        "r": "#E0503F",
        "R": "#8E2B22",
        "u": "#4F9BE8",
        "U": "#25598F",
        "n": "#4FB368",
        "p": "#A58BEA",
        "P": "#5F479F",
        "c": "#7FDDE8",
        "i": "#BFE9FF",
    }
)
"""Letter -> colour, the same on every ground."""

OWN_COLOURS: Final = MappingProxyType(
    {"red": "#E0503F", "blue": "#4F9BE8", "green": "#4FB368", "left": "#4F9BE8", "right": "#4F9BE8"}
)
"""What `1` is for a kind whose name ends so, as `mine_red` does."""

BASE_COLOURS: Final = MappingProxyType({"mine": "#E0A458", "generator": "#A58BEA", "trap": "#E8842C"})
"""What `1` is for a kind without a colour in its name; for all others it is `PLAIN`."""
PLAIN: Final = "#B9C2CC"

_DRAWN: Final = """
empty
........  ....
........  ....
........  ....
...,....  ..,.
........
........
........
........

wall
ssssDsss  ssDs
mmmmDmmm  ddDd
mmmmDmmm  Dsss
DDDDDDDD  Dddd
sDssssss
mDmmmmmm
mDmmmmmm
DDDDDDDD

altar
...yy...  .yy.
..yyyy..  ssss
...oo...  .mm.
.ssssss.  .dd.
..mmmm..
..mmmm..
.mmmmmm.
.dddddd.

mine
........  .ss.
...ss...  s1ms
..sssm..  1sm1
.s11smm.  dddd
.s13smm.
ssssm11m
s1ssm13d
dddddddd

generator
.222222.  2222
.211112.  21y2
.211yy2.  2y12
.21yy12.  2222
.2yyyy2.
.21yy12.
.2yy112.
.222222.

chest
........  BBBB
.BBBBBB.  bbbb
BbbbbbbB  ByyB
BbbbbbbB  bbbb
BBByyBBB
BbbyybbB
BbbbbbbB
BBBBBBBB

converter
PPPPPPPP  PPwP
PpppwppP  wwww
PpppwwpP  wwww
PwwwwwwP  PPwP
PwwwwwwP
PpppwwpP
PpppwppP
PPPPPPPP

lab
..ssss..  .ss.
...ss...  .ss.
...ss...  snns
..s..s..  snns
.s.nn.s.
.snnnns.
snnnnnns
.ssssss.

armory
.ssssss.  suus
suuuuuus  uwwu
suuwwuus  suus
suwwwwus  .ss.
suuwwuus
.suwwus.
..suus..
...ss...

lasery
........  ....
.....r..  dssr
dddddd.r  dddr
dsssssrr  dd..
dddddd.r
.dsd.r..
.dsd....
.ddd....

factory
.....s..  ..s.
....s...  B.d.
.B..dd..  dddd
.BB.dd..  dydy
dddddddd
dyydyydd
dddddddd
dyydyykd

temple
...yy...  .yy.
..yyyy..  oooo
.yyyyyy.  s..s
oooooooo  s..s
.s.ss.s.
.s.ss.s.
.s.ss.s.
ssssssss

block
BBBBBBBB  BbbB
BBbbbbBB  bBBb
BbBbbBbB  bBBb
BbbBBbbB  BbbB
BbbBBbbB
BbBbbBbB
BBbbbbBB
BBBBBBBB

goal
.syyyy..  syy.
.syyyyy.  syyy
.syyyyyy  syy.
.syyyyy.  s...
.syyyy..
.s......
.s......
sss.....

switch
........  ....
........  .yy.
..yyyy..  oooo
.yyyyyy.  dddd
.oooooo.
ssssssss
smmmmmms
dddddddd

cue_left
........  .1..
...1....  1111
..11....  1111
.111111.  .1..
.111111.
..11....
...1....
........

cue_right
........  ..1.
....1...  1111
....11..  1111
.111111.  ..1.
.111111.
....11..
....1...
........

cue
...11...  .11.
..1331..  1331
.133311.  1111
11311111  .22.
11111112
.111112.
..1122..
...22...

door
.222222.  2222
21111112  2112
21211212  211y
21111112  2112
211111y2
21111112
21211212
21111112

trap
........  1..1
.1....1.  .11.
.11..11.  .11.
..1111..  1..1
...11...
..1111..
.11..11.
.1....1.

unknown
.ssssss.  mmm.
s..mm..s  ..s.
s.m..m.s  .s..
s....m.s  .s..
s...m..s
s......s
s...m..s
.ssssss.

agent
........  .11.
..1111..  1111
.111111.  1111
.1k11k1.  .22.
.1w11w1.
.111111.
..2222..
........

agent north
...33...  .33.
..1331..  1331
.1k11k1.  1111
.1w11w1.  .22.
.111111.
.111111.
..2222..
........

agent south
........  .11.
..1111..  1111
.111111.  1331
.111111.  .33.
.1w11w1.
.1k11k1.
..1331..
...33...

agent east
........  .11.
..1111..  1133
.111wk1.  1133
.1111133  .22.
.1111133
.111wk1.
..2222..
........

agent northeast
......33  .133
..111133  1133
.11k113.  1111
.11w11k.  .22.
.1111w1.
.111111.
..2222..
........

agent southeast
........  .11.
..1111..  1111
.111111.  1133
.1111w1.  .233
.11w11k.
.11k113.
..222233
......33

arrow north
........  .11.
...11...  1..1
..1111..  ....
.111111.  ....
...11...
...11...
...11...
........

arrow northwest
........  111.
.11111..  1...
.1111...  1...
.1111...  ....
.11.11..
.1...1..
........
........

dot
........  ....
........  .11.
........  .11.
...11...  ....
...11...
........
........
........

path
........  ....
........  .1..
..1.....  ....
........  ...1
........
.....1..
........
........
"""

SELECTED: Final = ("ww....ww/w......w/......../......../......../......../w......w/ww....ww", "w..w/..../..../w..w")
"""Laid over the agent that is looked at."""
SHIELD: Final = ("..cccc../.c....c./c......c/c......c/c......c/c......c/.c....c./..cccc..", "c..c/..../..../c..c")
"""Laid over an agent whose shield is up."""
FROZEN: Final = ("..iiii../.iiiiii./.i.ii.i./....i.../......../......../i......i/.iiiiii.", "iiii/i..i/..../i..i")
"""Snow on an agent that cannot act."""


def _drawings(text: str) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Name -> rows of the large drawing, rows of the small one."""
    drawings = {}
    for block in text.strip("\n").split("\n\n"):
        name, *lines = block.split("\n")
        pairs = [line.split() for line in lines]
        drawings[name] = (tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs[:4]))
    return drawings


DRAWINGS: Final = MappingProxyType(_drawings(_DRAWN))
