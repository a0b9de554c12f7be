// Failures by kind, and where each script breaks first.

function showWhy() {
  const failures = rowsOf(D.failures).filter((row) => !S.package || row.package === S.package);
  const breaks = rowsOf(D.timelines).filter((row) =>
    (!S.package || row.package === S.package) && (!S.suite || row.suite === S.suite) &&
    (!S.script || row.script === S.script) && (!S.python || row.python === S.python) &&
    (!S.resolve || row.resolve === S.resolve));
  $("said").textContent = `${plural(failures.length, "kind")} of failure`;
  return [
    el("h2", {}, "Failures, by exception and message"),
    failures.length ? failureTable(failures) : el("p", {}, "Nothing failed."),
    el("h2", {}, "Where each script first and last works, and what breaks it"),
    filterBar(["package", "suite", "script", "python", "resolve"]),
    breakTable(breaks),
  ];
}

function failureTable(rows) {
  const heads = ["results", "scripts", "cells", "versions", "outcome", "reason", "failure", "cause"];
  return listTable("Numbers and addresses in messages are left out; select one to see it in the grid.", heads,
    rows.map((row) => [
      row.results, row.scripts, row.cells,
      row.first_version === row.last_version ? row.first_version : `${row.first_version} to ${row.last_version}`,
      tag(row.outcome), row.reason,
      el("button", { className: "link", onclick: () => go({ view: "grid", failure: row.signature, outcome: "" }) }, row.signature),
      row.cause,
    ]));
}

function breakTable(rows) {
  const heads = ["script", "Python", "dependencies", "works from", "to", "of", "breaks on", "with", "cause"];
  const numbers = new Map(D.pythons);
  const body = rows.map((row) => [
    el("span", { title: row.script }, D.scripts.includes(row.script) ? scriptName(D.scripts.indexOf(row.script)) : row.script),
    numbers.get(row.python) ?? row.python, row.resolve, row.first_working ?? "nowhere", row.last_working ?? "",
    `${row.working}/${row.judged}`,
    row.breaking === null ? "" : el("a", {
      href: link({ cell: [row.package, row.breaking, row.python, row.resolve].join("/"), test: row.script }),
    }, row.breaking),
    row.outcome ? look(row.outcome).words : "",
    row.cause ?? row.signature ?? "",
  ]);
  return listTable(`${plural(rows.length, "timeline")}: one script on one Python and resolve date`, heads, body);
}
