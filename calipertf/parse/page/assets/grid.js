// Where it works: version x Python for each resolve date, and each script over the versions.

function findings() {
  const parts = [];
  if (D.findings.length) {
    parts.push(el("ul", { className: "findings" }, D.findings.map((words) => el("li", {}, words))));
  }
  // One box a command: five things that stage 2 makes are one thing to do.
  for (const [command, notes] of groupRows(D.notes, "command")) {
    const listed = el("ul", {}, notes.slice(0, 20).map((note) => el("li", {}, note.text + ".")));
    const more = notes.length > 20 ? el("p", {}, `and ${notes.length - 20} more`) : null;
    const made = command ? el("p", {}, "Made by: ", el("code", {}, command)) : null;
    parts.push(el("div", { className: "note", role: "note" }, listed, more, made));
  }
  return parts;
}

function filterBar(keys) {
  const scripts = S.suite
    ? (D.suites.find(([name]) => name === S.suite) ?? [0, []])[1]
    : D.scripts.map((_, number) => number);
  const outcomes = new Set(R.outcome ?? []);
  const controls = {
    package: () => select("package", "Package", D.packages.map((name) => [name, name]), "all"),
    suite: () => select("suite", "Suite", D.suites.map(([name]) => [name, short(name)]), "all"),
    script: () => select("script", "Script", scripts.map((n) => [D.scripts[n], scriptName(n)]), "all"),
    python: () => select("python", "Python", D.pythons, "all"),
    resolve: () => select("resolve", "Dependencies of", D.resolves.map((name) => [name, name]), "all"),
    oneResolve: () => select("resolve", "Dependencies of", D.resolves.map((name) => [name, name])),
    outcome: () => select("outcome", "Outcome",
      Object.keys(D.outcomes).filter((name) => outcomes.has(name)).map((name) => [name, traits(name).label]), "all"),
  };
  const shown = keys.filter((key) => key !== "package" || D.packages.length > 1);
  const bar = el("div", { className: "filters", role: "group", "aria-label": "Filters" },
    shown.map((key) => controls[key]()));
  if (S.failure) {
    bar.append(el("button", { onclick: () => go({ failure: "" }) }, `× ${S.failure.slice(0, 60)}`));
  }
  const reset = Object.fromEntries(FILTERS.map((key) => [key, ""]));
  bar.append(el("button", { id: "reset", onclick: () => go(reset) }, "Reset"));
  return bar;
}

function legend(numbers) {
  const present = new Set(numbers.map((i) => R.outcome[i]));
  return el("div", { className: "legend", role: "group", "aria-label": "Legend" },
    Object.keys(D.outcomes).filter((name) => present.has(name)).map(tag));
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
  const counts = group(numbers, (i) => R.outcome[i]);
  const outcomes = Object.keys(D.outcomes).filter((name) => counts.has(name));
  const good = numbers.filter((i) => traits(R.outcome[i]).works).length;
  const one = outcomes.length === 1 && (numbers.length === 1 || !traits(outcomes[0]).works);
  const props = {
    className: "cell" + (matching ? "" : " dim"),
    "aria-pressed": String(S.cell === cellKey(cell)),
    onclick: () => go({ cell: cellKey(cell), test: numbers.length === 1 ? D.scripts[R.script[numbers[0]]] : "" }),
  };
  const told = outcomes.map((name) => `${counts.get(name).length} ${traits(name).label}`).join(", ");
  const share = `${good}/${numbers.length}`;
  props["aria-label"] = `${cellName(cell)}, ${cell.resolve}: ${told}${one ? "" : `, ${share} work`}`;
  props.title = told;
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
  const all = filter("outcome", "failure").filter((i) => D.cells[R.cell[i]].package === packageName);
  const matching = new Set(filter().map((i) => R.cell[i]));
  const byCell = group(all, (i) => R.cell[i]);
  const cells = new Map([...byCell.keys()].map((n) => [cellKey(D.cells[n]), n]));
  const used = [...byCell.keys()].map((n) => D.cells[n]);
  const resolves = D.resolves.filter((name) => used.some((cell) => cell.resolve === name));
  const versions = D.versions[packageName].filter((name) => used.some((cell) => cell.version === name));
  const pythons = resolves.map((resolve) =>
    D.pythons.filter(([name]) => used.some((cell) => cell.python === name && cell.resolve === resolve)));
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
        cellButton(D.cells[number], byCell.get(number), matching.has(number)));
    }))));
  const table = el("table", { className: "grid", id: `grid-${packageName}` },
    el("caption", { className: "unseen" }, `Outcomes of ${packageName} by version, Python and resolve date`),
    el("thead", {}, head), el("tbody", {}, body));
  rove(table);
  return el("div", { className: "scroll" }, table);
}

