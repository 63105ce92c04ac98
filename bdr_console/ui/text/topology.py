"""The mesh of up to six nodes drawn: boxes, a line for each pair, and the way the clients take. Pure."""

from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.replication import Link, LinkState
from bdr_console.cluster.snapshot import present
from bdr_console.cluster.text import clean
from bdr_console.cluster.traffic import Traffic, takers_of, traffic
from bdr_console.cluster.verdict.findings import Level
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.text.mesh import link_cell, node_cell
from bdr_console.ui.text.words import level_symbol, level_tone
from bdr_console.ui.theming.styles import Glyphs, Styles, Tone

_PLAIN, _DOUBLE, _ASCII, _ASCII_DOUBLE = "┌─┐│└┘", "╔═╗║╚╝", "+-+|++", "#=####"
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille character, by row and column of its eight dots."""


class Canvas:
    """`width` x `height` cells; what is drawn later covers what was there."""

    def __init__(self, width: int, height: int, glyphs: Glyphs) -> None:
        self.width, self.height = width, height
        self.ascii_only = glyphs.ascii_only
        self._cells: dict[tuple[int, int], tuple[str, Tone]] = {}
        self._dots: dict[tuple[int, int], int] = {}

    def put(self, x: int, y: int, text: str, tone: Tone = Tone.PLAIN) -> None:
        """Text from (x, y) to the right; what lies outside is cut off. A wide character takes two cells."""
        for character in clean(text):
            size = cell_len(character)
            if x >= 0 and x + size <= self.width and 0 <= y < self.height:
                self._cells[x, y] = (character, tone)
                for beside in range(x + 1, x + size):
                    self._cells[beside, y] = ("", tone)
            x += size

    def box(
        self,
        x: int,
        y: int,
        width: int,
        lines: list[tuple[str, Tone]],
        *,
        title: str = "",
        double: bool = False,
        tone: Tone = Tone.PLAIN,
    ) -> None:
        """A frame of `width` cells around `lines`, double for what matters most."""
        left, flat, right, side, low_left, low_right = tuple(self._frame(double=double))
        top = left + (f"{flat} {title} " if title else "")
        self.put(x, y, top + flat * (width - 1 - cell_len(top)) + right, tone)
        for row, (text, meaning) in enumerate(lines, start=1):
            self.put(x, y + row, side, tone)
            self.put(x + 1, y + row, set_cell_size(f" {text}", width - 2), meaning)
            self.put(x + width - 1, y + row, side, tone)
        self.put(x, y + len(lines) + 1, low_left + flat * (width - 2) + low_right, tone)

    def _frame(self, *, double: bool) -> str:
        if self.ascii_only:
            return _ASCII_DOUBLE if double else _ASCII
        return _DOUBLE if double else _PLAIN

    def line(self, start: tuple[float, float], end: tuple[float, float], tone: Tone) -> None:
        """A straight line of dots between the middles of two cells."""
        (x0, y0), (x1, y1) = start, end
        steps = max(1, round(max(abs(x1 - x0) * 2, abs(y1 - y0) * 4)))
        for step in range(steps + 1):
            x, y = x0 + (x1 - x0) * step / steps, y0 + (y1 - y0) * step / steps
            self._dot(x, y, tone)

    def _dot(self, x: float, y: float, tone: Tone) -> None:
        place = (int(x), int(y))
        if not (0 <= place[0] < self.width and 0 <= place[1] < self.height):
            return
        if self.ascii_only:
            self._cells[place] = (".", tone)
            return
        bit = _DOTS[int((y - place[1]) * 4)][int((x - place[0]) * 2)]
        self._dots[place] = self._dots.get(place, 0) | bit
        self._cells[place] = (chr(0x2800 + self._dots[place]), tone)

    def texts(self, styles: Styles | None) -> list[Text]:
        """The drawing, line by line."""
        found = []
        for y in range(self.height):
            text = Text(no_wrap=True, end="")
            for x in range(self.width):
                character, tone = self._cells.get((x, y), (" ", Tone.PLAIN))
                text.append(character, styles[tone] if styles and character != " " else "")
            text.rstrip()
            found.append(text)
        return found


MOST_NODES = 6
_PLACES: dict[int, tuple[tuple[float, float], ...]] = {
    1: ((0.5, 0.5),),
    2: ((0.0, 0.25), (1.0, 0.25)),
    3: ((0.0, 0.0), (1.0, 0.0), (0.5, 1.0)),
    4: ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)),
    5: ((0.5, 0.0), (1.0, 0.42), (0.84, 1.0), (0.16, 1.0), (0.0, 0.42)),
    6: ((0.22, 0.0), (0.78, 0.0), (1.0, 0.5), (0.78, 1.0), (0.22, 1.0), (0.0, 0.5)),
}
"""Where the nodes stand, as shares of the room, always in the order of the configuration."""
_LABELLED = 4
"""With more nodes than this only what is not in step has a label: the lines would be covered."""
_FRONT_LINES = 3


@dataclass(frozen=True, slots=True)
class _Box:
    x: int
    y: int
    width: int
    height: int

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    def edge_towards(self, other: "_Box") -> tuple[float, float]:
        """Where the line to the other box's middle leaves this box, one cell outside."""
        (x, y), (to_x, to_y) = self.middle, other.middle
        dx, dy = to_x - x, to_y - y
        across = (self.width / 2 + 0.5) / abs(dx) if dx else 9.0
        down = (self.height / 2 + 0.5) / abs(dy) if dy else 9.0
        share = min(across, down, 0.5)
        return x + dx * share, y + dy * share


