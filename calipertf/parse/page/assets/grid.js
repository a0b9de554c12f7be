// Where it works: version x Python for each resolve date, and each script over the versions.

function findings() {
  const parts = [];
  if (data.findings.length) {
    parts.push(el("ul", { className: "findings" }, data.findings.map((words) => el("li", {}, words))));
  }
  // One box a command: five things that stage 2 makes are one thing to do.
  for (const [command, notes] of groupRows(data.notes, "command")) {
    const listed = el("ul", {}, notes.slice(0, 20).map((note) => el("li", {}, note.text + ".")));
    const more = notes.length > 20 ? el("p", {}, `and ${notes.length - 20} more`) : null;
    const made = command ? el("p", {}, "Made by: ", el("code", {}, command)) : null;
    parts.push(el("div", { className: "note", role: "note" }, listed, more, made));
  }
  return parts;
}

function filterBar(keys) {
  const scripts = state.suite
    ? (data.suites.find(([name]) => name === state.suite) ?? [0, []])[1]
    : data.scripts.map((_, number) => number);
  const outcomes = new Set(results.outcome ?? []);
  const controls = {
    package: () => select("package", "Package", data.packages.map((name) => [name, name]), "all"),
    suite: () => select("suite", "Suite", data.suites.map(([name]) => [name, short(name)]), "all"),
    script: () => select("script", "Script", scripts.map((n) => [data.scripts[n], scriptName(n)]), "all"),
    python: () => select("python", "Python", data.pythons, "all"),
    resolve: () => select("resolve", "Dependencies of", data.resolves.map((name) => [name, name]), "all"),
    oneResolve: () => select("resolve", "Dependencies of", data.resolves.map((name) => [name, name])),
    outcome: () => select("outcome", "Outcome",
      Object.keys(data.outcomes).filter((name) => outcomes.has(name)).map((name) => [name, traits(name).label]), "all"),
  };
  const shown = keys.filter((key) => key !== "package" || data.packages.length > 1);
  const bar = el("div", { className: "filters", role: "group", "aria-label": "Filters" },
    shown.map((key) => controls[key]()));
  if (state.failure) {
    bar.append(el("button", { onclick: () => go({ failure: "" }) }, `× ${state.failure.slice(0, 60)}`));
  }
  const reset = Object.fromEntries(FILTERS.map((key) => [key, ""]));
  bar.append(el("button", { id: "reset", onclick: () => go(reset) }, "Reset"));
  return bar;
}

function legend(numbers) {
  const present = new Set(numbers.map((i) => results.outcome[i]));
  return el("div", { className: "legend", role: "group", "aria-label": "Legend" },
    Object.keys(data.outcomes).filter((name) => present.has(name)).map(tag));
}

// Results by a key, in the order that they come.
function group(numbers, key) {
  const found = new Map();
  for (const i of numbers) {
    const name = key(i);
    if (!found.has(name)) found.set(name, []);
    found.get(name).push(i);
  }
  return found;
}

function cellButton(cell, numbers, matching) {
  const counts = group(numbers, (i) => results.outcome[i]);
  const outcomes = Object.keys(data.outcomes).filter((name) => counts.has(name));
  const good = numbers.filter((i) => traits(results.outcome[i]).works).length;
  const one = outcomes.length === 1 && (numbers.length === 1 || !traits(outcomes[0]).works);
  const props = {
    className: "cell" + (matching ? "" : " dim"),
    "aria-pressed": String(state.cell === cellKey(cell)),
    onclick: () => go({ cell: cellKey(cell), test: numbers.length === 1 ? data.scripts[results.script[numbers[0]]] : "" }),
  };
  const words = outcomes.map((name) => `${counts.get(name).length} ${traits(name).label}`).join(", ");
  const share = `${good}/${numbers.length}`;
  props["aria-label"] = `${cellName(cell)}, ${cell.resolve}: ${words}${one ? "" : `, ${share} work`}`;
  props.title = words;
  if (one) {
    const { sign, color, ink } = traits(outcomes[0]);
    props.style = { background: color, color: ink };
    if (absent(outcomes[0])) props.className += " silent";
    return el("button", props, sign);
  }
  const bar = el("span", { className: "bar" }, outcomes.map((name) =>
    el("span", { style: { background: traits(name).color, flexGrow: counts.get(name).length } })));
  return el("button", props, share, bar);
}