function showGrid() {
  const numbers = filter();
  const cells = new Set(numbers.map((i) => R.cell[i]));
  const said = `${plural(numbers.length, "result")} in ${plural(cells.size, "cell")}`;
  $("said").textContent = said;
  const packages = D.packages.filter((name) => !S.package || S.package === name);
  return [
    ...findings(),
    filterBar(["package", "suite", "script", "python", "resolve", "outcome"]),
    el("p", { className: "quiet", id: "count" }, `${said}. In a box: how many scripts work, of how many. Select one for its story.`),
    legend(numbers),
    ...(numbers.length ? packages.map(gridTable) : [el("p", {}, "Nothing matches: Reset shows all.")]),
  ];
}

function showScripts() {
  const resolve = S.resolve || D.resolves[0];
  const numbers = filter("outcome", "failure", "resolve").filter((i) => D.cells[R.cell[i]].resolve === resolve);
  const ranks = Object.keys(D.outcomes);
  const best = new Map(); // script and version -> the result that goes best on any Python
  for (const i of numbers) {
    const cell = D.cells[R.cell[i]];
    const key = `${cell.package}/${R.script[i]}/${cell.version}`;
    const old = best.get(key);
    if (old === undefined || ranks.indexOf(R.outcome[i]) < ranks.indexOf(R.outcome[old])) best.set(key, i);
  }
  $("said").textContent = plural(best.size, "result");
  const packages = D.packages.filter((name) => !S.package || S.package === name);
  const parts = packages.flatMap((packageName) => D.suites
    .filter(([suite]) => !S.suite || S.suite === suite)
    .map(([suite, scripts]) => scriptsTable(packageName, suite, scripts, best)));
  const where = S.python ? "" : "on the Python where it goes best; ";
  return [
    el("p", { className: "quiet" }, `Each script over the versions, ${where}dependencies: ${resolve}.`),
    filterBar(["package", "suite", "script", "python", "oneResolve"]),
    legend([...best.values()]),
    ...parts.filter((part) => part !== null),
  ];
}

function scriptsTable(packageName, suite, scripts, best) {
  const versions = D.versions[packageName].filter((version) =>
    scripts.some((script) => best.has(`${packageName}/${script}/${version}`)));
  const rows = scripts.filter((script) =>
    versions.some((version) => best.has(`${packageName}/${script}/${version}`)));
  if (!rows.length) return null;
  const head = el("tr", {}, el("th", { scope: "col" }, short(suite)), versions.map((version) =>
    el("th", { scope: "col" }, version)));
  const body = rows.map((script) =>
    el("tr", {}, el("th", { scope: "row", title: D.scripts[script] }, scriptName(script)), versions.map((version) => {
      const i = best.get(`${packageName}/${script}/${version}`);
      if (i === undefined) return el("td");
      const cell = D.cells[R.cell[i]];
      const { sign, label, color, ink } = traits(R.outcome[i]);
      const chosen = S.cell === cellKey(cell) && S.test === D.scripts[script];
      return el("td", {}, el("button", {
        className: absent(R.outcome[i]) ? "cell small silent" : "cell small",
        style: { background: color, color: ink },
        title: label,
        "aria-pressed": String(chosen),
        "aria-label": `${scriptName(script)} on ${cellName(cell)}: ${label}`,
        onclick: () => go({ cell: cellKey(cell), test: D.scripts[script] }),
      }, sign));
    })));
  const table = el("table", { className: "grid" },
    el("caption", { className: "unseen" }, `Scripts of ${suite} on the versions of ${packageName}`),
    el("thead", {}, head), el("tbody", {}, body));
  rove(table);
  return el("div", { className: "scroll" }, table);
}
