// What all views share: the data, the selection (kept in the URL's fragment), elements from text.

const $ = (id) => document.getElementById(id);
let data; // the data, see calipertf/parse/page/render.py
let results; // columns of results
const VIEWS = []; // in the order of their tabs
const FILTERS = ["package", "suite", "script", "python", "resolve", "outcome", "failure"];
let state = {}; // the selection: view, filters, cell, test, and what single views add

// Adds a view: its place among the tabs, its name in links, its title, and what shows it. A view
// without data of its own has no tab. A new view is one new file, which calls this.
function addView(place, name, title, show, exists = () => true) {
  VIEWS.push({ place, name, title, show, exists });
  VIEWS.sort((a, b) => a.place - b.place);
}

// An element; props are properties, or attributes where they hold a dash or are role. Text only
// ever becomes text: whatever a script printed stays what it is.
function el(name, props = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (key === "style") Object.assign(node.style, value);
    else if (key.includes("-") || key === "role" || key === "scope") node.setAttribute(key, value);
    else node[key] = value;
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

const text = (number) => (number < 0 ? "" : data.strings[number]);
const traits = (outcome) => data.outcomes[outcome];
const short = (path) => path.replace(/\/+$/, "").split("/").pop();
const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

// A cell that was never built, though not because its build failed.
const absent = (outcome) => !traits(outcome).built && !traits(outcome).fails;

function tag(outcome) {
  const { sign, label, color, ink } = traits(outcome);
  return el("span", { className: absent(outcome) ? "tag silent" : "tag", style: { background: color, color: ink } }, `${sign} ${label}`);
}

function suiteOf(script) {
  return data.suites.find(([, numbers]) => numbers.includes(script))[0];
}

function scriptName(script) {
  const suite = suiteOf(script).replace(/\/+$/, "") + "/";
  return data.scripts[script].replace(suite, "").replace(/\.py$/, "");
}

function cellName(cell) {
  return `${cell.package} ${cell.version}, Python ${cell.number}`;
}

const cellKey = (cell) => [cell.package, cell.version, cell.python, cell.resolve].join("/");

// The fragment and back. Unknown names are kept out; what names nothing selects nothing.
function readFragment() {
  const found = {};
  for (const [key, value] of new URLSearchParams(location.hash.slice(1))) found[key] = value;
  if (!VIEWS.some((view) => view.name === found.view && view.exists())) found.view = "grid";
  return found;
}

function link(changes) {
  const next = new URLSearchParams();
  for (const [key, value] of Object.entries({ ...state, ...changes })) {
    if (value !== undefined && value !== null && value !== "") next.set(key, value);
  }
  return "#" + next.toString();
}

function go(changes) {
  location.hash = link(changes); // hashchange shows it
}

function select(key, label, options, all) {
  const box = el("select", { id: `filter-${key}` });
  if (all) box.append(el("option", { value: "" }, all));
  for (const [value, words] of options) box.append(el("option", { value }, words));
  box.value = state[key] ?? "";
  if (box.selectedIndex < 0) box.selectedIndex = 0;
  box.addEventListener("change", () => go({ [key]: box.value }));
  return el("label", { htmlFor: box.id }, label, box);
}

// Numbers of the results that the filters leave, but for those that are named.
function filter(...ignored) {
  const keep = FILTERS.filter((key) => state[key] && !ignored.includes(key));
  const want = Object.fromEntries(keep.map((key) => [key, state[key]]));
  const suites = want.suite && new Set((data.suites.find(([name]) => name === want.suite) ?? [0, []])[1]);
  const script = want.script === undefined ? undefined : data.scripts.indexOf(want.script);
  const failure = want.failure === undefined ? undefined : data.strings.indexOf(want.failure);
  const cells = data.cells.map(
    (cell) =>
      (want.package === undefined || cell.package === want.package) &&
      (want.python === undefined || cell.python === want.python) &&
      (want.resolve === undefined || cell.resolve === want.resolve),
  );
  const found = [];
  const count = results.cell ? results.cell.length : 0;
  for (let i = 0; i < count; i++) {
    if (!cells[results.cell[i]]) continue;
    if (suites && !suites.has(results.script[i])) continue;
    if (script !== undefined && results.script[i] !== script) continue;
    if (failure !== undefined && results.signature[i] !== failure) continue;
    if (want.outcome !== undefined && results.outcome[i] !== want.outcome) continue;
    found.push(i);
  }
  return found;
}

// Arrow keys, Home and End move among the buttons of a table; one of them takes part in tabbing.
function rove(table) {
  const buttons = [...table.querySelectorAll("td button")];
  const pressed = buttons.find((button) => button.getAttribute("aria-pressed") === "true");
  for (const button of buttons) button.tabIndex = -1;
  if (buttons.length) (pressed ?? buttons[0]).tabIndex = 0;
  table.addEventListener("keydown", (event) => {
    const here = event.target.closest("td");
    if (!here || !event.key.match(/^(Arrow(Left|Right|Up|Down)|Home|End)$/)) return;
    event.preventDefault();
    const button = findNext(table, here, event.key);
    if (!button) return;
    event.target.tabIndex = -1;
    button.tabIndex = 0;
    button.focus();
  });
}

// Sideways, the next button as one reads, from row to row; up and down, the nearest of the next row
// that has any: so each is reached, whatever gaps a grid has.
function findNext(table, here, key) {
  const held = (row) => [...row.querySelectorAll("td button")];
  if (key === "Home") return held(here.parentNode)[0];
  if (key === "End") return held(here.parentNode).at(-1);
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const all = held(table);
    return all[all.indexOf(here.querySelector("button")) + (key === "ArrowRight" ? 1 : -1)];
  }
  const step = key === "ArrowDown" ? 1 : -1;
  const rows = [...table.tBodies[0].rows];
  let y = rows.indexOf(here.parentNode) + step;
  while (rows[y] && !held(rows[y]).length) y += step;
  if (!rows[y]) return undefined;
  const away = (button) => Math.abs(button.closest("td").cellIndex - here.cellIndex);
  return held(rows[y]).reduce((best, button) => (away(button) < away(best) ? button : best));
}

