// Predictions, figures, the comparison of two runs; and what shows a view.

const fixed = (number, digits = 2) => (number === null || number === undefined ? "–" : number.toFixed(digits));
const percent = (number) => (number === null || number === undefined ? "–" : `${(100 * number).toFixed(0)} %`);

function showPrediction() {
  const scores = rowsOf(D.scores);
  const confusion = rowsOf(D.confusion);
  const interval = (low, high) => (low === null ? "–" : `${fixed(low)} to ${fixed(high)}`);
  const parts = [
    el("h2", {}, "Do similarities foresee breakage?"),
    el("p", {}, "A unit is a script that works on version a, and another version b, on one Python and resolve date: does it fail on b? A score says so by its distance; a model is a logistic regression that has not seen b. An AUC of 0.5 is a coin, 1 always right."),
    el("ul", { className: "findings" }, D.sentences.map((words) => el("li", {}, words))),
  ];
  if (!scores.length) parts.push(el("p", {}, "There is nothing to foretell from yet."), ...findings());
  for (const [subset, rows] of groupRows(scores, "subset")) {
    if (rows.every((row) => row.auc === null)) {
      parts.push(el("p", { className: "quiet" },
        `${subset}: ${plural(rows[0].units, "unit")}, ${percent(rows[0].fails)} fail. Where all end alike, no score can be judged.`));
      continue;
    }
    parts.push(listTable(`${subset}: ${rows[0].units.toLocaleString("en")} units, ${percent(rows[0].fails)} fail`,
      ["predictor", "how", "units", "AUC", "95 % interval", "rank correlation", "95 % interval", "accuracy"],
      rows.map((row) => [
        row.predictor.replaceAll("_", " "), row.method, row.units.toLocaleString("en"), fixed(row.auc), interval(row.auc_low, row.auc_high),
        fixed(row.spearman), interval(row.spearman_low, row.spearman_high), fixed(row.accuracy),
      ])));
  }
  if (confusion.length) {
    parts.push(el("h2", {}, "Foretold by what a script uses alone"),
      el("p", {}, "A script is foretold to fail on a version that lacks something it uses in its baseline cell. Nothing is run for it; baseline versions are left out."),
      listTable("", ["dependencies", "cells", "foretold, fails", "foretold, works", "not foretold, fails", "not foretold, works", "precision", "recall"],
        confusion.map((row) => [row.resolve, row.scope, row.fails_as_foretold, row.works_against_it,
          row.fails_against_it, row.works_as_foretold, percent(row.precision), percent(row.recall)])));
  }
  return parts;
}

function showFigures() {
  if (!D.figures.length) return [el("p", {}, "There are no figures.")];
  return D.figures.map((figure) => el("figure", { id: `figure-${figure.name}` },
    el("img", { alt: figure.description, src: "data:image/svg+xml," + encodeURIComponent(figure.svg) }),
    el("figcaption", {}, figure.description)));
}

function showCompare() {
  if (!D.compared) return [el("p", {}, "Made by: "), el("code", {}, "python 3.parse_data.py --compare OTHER_DIR")];
  const statuses = Object.entries(D.compared.counts);
  const chosen = S.status ?? "";
  const order = statuses.map(([name]) => name); // worst first
  const rows = D.compared.rows.filter(([status]) =>
    chosen ? status === chosen : !["still working", "no release"].includes(status))
    .sort((a, b) => order.indexOf(a[0]) - order.indexOf(b[0]));
  $("said").textContent = plural(rows.length, "script");
  const shown = rows.slice(0, 1000);
  return [
    el("h2", {}, "Compared with the other run"),
    listTable("scripts in cells", ["status", "count"], statuses),
    el("div", { className: "filters" }, select("status", "Status", statuses.map(([name]) => [name, name]), "all that do not just work")),
    listTable(`${plural(rows.length, "script")} in cells${rows.length > 1000 ? ", the first 1,000 shown" : ""}`,
      ["status", "cell", "script", "before", "now", "failure"],
      shown.map(([status, number, where, script, before, now, why]) => [
        status,
        number < 0 ? where : el("a", { href: link({ cell: cellKey(D.cells[number]), test: script }) }, where),
        script, D.outcomes[before]?.label ?? before, D.outcomes[now]?.label ?? now, why,
      ])),
  ];
}

const SHOW = {
  grid: showGrid, scripts: showScripts, why: showWhy, matrix: showMatrix, prediction: showPrediction,
  figures: showFigures, compare: showCompare,
};

function show() {
  const before = S;
  const focused = document.activeElement;
  const label = focused?.id ? null : focused?.getAttribute("aria-label");
  S = readFragment();
  const views = VIEWS.filter(([name]) => name !== "compare" || D.compared);
  $("views").replaceChildren(...views.map(([name, words]) =>
    el("a", { href: link({ view: name }), "aria-current": S.view === name ? "page" : null }, words)));
  $("main").replaceChildren(...SHOW[S.view]());
  showStory();
  reachScrolled();
  // The page was made anew: give the focus back to what had it, or to what was asked for.
  if (S.cell && (S.cell !== before.cell || S.test !== before.test)) {
    if (!before.cell) opener = label;
    $("story").scrollTop = 0;
    $("story").focus({ preventScroll: true });
  } else if (!S.cell && before.cell) {
    const back = [...document.querySelectorAll("main button")].find((one) => one.getAttribute("aria-label") === opener);
    back?.focus();
  } else if (focused?.id) {
    $(focused.id)?.focus({ preventScroll: true });
  } else if (label) {
    [...document.querySelectorAll("button")].find((one) => one.getAttribute("aria-label") === label)?.focus({ preventScroll: true });
  } else if (before.view && before.view !== S.view) {
    $("views").querySelector("[aria-current]")?.focus();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && S.cell) closeStory();
});
$("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the fragment holds the selection
  $("main").focus();
});

unpack().then((data) => {
  D = data;
  R = data.results;
  window.addEventListener("hashchange", show);
  window.addEventListener("resize", reachScrolled);
  show();
}).catch((error) => {
  $("main").replaceChildren(el("p", { className: "note" }, `The page cannot be shown: ${error.message}.`));
});
