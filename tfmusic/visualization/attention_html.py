"""The page that shows attention: HTML, style and script, with places for the data.

The script draws into the page's own SVG and fetches nothing. `DATA` is described in
`attention_page.py`, which fills the places in.
"""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 15px/1.4 system-ui, sans-serif; margin: 1rem; color: #222; }
h1 { font-size: 1.2rem; margin: 0 0 .3rem; }
p { margin: .3rem 0; max-width: 60rem; }
#controls { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; margin: .6rem 0; }
#heads label { margin-right: .7rem; white-space: nowrap; }
#heads b { display: inline-block; width: .8em; height: .8em; border-radius: 50%; }
#scroll { overflow-x: auto; border: 1px solid #bbb; }
#says { min-height: 7em; white-space: pre-line; }
svg { display: block; }
svg:focus-visible { outline: 2px solid #30508f; outline-offset: -2px; }
.black { fill: #f2f2f2; } .label { font-size: 10px; fill: #555; }
.note { opacity: .45; } .token { fill: transparent; cursor: pointer; }
.other { fill: #999; } .token:hover { stroke: #000; }
#chosen { fill: none; stroke: #000; stroke-width: 2; pointer-events: none; }
#arcs path { fill: none; stroke-linecap: round; pointer-events: none; }
#arcs circle { pointer-events: none; }
kbd { border: 1px solid #bbb; border-radius: 3px; padding: 0 .3em; }
</style>
</head>
<body>
<h1>$title</h1>
<p>$about</p>
<div id="controls">
<label>Layer <select id="layer"></select></label>
<span id="heads" role="group" aria-label="Heads"></span>
<label>Links of at least <input id="least" type="range" min="$least" max="50"
 value="$shown" step="0.2"> <output id="least_says"></output></label>
<label><input id="back" type="checkbox"> who looks here, instead</label>
<label>Zoom <input id="zoom" type="range" min="20" max="400" value="90"></label>
</div>
<div id="scroll">
<svg id="roll" tabindex="0" role="img"
 aria-label="Piano roll; arrow keys move to the next token">
<g id="keys"></g><g id="notes"></g><g id="tokens"></g><g id="arcs"></g>
<rect id="chosen"></rect>
</svg>
</div>
<p id="says" aria-live="polite"></p>
<p>Point at a token, or click to keep it. <kbd>←</kbd> <kbd>→</kbd> go from token to
token, <kbd>↑</kbd> <kbd>↓</kbd> from layer to layer, <kbd>1</kbd> to <kbd>9</kbd> show
or hide a head, <kbd>Esc</kbd> lets go.</p>
<script id="data" type="application/json">$data</script>
<script>
"use strict";
const DATA = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const roll = at("roll"), ROW = 8, LEFT = 40, TOP = 40, LANES = 4, LANE = 7;
const told = DATA.notes.map((note) => note[2]);
const lowest = Math.min(60, ...told) - 2, highest = Math.max(60, ...told) + 2;
const floor = TOP + (highest - lowest + 1) * ROW + 6;
const height = floor + LANES * LANE + 24;
const y = (pitch) => TOP + (highest - pitch) * ROW;
const x = (milliseconds) => LEFT + milliseconds / 1000 * Number(at("zoom").value);
let kept = false, token = DATA.token;

// Links: layer, head, query -> where its keys begin in the layer's bytes.
const layers = DATA.layers.map((layer) => {
  if (!layer.links) return null;
  const text = atob(layer.links), bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
  const starts = [];
  for (let head = 0, place = 0; head < layer.heads; head++) {
    starts.push(DATA.tokens.map(() => {
      const start = place;
      place += 1 + 3 * bytes[place];
      return start;
    }));
  }
  return { bytes, starts };
});

function links(layer, head, query) {
  const { bytes, starts } = layers[layer], found = [];
  const start = starts[head][query];
  for (let i = 0, p = start + 1; i < bytes[start]; i++, p += 3) {
    found.push([bytes[p] + 256 * bytes[p + 1], bytes[p + 2] / 255]);
  }
  return found;
}

function linksTo(layer, head, key) {
  const found = [];
  DATA.tokens.forEach((_, query) => links(layer, head, query).forEach(([k, weight]) => {
    if (k === key) found.push([query, weight]);
  }));
  return found;
}

function add(parent, kind, attributes, text) {
  const node = document.createElementNS(roll.namespaceURI, kind);
  for (const name in attributes) node.setAttribute(name, attributes[name]);
  if (text) node.textContent = text;
  parent.append(node);
  return node;
}

// Of each token: left, top, width, height and where its arcs begin.
let boxes = [];
function place() {
  let last = -1, lane = 0;
  boxes = DATA.tokens.map(([, note, start, end]) => {
    if (note < 0) {
      lane = start === last ? (lane + 1) % LANES : 0;
      last = start;
      const top = floor + lane * LANE;
      return [x(start), top, 5, LANE - 1, x(start) + 2, top + 3];
    }
    const top = y(DATA.notes[note][2]), width = Math.max(x(end) - x(start), 4);
    return [x(start), top, width, ROW - 1, x(start) + 2, top + ROW / 2];
  });
}

function box(parent, [left, top, width, height], attributes) {
  return add(parent, "rect", { x: left, y: top, width, height, ...attributes });
}

function draw() {
  place();
  for (const id of ["keys", "notes", "tokens"]) at(id).replaceChildren();
  const width = x(DATA.milliseconds) + 40;
  roll.setAttribute("width", width);
  roll.setAttribute("height", height);
  for (let pitch = lowest; pitch <= highest; pitch++) {
    if ([1, 3, 6, 8, 10].includes(pitch % 12)) {
      box(at("keys"), [LEFT, y(pitch), width, ROW], { class: "black" });
    }
    if (pitch % 12 === 0) {
      const label = { x: 4, y: y(pitch) + ROW, class: "label" };
      add(at("keys"), "text", label, "C" + (pitch / 12 - 1));
    }
  }
  add(at("keys"), "text", { x: 4, y: floor + 8, class: "label" }, "others");
  const seconds = DATA.milliseconds / 1000;
  for (let second = 0; second <= seconds; second++) {
    const label = { x: x(1000 * second), y: height - 6, class: "label" };
    add(at("keys"), "text", label, second + " s");
  }
  for (const [start, end, pitch, voice] of DATA.notes) {
    const size = [x(start), y(pitch), Math.max(x(end) - x(start) - 1, 2), ROW - 1];
    const color = DATA.colors[voice % DATA.colors.length];
    box(at("notes"), size, { class: "note", fill: color, rx: 2 });
  }
  // The first of several tokens of one note is on top.
  for (let i = boxes.length - 1; i >= 0; i--) {
    const other = DATA.tokens[i][1] < 0 ? " other" : "";
    const node = box(at("tokens"), boxes[i], { class: "token" + other });
    node.dataset.token = i;
    add(node, "title", {}, says(i));
  }
  show();
}

function says(i) {
  return DATA.tokens[i][0] + " at " + (DATA.tokens[i][2] / 1000).toFixed(2) + " s";
}

function percent(weight) { return Math.round(100 * weight) + "%"; }

function show() {
  const layer = Number(at("layer").value), least = Number(at("least").value) / 100;
  const back = at("back").checked, lines = [];
  at("least_says").textContent = at("least").value + "%";
  at("arcs").replaceChildren();
  boxes[token].slice(0, 4).forEach((value, i) => {
    at("chosen").setAttribute(["x", "y", "width", "height"][i], value);
  });
  const [, , , , fromX, fromY] = boxes[token];
  for (const input of at("heads").querySelectorAll("input:checked")) {
    const head = Number(input.value);
    const found = back ? linksTo(layer, head, token) : links(layer, head, token);
    const shown = found.filter((link) => link[1] >= least).sort((a, b) => b[1] - a[1]);
    const color = DATA.head_colors[head % DATA.head_colors.length];
    for (const [other, weight] of shown) {
      const [, , , , toX, toY] = boxes[other], above = 8 + Math.abs(fromX - toX) / 5;
      const bend = Math.min(fromY, toY) - Math.min(above, 60) - 3 * (head % 4);
      const aside = Math.abs(fromX - toX) < 20 ? 24 + 4 * head : 0;
      const middle = (fromX + toX) / 2 + aside;
      const points = [fromX, fromY, "Q", middle, bend, toX, toY];
      add(at("arcs"), "path", {
        d: "M" + points.join(" "),
        stroke: color, "stroke-width": 1 + 6 * weight, opacity: 0.35 + 0.65 * weight,
      });
      add(at("arcs"), "circle", { cx: toX, cy: toY, r: 2 + 3 * weight, fill: color });
    }
    const top = shown.slice(0, 3).map(([i, weight]) => says(i) + " " + percent(weight));
    const more = shown.length > 3 ? ", and " + (shown.length - 3) + " more" : "";
    const rest = 1 - shown.reduce((sum, link) => sum + link[1], 0);
    const left = back || rest < 0.01 ? "" : "; not drawn: " + percent(rest);
    lines.push("head " + (head + 1) + ": " + (top.join(", ") || "–") + more + left);
  }
  const verb = back ? " is looked at" : " looks";
  const heads = lines.length ? lines : ["no head is chosen"];
  at("says").textContent = [
    says(token) + verb + " in " + DATA.layers[layer].name + (back ? " by" : " at"),
    ...heads,
  ].join("\\n");
}

function chooseLayer() {
  const layer = DATA.layers[Number(at("layer").value)];
  const before = [...at("heads").querySelectorAll("input")].map((i) => i.checked);
  at("heads").replaceChildren();
  for (let head = 0; head < layer.heads; head++) {
    const label = document.createElement("label");
    const input = document.createElement("input"), dot = document.createElement("b");
    const shown = DATA.head === null || DATA.head === head;
    Object.assign(input, { type: "checkbox", value: head });
    input.checked = before.length > head ? before[head] : shown;
    dot.style.background = DATA.head_colors[head % DATA.head_colors.length];
    label.append(input, " ", dot, " head " + (head + 1));
    at("heads").append(label);
  }
  show();
}

function choose(i) {
  token = Math.max(0, Math.min(DATA.tokens.length - 1, i));
  show();
}

function reveal() {
  const view = at("scroll"), left = boxes[token][0];
  if (left < view.scrollLeft + LEFT || left > view.scrollLeft + view.clientWidth - 40) {
    view.scrollLeft = left - view.clientWidth / 2;
  }
}

DATA.layers.forEach((layer, i) => {
  const option = new Option(layer.name + (layer.links ? "" : ": none"), i);
  option.disabled = !layer.links;
  at("layer").add(option);
});
at("layer").value = DATA.layer;
at("zoom").value = (at("scroll").clientWidth - 80) / DATA.milliseconds * 1000;
if (at("zoom").value < 60) at("zoom").value = 60;
place();
chooseLayer();
draw();
reveal();
at("layer").addEventListener("change", chooseLayer);
at("zoom").addEventListener("input", () => { draw(); reveal(); });
for (const id of ["heads", "least", "back"]) at(id).addEventListener("input", show);
at("tokens").addEventListener("mouseover", (event) => {
  const over = event.target.dataset.token;
  if (over !== undefined && !kept) choose(Number(over));
});
at("tokens").addEventListener("click", (event) => {
  const over = event.target.dataset.token;
  if (over === undefined) return;
  kept = !(kept && Number(over) === token);
  choose(Number(over));
});
document.addEventListener("keydown", (event) => {
  const within = event.target.matches("select, input[type=range]");
  if (event.ctrlKey || event.metaKey || event.altKey || within) return;
  const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (move) {
    kept = true;
    choose(token + move);
    reveal();
  } else if (step) {
    const options = [...at("layer").options].filter((option) => !option.disabled);
    const now = options.findIndex((option) => option.selected);
    at("layer").value = options[(now + step + options.length) % options.length].value;
    chooseLayer();
  } else if (/^[1-9]$$/.test(event.key)) {
    const input = at("heads").querySelectorAll("input")[Number(event.key) - 1];
    if (input) input.checked = !input.checked;
    show();
  } else if (event.key === "Escape") {
    kept = false;
  } else {
    return;
  }
  event.preventDefault();
});
</script>
</body>
</html>
"""