def fits(nodes: int, width: int, height: int) -> bool:
    """Whether a drawing of that many nodes can be read in that room."""
    return 1 <= nodes <= MOST_NODES and width >= (64 if nodes <= 4 else 72) and height >= _least_height(nodes)


def _least_height(nodes: int) -> int:
    return {1: 12, 2: 12, 3: 18, 4: 20}.get(nodes, 26)


def draw(judged: JudgedSnapshot, width: int, height: int) -> Canvas | None:
    """The whole way from the poolers to the nodes; None where it does not fit."""
    shown = [n for n in judged.snapshot.nodes if not (n.facts and (n.facts.is_control or n.facts.shards))]
    if not fits(len(shown), width, height):
        return None
    canvas = Canvas(width, height, judged.glyphs)
    seen = traffic(judged.snapshot, judged.now)
    boxes, faces = _node_boxes(shown, seen, judged, canvas)
    links = judged.by_key
    names = list(boxes)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    for a, b in pairs:
        _pair(canvas, boxes[a], boxes[b], links.get((b, a)), links.get((a, b)), judged)
    _front(canvas, boxes, seen, judged)
    for a, b in pairs:
        for origin, target in ((a, b), (b, a)):
            if link := links.get((origin, target)):
                _label(
                    canvas, boxes[origin], boxes[target], link, judged, all_of_them=len(names) <= _LABELLED
                )
    for name, box in boxes.items():
        taker = name in seen.takers
        tone = faces[name][0][1] if faces[name][0][1] is not Tone.UP else Tone.PLAIN
        canvas.box(box.x, box.y, box.width, faces[name], title=name, double=taker, tone=tone)
    return canvas