function gridTable(packageName) {
  const all = filter("outcome", "failure").filter((i) => data.cells[results.cell[i]].package === packageName);
  const matching = new Set(filter().map((i) => results.cell[i]));
  const byCell = group(all, (i) => results.cell[i]);
  const cells = new Map([...byCell.keys()].map((n) => [cellKey(data.cells[n]), n]));
  const used = [...byCell.keys()].map((n) => data.cells[n]);
  const resolves = data.resolves.filter((name) => used.some((cell) => cell.resolve === name));
  const versions = data.versions[packageName].filter((name) => used.some((cell) => cell.version === name));
  const pythons = resolves.map((resolve) =>
    data.pythons.filter(([name]) => used.some((cell) => cell.python === name && cell.resolve === resolve)));
  const gap = (r, p) => (r > 0 && p === 0 ? "gap" : "");
  const head = [
    el("tr", {}, el("td"), resolves.map((resolve, r) =>
      el("th", { scope: "colgroup", className: `group ${gap(r, 0)}`, colSpan: pythons[r].length }, `dependencies: ${resolve}`))),
    el("tr", {}, el("th", { scope: "col" }, packageName), resolves.map((_, r) => pythons[r].map(([, number], p) =>
      el("th", { scope: "col", className: gap(r, p) }, `Python ${number}`)))),
  ];
  const body = versions.map((version) =>
    el("tr", {}, el("th", { scope: "row" }, version), resolves.map((resolve, r) => pythons[r].map(([python], p) => {
      const number = cells.get([packageName, version, python, resolve].join("/"));
      if (number === undefined) return el("td", { className: gap(r, p) });
      return el("td", { className: gap(r, p) },
        cellButton(data.cells[number], byCell.get(number), matching.has(number)));
    }))));
  const table = el("table", { className: "grid", id: `grid-${packageName}` },
    el("caption", { className: "visually-hidden" }, `Outcomes of ${packageName} by version, Python and resolve date`),
    el("thead", {}, head), el("tbody", {}, body));
  rove(table);
  return el("div", { className: "scroll" }, table);
}

function showGrid() {
  const numbers = filter();
  const cells = new Set(numbers.map((i) => results.cell[i]));
  const count = `${plural(numbers.length, "result")} in ${plural(cells.size, "cell")}`;
  $("status").textContent = count;
  const packages = data.packages.filter((name) => !state.package || state.package === name);
  return [
    ...findings(),
    filterBar(["package", "suite", "script", "python", "resolve", "outcome"]),
    el("p", { className: "muted", id: "count" }, `${count}. In a box: how many scripts work, of how many. Select one for details.`),
    legend(numbers),
    ...(numbers.length ? packages.map(gridTable) : [el("p", {}, "Nothing matches: Reset shows all.")]),
  ];
}

function showScripts() {
  const resolve = state.resolve || data.resolves[0];
  const numbers = filter("outcome", "failure", "resolve").filter((i) => data.cells[results.cell[i]].resolve === resolve);
  const ranks = Object.keys(data.outcomes);
  const best = new Map(); // script and version -> the result that goes best on any Python
  for (const i of numbers) {
    const cell = data.cells[results.cell[i]];
    const key = `${cell.package}/${results.script[i]}/${cell.version}`;
    const old = best.get(key);
    if (old === undefined || ranks.indexOf(results.outcome[i]) < ranks.indexOf(results.outcome[old])) best.set(key, i);
  }
  $("status").textContent = plural(best.size, "result");
  const packages = data.packages.filter((name) => !state.package || state.package === name);
  const parts = packages.flatMap((packageName) => data.suites
    .filter(([suite]) => !state.suite || state.suite === suite)
    .map(([suite, scripts]) => scriptsTable(packageName, suite, scripts, best)));
  const where = state.python ? "" : "on the Python where it goes best; ";
  return [
    el("p", { className: "muted" }, `Each script over the versions, ${where}dependencies: ${resolve}.`),
    filterBar(["package", "suite", "script", "python", "oneResolve"]),
    legend([...best.values()]),
    ...parts.filter((part) => part !== null),
  ];
}

function scriptsTable(packageName, suite, scripts, best) {
  const versions = data.versions[packageName].filter((version) =>
    scripts.some((script) => best.has(`${packageName}/${script}/${version}`)));
  const rows = scripts.filter((script) =>
    versions.some((version) => best.has(`${packageName}/${script}/${version}`)));
  if (!rows.length) return null;
  // What decides results beside the package itself, in the cells that a column shows.
  const companionsOf = (version) => {
    const shown = rows.map((script) => best.get(`${packageName}/${script}/${version}`));
    const found = shown.filter((i) => i !== undefined).map((i) => data.cells[results.cell[i]].companions);
    return [...new Set(found)].filter(Boolean).map((words) => `with ${words}`).join("; ");
  };
  const head = el("tr", {}, el("th", { scope: "col" }, short(suite)), versions.map((version) =>
    el("th", { scope: "col", title: companionsOf(version) }, version)));
  const body = rows.map((script) =>
    el("tr", {}, el("th", { scope: "row", title: data.scripts[script] }, scriptName(script)), versions.map((version) => {
      const i = best.get(`${packageName}/${script}/${version}`);
      if (i === undefined) return el("td");
      const cell = data.cells[results.cell[i]];
      const { sign, label, color, ink } = traits(results.outcome[i]);
      const chosen = state.cell === cellKey(cell) && state.test === data.scripts[script];
      return el("td", {}, el("button", {
        className: absent(results.outcome[i]) ? "cell small silent" : "cell small",
        style: { background: color, color: ink },
        title: label,
        "aria-pressed": String(chosen),
        "aria-label": `${scriptName(script)} on ${cellName(cell)}: ${label}`,
        onclick: () => go({ cell: cellKey(cell), test: data.scripts[script] }),
      }, sign));
    })));
  const table = el("table", { className: "grid" },
    el("caption", { className: "visually-hidden" }, `Scripts of ${suite} on the versions of ${packageName}`),
    el("thead", {}, head), el("tbody", {}, body));
  rove(table);
  return el("div", { className: "scroll" }, table);
}

addView(1, "grid", "Grid", showGrid);
addView(2, "scripts", "Scripts", showScripts);
