// How alike versions are, and what changed between two of them.

// Dark violet to yellow through teal, in even steps of lightness; blue to brown for differences.
function heatColor(value, difference) {
  const stops = difference
    ? [[179, 88, 6], [247, 247, 247], [33, 102, 172]]
    : [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
  const place = Math.min(Math.max(difference ? (value + 1) / 2 : value, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(place), stops.length - 2);
  const mixed = stops[low].map((part, i) => part + (stops[low + 1][i] - part) * (place - low));
  // Relative luminance as WCAG has it; at 0.18 black and white are read equally well.
  const [red, green, blue] = mixed.map((part) => ((part / 255 + 0.055) / 1.055) ** 2.4);
  const light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return { background: `rgb(${mixed.map(Math.round).join(",")})`, color: light > 0.18 ? "#000000" : "#ffffff" };
}

function showMatrix() {
  const packages = Object.keys(data.matrices);
  if (!packages.length) return [el("p", {}, "There are no similarities yet: "), ...findings()];
  const name = packages.includes(state.package) ? state.package : packages[0];
  const { names, scores, known: about } = data.matrices[name];
  const known = about.map((one) => one.name);
  const score = known.includes(state.score) ? state.score : known.includes("compatibility") ? "compatibility" : known[0];
  const minus = known.includes(state.minus) ? state.minus : "";
  const value = (a, b) => {
    const first = scores[score][a][b];
    if (!minus || first === null) return first;
    const second = scores[minus][a][b];
    return second === null ? null : first - second;
  };
  const selects = el("div", { className: "filters" });
  const options = about.map((one) => [one.name, one.label]);
  selects.append(select("score", "Score", options), select("minus", "minus", options, "nothing"));
  selects.querySelector("#filter-score").value = score;
  if (packages.length > 1) selects.prepend(select("package", "Package", packages.map((one) => [one, one])));
  const words = about.find((one) => one.name === score).directed
    ? "Row: the version that code was written for; column: the version it meets."
    : "The same both ways.";
  return [
    selects,
    el("p", { className: "muted" }, `${words} Select two versions to see what changed between them.`),
    heatTable(name, names, value, minus !== ""),
    ...changesBetween(name, names),
  ];
}

function heatTable(packageName, names, value, difference) {
  const small = names.length > 24;
  const head = el("tr", {}, el("th", { scope: "col" }, packageName), names.map((name) => el("th", { scope: "col" }, name)));
  const body = names.map((a, i) =>
    el("tr", {}, el("th", { scope: "row" }, a), names.map((b, j) => {
      const number = value(i, j);
      if (number === null) return el("td");
      return el("td", {}, el("button", {
        className: "heat",
        style: heatColor(number, difference),
        title: `${a} to ${b}: ${number.toFixed(3)}`,
        "aria-label": `${a} to ${b}: ${number.toFixed(2)}`,
        "aria-pressed": String(state.a === a && state.b === b),
        onclick: () => go({ a, b, package: packageName }),
      }, small ? " " : number.toFixed(2)));
    })));
  const table = el("table", { className: "grid", id: "matrix" },
    el("caption", { className: "visually-hidden" }, `Similarity of the versions of ${packageName}`),
    el("thead", {}, head), el("tbody", {}, body));
  rove(table);
  return el("div", { className: "scroll" }, table);
}

function changesBetween(packageName, names) {
  const places = [names.indexOf(state.a), names.indexOf(state.b)].sort((a, b) => a - b);
  if (places[0] < 0 || places[0] === places[1]) return [];
  const [low, high] = places.map((place) => names[place]);
  const steps = data.changes.filter((step) =>
    step.package === packageName && names.indexOf(step.a) >= places[0] && names.indexOf(step.b) <= places[1] &&
    names.includes(step.a) && names.includes(step.b));
  const title = el("h2", { id: "changes" }, `What changed from ${low} to ${high}`);
  if (!steps.length) return [title, el("p", {}, "No changelog of these versions was made.")];
  const search = el("input", { type: "search", id: "search", placeholder: "tensorflow.placeholder" });
  const kind = el("select", { id: "kind" }, ["all", "removed", "moved", "renamed", "changed", "added"]
    .map((name) => el("option", { value: name === "all" ? "" : name }, name)));
  const list = el("div");
  const fill = () => {
    const wanted = search.value.trim().toLowerCase();
    const rows = steps.flatMap((step) => step.rows.map((row) => [...row, `${step.a} to ${step.b}`]))
      .filter(([what, path]) => (!kind.value || what === kind.value) && path.toLowerCase().includes(wanted));
    const shown = rows.slice(0, 200);
    $("status").textContent = plural(rows.length, "change");
    list.replaceChildren(listTable(
      `${plural(rows.length, "change")}${rows.length > shown.length ? `, the first ${shown.length} shown: search for more` : ""}`,
      ["kind", "name", "what", "severity", "now, or how", "between"], shown));
  };
  search.addEventListener("input", fill);
  kind.addEventListener("change", fill);
  fill();
  const words = steps.map((step) => {
    const counts = Object.entries(step.counts).filter(([, count]) => count)
      .map(([name, count]) => `${count.toLocaleString("en")} ${name}`);
    const cut = step.left_out ? `; ${step.left_out.toLocaleString("en")} not listed here` : "";
    return el("li", {}, `${step.a} to ${step.b}: ${counts.join(", ")}${cut}`);
  });
  return [
    title, el("ul", {}, words),
    el("p", { className: "muted" },
      "Listed are those that others do not follow from, a class once with its members; sims/changes/ has all."),
    el("div", { className: "filters" },
      el("label", { htmlFor: "search" }, "Search names", search), el("label", { htmlFor: "kind" }, "Kind", kind)),
    list,
  ];
}

addView(4, "matrix", "Similarity", showMatrix);
