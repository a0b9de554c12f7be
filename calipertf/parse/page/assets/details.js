// The story of a cell and of one script in it: what happened, why, and how to see it again.

function facts(pairs) {
  return el("dl", {}, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => [el("dt", {}, name), el("dd", {}, value instanceof Node ? value : String(value))]));
}

function block(title, words, open) {
  if (!words) return null;
  return el("details", { open }, el("summary", {}, title), el("pre", { tabIndex: 0 }, words));
}

// Of last lines, the last are seen first.
function lastLines(title, words, open) {
  const found = block(title, words, open);
  found?.addEventListener("toggle", () => { found.lastChild.scrollTop = found.lastChild.scrollHeight; });
  return found;
}

function diffBlock(words, title) {
  if (!words) return null;
  const lines = words.split("\n").map((line) =>
    line.startsWith("+") ? el("span", { className: "plus" }, line)
      : line.startsWith("-") ? el("span", { className: "minus" }, line) : line + "\n");
  return el("details", { open: true },
    el("summary", {}, title), el("pre", { tabIndex: 0 }, lines));
}

function copyButton(words) {
  const button = el("button", {}, "Copy");
  button.addEventListener("click", async () => {
    let copied = true;
    try {
      await navigator.clipboard.writeText(words);
    } catch {
      // Files have no clipboard in some browsers: select the text, and let the old command copy it.
      const box = el("textarea", { value: words, "aria-label": "text to copy" });
      button.after(box);
      box.select();
      copied = document.execCommand("copy");
      box.remove();
    }
    button.textContent = copied ? "Copied" : "Not allowed here: select the text";
    $("status").textContent = button.textContent;
  });
  return button;
}

function cellLink(number) {
  if (number < 0) return null;
  const cell = data.cells[number];
  return el("a", { href: link({ cell: cellKey(cell) }) }, `${cellName(cell)}, ${cell.resolve}`);
}

function unlike(words, number) {
  if (!words) return null;
  const rows = words.split("\n").map((line) => line.split("\t"));
  const title = `Requirements that differ from the nearest cell where it works (${rows.length})`;
  return el("details", {}, el("summary", {}, title),
    listTable(cellName(data.cells[number]) + ", " + data.cells[number].resolve, ["package", "here", "there"], rows));
}

function requirements(cell) {
  const words = text(cell.requirements);
  return block(`Installed requirements (${words ? words.split("\n").length : 0})`, words, false);
}

function dockerfile(cell) {
  const words = text(cell.dockerfile);
  if (!words) return null;
  const date = cell.facts.find(([name]) => name === "dependencies as of");
  const warning = cell.locked ? null : date ? el("p", { className: "muted" },
    `Built by hand this takes today's dependencies. This cell has those of ${date[1]}, which are listed above.`) : null;
  return el("details", {}, el("summary", {}, "Dockerfile"), copyButton(words), warning, el("pre", { tabIndex: 0 }, words));
}

function scriptDetails(i) {
  const outcome = results.outcome[i];
  const cause = text(results.cause[i]);
  const failed = traits(outcome).fails;
  return [
    el("h3", {}, data.scripts[results.script[i]]),
    el("p", {}, tag(outcome), results.reason[i] ? ` reason: ${results.reason[i]}` : "", results.detail[i] ? ` (${results.detail[i]})` : ""),
    cause ? el("p", { className: "why" }, `Why: ${cause}.`) : null,
    cause ? el("p", { className: "muted" }, "This cause was seen in the traceback, the requirements or the changes of the API; it is not proved by a run.") : null,
    failed && !cause && traits(outcome).built ? el("p", { className: "muted" }, "No change of the API, of a requirement or of the Python was found that names the cause.") : null,
    text(results.exception[i]) ? el("pre", { tabIndex: 0 }, text(results.exception[i])) : null,
    facts([
      ["nearest working", cellLink(results.nearest[i])],
      ["baseline", cellLink(results.baseline[i])],
      ["start", results.start[i]],
      ["exit status", results.retval[i]],
      ["seconds", results.seconds[i]],
      ["differences", text(results.differences[i]) && el("div", { className: "lines" }, text(results.differences[i]))],
    ]),
    diffBlock(text(results.diff[i]), outcome === "unstable_result"
      ? "Difference of two runs in this cell (- first, + second)"
      : "Difference to the result of the baseline (- baseline, + here)"),
    lastLines("Last lines of output", text(results.output[i]), !failed && !text(results.diff[i])),
    lastLines("Last lines of error", text(results.error[i]), failed),
    unlike(text(results.unlike[i]), results.nearest[i]),
  ];
}

function scriptList(numbers, own) {
  const suites = group(numbers, (i) => suiteOf(results.script[i]));
  const lists = [...suites].map(([suite, part]) => [el("h3", { className: "minor" }, short(suite)), scriptButtons(part)]);
  const title = `Scripts of this cell (${numbers.length})`;
  return el("details", { open: !own && (!state.test || numbers.length < 13) }, el("summary", {}, title), lists);
}

function scriptButtons(numbers) {
  return el("ul", { className: "scripts" }, numbers.map((i) => {
    const { sign, label, color, ink } = traits(results.outcome[i]);
    const name = data.scripts[results.script[i]];
    return el("li", {}, el("button", {
      "aria-pressed": String(state.test === name),
      title: `${name}: ${label}`,
      onclick: () => go({ test: name }),
    }, el("span", { className: "tag", style: { background: color, color: ink } }, sign),
    el("span", { className: "visually-hidden" }, label), ` ${scriptName(results.script[i])}`));
  }));
}

function showDetails() {
  const panel = $("details");
  const number = data.cells.findIndex((cell) => cellKey(cell) === state.cell);
  panel.hidden = !state.cell;
  panel.replaceChildren();
  if (!state.cell) return;
  const close = el("button", { id: "close", "aria-label": "Close the details", onclick: closeDetails }, "×");
  if (number < 0) {
    panel.append(el("div", { className: "top" }, el("h2", {}, "No such cell"), close),
      el("p", {}, `This page has no cell ${state.cell.replaceAll("/", " ")}: the link was made for another run.`));
    return;
  }
  const cell = data.cells[number];
  const all = [];
  for (let i = 0; i < results.cell.length; i++) if (results.cell[i] === number) all.push(i);
  // Without a wheel, a Python or a build, the outcome is the cell's own and all its scripts have it.
  const own = !traits(cell.outcome).built;
  const chosen = all.find((i) => data.scripts[results.script[i]] === state.test);
  panel.append(...[
    el("div", { className: "top" },
      el("h2", {}, `${cellName(cell)}, dependencies: ${cell.resolve}`),
      close),
    cell.message && chosen === undefined ? el("p", { className: "why" }, cell.message) : null,
    chosen === undefined ? el("p", {}, own ? "Outcome: " : "Worst of its scripts: ", tag(cell.outcome)) : null,
    lastLines("Last lines of the build", text(cell.build), true),
    scriptList(all, own),
    ...(chosen === undefined ? [] : scriptDetails(chosen)),
    el("h3", {}, "The cell"),
    facts(cell.facts),
    requirements(cell),
    dockerfile(cell),
  ].filter((part) => part !== null));
}

let opener = null; // label of the button that opened the details, to go back to

function closeDetails() {
  go({ cell: "", test: "" });
}
