// Predictions, figures, and the comparison of two runs.

const fixed = (number, digits = 2) => (number === null || number === undefined ? "–" : number.toFixed(digits));
const percent = (number) => (number === null || number === undefined ? "–" : `${(100 * number).toFixed(0)} %`);

function showPrediction() {
  const scores = rowsOf(data.scores);
  const confusion = rowsOf(data.confusion);
  const interval = (low, high) => (low === null ? "–" : `${fixed(low)} to ${fixed(high)}`);
  const parts = [
    el("h2", {}, "Do similarities predict breakage?"),
    el("p", {}, "A unit is a script that works on version a, and another version b, on one Python and resolve date: does it fail on b? A score says so by its distance; a model is a logistic regression that has not seen b. An AUC of 0.5 is chance, 1 always right."),
    el("ul", { className: "findings" }, data.sentences.map((words) => el("li", {}, words))),
  ];
  if (!scores.length) parts.push(el("p", {}, "There is nothing to predict from yet."), ...findings());
  for (const [subset, rows] of groupRows(scores, "subset")) {
    if (rows.every((row) => row.auc === null)) {
      parts.push(el("p", { className: "muted" },
        `${subset}: ${plural(rows[0].units, "unit")}, ${percent(rows[0].fails)} fail. Where all have one outcome, no score can be judged.`));
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
    parts.push(el("h2", {}, "Predicted by what a script uses alone"),
      el("p", {}, "A script is predicted to fail on a version that lacks something it uses in its baseline cell. Nothing is run for it; baseline versions are left out."),
      listTable("", ["dependencies", "cells", "true positives", "false positives", "false negatives", "true negatives", "precision", "recall"],
        confusion.map((row) => [row.resolve, row.scope, row.true_positives, row.false_positives,
          row.false_negatives, row.true_negatives, percent(row.precision), percent(row.recall)])));
  }
  return parts;
}

function showFigures() {
  if (!data.figures.length) return [el("p", {}, "There are no figures.")];
  return data.figures.map((figure) => el("figure", { id: `figure-${figure.name}` },
    el("img", { alt: figure.description, src: "data:image/svg+xml," + encodeURIComponent(figure.svg) }),
    el("figcaption", {}, figure.description)));
}

function showCompare() {
  if (!data.compared) return [el("p", {}, "Made by: "), el("code", {}, "python 3.parse_data.py --compare OTHER_DIR")];
  const statuses = Object.entries(data.compared.counts);
  const chosen = state.status ?? "";
  const order = statuses.map(([name]) => name); // worst first
  const rows = data.compared.rows.filter(([status]) =>
    chosen ? status === chosen : !["still working", "no release"].includes(status))
    .sort((a, b) => order.indexOf(a[0]) - order.indexOf(b[0]));
  $("status").textContent = plural(rows.length, "script");
  const shown = rows.slice(0, 1000);
  return [
    el("h2", {}, "Compared with the other run"),
    listTable("scripts in cells", ["status", "count"], statuses),
    el("div", { className: "filters" }, select("status", "Status", statuses.map(([name]) => [name, name]), "all that do not just work")),
    listTable(`${plural(rows.length, "script")} in cells${rows.length > 1000 ? ", the first 1,000 shown" : ""}`,
      ["status", "cell", "script", "before", "now", "failure"],
      shown.map(([status, number, where, script, before, now, why]) => [
        status,
        number < 0 ? where : el("a", { href: link({ cell: cellKey(data.cells[number]), test: script }) }, where),
        script, data.outcomes[before]?.label ?? before, data.outcomes[now]?.label ?? now, why,
      ])),
  ];
}

addView(5, "prediction", "Prediction", showPrediction);
addView(6, "figures", "Figures", showFigures);
addView(7, "compare", "Compared", showCompare, () => Boolean(data.compared));
