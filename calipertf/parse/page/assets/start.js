// Shows the view that the URL's fragment names, anew with each change of it.

function show() {
  const before = state;
  const focused = document.activeElement;
  const label = focused?.id ? null : focused?.getAttribute("aria-label");
  state = readFragment();
  const views = VIEWS.filter((view) => view.exists());
  $("views").replaceChildren(...views.map((view) =>
    el("a", { href: link({ view: view.name }), "aria-current": state.view === view.name ? "page" : null }, view.title)));
  $("main").replaceChildren(...views.find((view) => view.name === state.view).show());
  showDetails();
  reachScrolled();
  // The page was made anew: give the focus back to what had it, or to what was asked for.
  if (state.cell && (state.cell !== before.cell || state.test !== before.test)) {
    if (!before.cell) opener = label;
    $("details").scrollTop = 0;
    $("details").focus({ preventScroll: true });
  } else if (!state.cell && before.cell) {
    const back = [...document.querySelectorAll("main button")].find((one) => one.getAttribute("aria-label") === opener);
    back?.focus();
  } else if (focused?.id) {
    $(focused.id)?.focus({ preventScroll: true });
  } else if (label) {
    [...document.querySelectorAll("button")].find((one) => one.getAttribute("aria-label") === label)?.focus({ preventScroll: true });
  } else if (before.view && before.view !== state.view) {
    $("views").querySelector("[aria-current]")?.focus();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && state.cell) closeDetails();
});
$("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the fragment holds the selection
  $("main").focus();
});

unpack().then((unpacked) => {
  data = unpacked;
  results = data.results;
  window.addEventListener("hashchange", show);
  window.addEventListener("resize", reachScrolled);
  show();
}).catch((error) => {
  $("main").replaceChildren(el("p", { className: "note" }, `The page cannot be shown: ${error.message}.`));
});
