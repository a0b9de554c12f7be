// Failures by kind, and where each script breaks first.

function showWhy() {
  const failures = rowsOf(data.failures).filter((row) => !state.package || row.package === state.package);
  const breaks = rowsOf(data.timelines).filter((row) =>
    (!state.package || row.package === state.package) && (!state.suite || row.suite === state.suite) &&
    (!state.script || row.script === state.script) && (!state.python || row.python === state.python) &&
    (!state.resolve || row.resolve === state.resolve));
  $("status").textContent = `${plural(failures.length, "kind")} of failure`;
  return [
    el("h2", {}, "Failures, by exception and message"),
    failures.length ? failureTable(failures) : el("p", {}, "Nothing failed."),
    el("h2", {}, "Where each script first and last works, and what breaks it"),
    el("p", { className: "muted" }, "First come those that break, then those that do not work yet on older versions. Any: of each version the Python where it goes best."),
    filterBar(["package", "suite", "script", "python", "resolve"]),
    breakTable(breaks),
  ];
}

function failureTable(rows) {
  const heads = ["failure", "cause (seen, not proved)", "results", "scripts", "cells", "versions", "outcome", "reason"];
  return listTable("Numbers and addresses in messages are left out; select one to see it in the grid.", heads,
    rows.map((row) => [
      el("button", { className: "link", onclick: () => go({ view: "grid", failure: row.signature, outcome: "" }) }, row.signature),
      row.cause, row.results, row.scripts, row.cells,
      row.first_version === row.last_version ? row.first_version : `${row.first_version} to ${row.last_version}`,
      tag(row.outcome), row.reason,
    ]));
}

// Breaks first, then what does not work yet, then what works throughout, then what works nowhere.
const rankTimeline = (row) => (row.breaking ? 0 : row.too_old ? 1 : row.working ? 2 : 3);

function breakTable(rows) {
  const heads = ["script", "Python", "dependencies", "works from", "to", "on", "breaks on", "why", "not yet on", "why"];
  const numbers = new Map(data.pythons);
  const ordered = rows.map((row, i) => [rankTimeline(row), i, row]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const body = ordered.map(([, , row]) => [
    el("span", { className: "name", title: row.script }, data.scripts.includes(row.script) ? scriptName(data.scripts.indexOf(row.script)) : row.script),
    numbers.get(row.python) ?? row.python, row.resolve, row.first_working ?? "nowhere", row.last_working ?? "",
    `${row.working} of ${row.judged}`,
    cellOf(row, row.breaking, row.breaking_python), row.breaking ? row.cause ?? row.signature ?? traits(row.outcome).label : "",
    cellOf(row, row.too_old, row.too_old_python), row.too_old_cause ?? row.too_old_signature ?? "",
  ]);
  return listTable(`${plural(rows.length, "timeline")}: one script on one Python and resolve date`, heads, body);
}

function cellOf(row, version, python) {
  if (!version) return "";
  return el("a", { href: link({ cell: [row.package, version, python, row.resolve].join("/"), test: row.script }) }, version);
}

addView(3, "why", "Why it fails", showWhy);