def _node_boxes(
    shown: list[Observed[NodeFacts]], seen: Traffic, judged: JudgedSnapshot, canvas: Canvas
) -> tuple[dict[str, _Box], dict[str, list[tuple[str, Tone]]]]:
    """Where each node's box stands, and what is in it."""
    faces = {node.name: _face(node, seen, judged) for node in shown}
    widest = max(
        max(cell_len(name) + 2, *(cell_len(text) for text, _ in face)) for name, face in faces.items()
    )
    size = (min(widest + 4, canvas.width // 3), len(next(iter(faces.values()))) + 2)
    top = _front_height(judged) + (2 if judged.snapshot.proxies or judged.snapshot.poolers else 0)
    left, right = 2, canvas.width - size[0] - 2
    spread = min(right - left, 6 * canvas.height)  # a very wide room would pull them apart
    left += (right - left - spread) // 2
    bottom = canvas.height - size[1]
    boxes = {}
    for node, (x, y) in zip(shown, _PLACES[len(shown)], strict=True):
        boxes[node.name] = _Box(left + round(spread * x), top + round((bottom - top) * y), *size)
    return boxes, faces


def _face(node: Observed[NodeFacts], seen: Traffic, judged: JudgedSnapshot) -> list[tuple[str, Tone]]:
    """State, sessions and traffic of one node, in three lines."""
    state = node_cell(node.name, judged)
    fresh = node.facts is not None and node.is_fresh(judged.now, judged.snapshot.refresh)
    sessions = node.facts.sessions if node.facts else None
    busy = f"{sessions.total} sess, {sessions.active} active" if sessions else "? sess"
    routes = seen.of(node.name)
    coming = sum(route.sessions for route in routes if route.takes_new)
    left = sum(route.sessions for route in routes) - coming
    if node.name in seen.takers:
        role, tone = f"takes traffic, {coming + left}", Tone.UP
    elif left:
        role, tone = f"{left} sess left", Tone.LAG
    else:
        role, tone = ("traffic ?", Tone.UNKNOWN) if seen.unknown else ("no traffic", Tone.STALE)
    return [
        (state.forms[0], state.tone),
        (busy, Tone.PLAIN if fresh else Tone.STALE),
        (role, tone),
    ]


def _pair(
    canvas: Canvas, a: _Box, b: _Box, to_a: Link | None, to_b: Link | None, judged: JudgedSnapshot
) -> None:
    """The line between two nodes; the half at each end has the tone of what arrives there."""
    there = [link for link in (to_a, to_b) if link is not None and link.state is not LinkState.ABSENT]
    if not there:
        return
    start, end = a.middle, b.middle
    half = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    for link, near in ((to_a, start), (to_b, end)):
        if link is not None and link.state is not LinkState.ABSENT:
            tone = link_cell(link, judged).tone
            canvas.line(near, half, Tone.STALE if tone is Tone.UP else tone)


def _label(
    canvas: Canvas, origin: _Box, target: _Box, link: Link, judged: JudgedSnapshot, *, all_of_them: bool
) -> None:
    """The arrow into the target, and how far behind it is."""
    if link.state is LinkState.ABSENT:
        return
    cell = link_cell(link, judged)
    (x, y), (far_x, far_y) = target.edge_towards(origin), origin.edge_towards(target)
    dx, dy = target.middle[0] - origin.middle[0], target.middle[1] - origin.middle[1]
    arrows = "<>^v" if judged.glyphs.ascii_only else "◀▶▲▼"
    flat = abs(dx) * target.height > abs(dy) * target.width
    arrow = arrows[int(dx > 0)] if flat else arrows[2 + int(dy > 0)]
    broken = link.state in (LinkState.DOWN, LinkState.UNKNOWN) or not link.fresh
    canvas.put(int(x), int(y), cell.forms[-1] if broken else arrow, cell.tone)
    if all_of_them or cell.tone is not Tone.UP:
        text = f" {cell.line(0, 10)} "
        share = 0.24 if flat else 0.3
        at_x, at_y = x + (far_x - x) * share, y + (far_y - y) * share
        canvas.put(round(at_x - cell_len(text) / 2), int(at_y), text, cell.tone)


def _front_height(judged: JudgedSnapshot) -> int:
    listed = max(len(judged.snapshot.poolers), len(_ways(judged)))
    return min(listed, _FRONT_LINES) + 2 if listed else 0


def _ways(judged: JudgedSnapshot) -> list[tuple[str, Tone, str]]:
    """Each backend of each proxy: text, tone, and its name as traffic knows it."""
    found = []
    nodes = present(judged.snapshot, judged.now)
    for proxy in judged.snapshot.proxies:
        if proxy.facts is None or not proxy.is_fresh(judged.now, judged.snapshot.refresh):
            found.append((f"{judged.glyphs.down} {proxy.name} no answer", Tone.BAD, ""))
            continue
        for backend in proxy.facts.backends():
            takers = takers_of(proxy.facts, backend, nodes)
            usable = sum(bool(one.takes) for one in takers)
            level = Level.CRIT if not usable else Level.WARN if usable == 1 < len(takers) else Level.OK
            name = f"{proxy.name}/{backend}"
            text = f"{level_symbol(level, judged.glyphs)} {name}  {usable} of {len(takers)} available"
            found.append((text, level_tone(level), name))
    return found


def _front(canvas: Canvas, boxes: dict[str, _Box], seen: Traffic, judged: JudgedSnapshot) -> None:
    """PgBouncers and HAProxys above the nodes, and a way down to whoever takes new connections."""
    poolers, ways = _pooler_lines(judged), _ways(judged)
    proxies = [(text, tone) for text, tone, _ in ways]
    arrow = "->" if judged.glyphs.ascii_only else "─▶"
    x = 2
    height = _front_height(judged)
    if poolers:
        width = _listed(canvas, x, "PgBouncer", poolers)
        x += width
        if proxies:
            canvas.put(x + 1, height // 2, arrow, Tone.PLAIN)
        x += 4
    if not proxies:
        return
    width = _listed(canvas, x, "HAProxy", proxies)
    out = x + width // 2
    for name in seen.takers:
        if name in boxes:
            _way_down(canvas, out, height, boxes[name], seen, name)


def _way_down(canvas: Canvas, out: int, top: int, box: _Box, seen: Traffic, name: str) -> None:
    """From under the HAProxys to a node's box; behind a box of another row it goes unseen."""
    ascii_only = canvas.ascii_only
    flat, tall, head = ("=", "|", "v") if ascii_only else ("━", "┃", "▼")
    to = int(box.middle[0])
    corner_out, corner_in = "++" if ascii_only else "┗┓" if to > out else "┛┏"
    for x in range(min(out, to), max(out, to) + 1):
        canvas.put(x, top, flat, Tone.UP)
    if to != out:
        canvas.put(out, top, corner_out, Tone.UP)
        canvas.put(to, top, corner_in, Tone.UP)
    for y in range(top + 1, box.y):
        canvas.put(to, y, tall, Tone.UP)
    canvas.put(to, box.y - 1, head, Tone.UP)
    sessions = sum(route.sessions for route in seen.of(name))
    canvas.put(to + 2, box.y - 1, f"{sessions} sess", Tone.UP)


def _listed(canvas: Canvas, x: int, title: str, lines: list[tuple[str, Tone]]) -> int:
    """A box with the first few lines; returns its width."""
    if len(lines) > _FRONT_LINES:
        more = len(lines) - _FRONT_LINES + 1
        lines = [*lines[: _FRONT_LINES - 1], (f"and {more} more", Tone.STALE)]
    widest = max(cell_len(title) + 2, *(cell_len(text) for text, _ in lines))
    width = max(8, min(widest + 4, canvas.width - x - 1))
    canvas.box(x, 0, width, lines, title=title)
    return width


def _pooler_lines(judged: JudgedSnapshot) -> list[tuple[str, Tone]]:
    found = []
    for pooler in judged.snapshot.poolers:
        facts = pooler.facts
        if facts is None or not pooler.is_fresh(judged.now, judged.snapshot.refresh):
            found.append((f"{judged.glyphs.down} {pooler.name} no answer", Tone.BAD))
            continue
        clients = sum(pool.clients_active for pool in facts.pools)
        waiting = sum(pool.clients_waiting for pool in facts.pools)
        tone = Tone.LAG if waiting else Tone.UP
        symbol = judged.glyphs.lag if waiting else judged.glyphs.up
        found.append(
            (f"{symbol} {pooler.name}  {clients} clients" + (f", {waiting} wait" if waiting else ""), tone)
        )
    return found