// Rows by the value of one of their keys, in the order that they come.
function groupRows(rows, key) {
  const found = new Map();
  for (const row of rows) {
    if (!found.has(row[key])) found.set(row[key], []);
    found.get(row[key]).push(row);
  }
  return found;
}

// Numbers stand to the right, under their heading; of a long text, words may break anywhere.
const isNumber = (value) => typeof value === "number" || /^(–|\d[\d,]*(\.\d+)?( %)?)$/.test(value);

function listTable(caption, heads, rows) {
  const kinds = heads.map((_, i) => {
    const values = rows.map((row) => row[i]).map((value) => (value instanceof Node ? value.textContent : value ?? ""));
    if (values.some((value) => value !== "") && values.every((value) => value === "" || isNumber(value))) return "number";
    const longest = Math.max(0, ...values.map((value) => String(value).length));
    return longest > 30 ? "long" : longest > 16 ? "" : "short";
  });
  const head = el("tr", {}, heads.map((words, i) => el("th", { scope: "col", className: kinds[i] }, words)));
  const body = rows.map((row) =>
    el("tr", {}, row.map((value, i) =>
      el("td", { className: kinds[i] }, value instanceof Node ? value : String(value ?? "")))));
  const table = el("table", { className: "list" },
    el("caption", {}, caption), el("thead", {}, head), el("tbody", {}, body));
  return el("div", { className: "scroll" }, table);
}

// Rows of a packed table as objects.
function rowsOf(table) {
  return table.rows.map((row) => Object.fromEntries(table.columns.map((name, i) => [name, row[i]])));
}

// What scrolls sideways and holds nothing to focus takes the focus itself, for the arrow keys.
function reachScrolled() {
  for (const box of document.querySelectorAll(".scroll")) {
    const scrolls = box.scrollWidth > box.clientWidth && !box.querySelector("button, a");
    if (scrolls) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

async function unpack() {
  if (typeof DecompressionStream === "undefined") {
    throw new Error("this browser cannot unpack the page; any browser of 2023 or later can");
  }
  const packed = Uint8Array.from(atob($("data").textContent), (char) => char.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}
