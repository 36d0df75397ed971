// What both forms share: counts of code points, the live quote, problems at their fields, news of the task.

const WAIT_MS = 300;

export function composeForm(form) {
  document.documentElement.classList.add("scripted");
  const quoter = new Quoter(form);
  form.addEventListener("input", (event) => {
    show(form, event.target);
    if (event.target.type !== "file") quoter.soon();
  });
  form.addEventListener("submit", () => setTimeout(() => freeze(form), 0));
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  const model = form.querySelector("[data-reloads]");
  model.addEventListener("change", () => form.requestSubmit(form.querySelector("[data-reload]")));
  for (const field of form.elements) show(form, field);
  watchRun();
  return quoter;
}

// A second click on the way makes no second video; the page that comes has buttons of its own.
function freeze(form) {
  for (const button of form.elements) if (button.type === "submit") button.disabled = true;
}

// How much is written, by code points as the server counts, and the value of a slider.
export function show(form, field) {
  const counter = field.id && form.querySelector(`[data-counts="${field.id}"]`);
  if (counter) {
    const language = document.documentElement.lang;
    const length = [...field.value.trim()].length;
    const most = Number(counter.dataset.most);
    counter.textContent = `${length.toLocaleString(language)} / ${most.toLocaleString(language)}`;
    counter.toggleAttribute("data-over", length > most);
  }
  const output = field.type === "range" && form.querySelector(`[data-shows="${field.id}"]`);
  if (output) output.textContent = field.value;
}

class Quoter {
  constructor(form) {
    this.form = form;
    this.asked = null;
  }

  // The last wish counts: one that is under way is given up.
  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), WAIT_MS);
  }

  async ask() {
    this.asked?.abort();
    const asked = (this.asked = new AbortController());
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(this.form)) if (typeof value === "string") body.append(name, value);
    try {
      const headers = { "X-Form-Token": this.form.dataset.formToken, "HX-Request": "true" };
      const answer = await fetch(this.form.dataset.quote, { method: "POST", headers, body, signal: asked.signal });
      if (answer.ok) this.fill(await answer.json());
    } catch (fault) {
      if (fault.name !== "AbortError" && !(fault instanceof TypeError)) throw fault;
    }
  }

  // The pieces are the server's own templates, in which everything is escaped.
  fill({ problems, pieces }) {
    for (const [name, text] of Object.entries(pieces)) {
      const place = document.querySelector(`[data-piece="${name}"]`);
      if (place && place.innerHTML !== text) place.innerHTML = text;
    }
    for (const place of this.form.querySelectorAll("[data-faults]")) {
      if (place.closest("[data-piece]")) continue;
      tell(this.form, place, problems[place.dataset.faults] ?? []);
    }
  }
}

export function tell(form, place, messages) {
  place.replaceChildren(
    ...messages.map((message) => {
      const line = document.createElement("p");
      line.className = "problem";
      line.append(Object.assign(document.createElement("bdi"), { textContent: message }));
      return line;
    }),
  );
  const field = form.querySelector(`[data-field="${place.dataset.faults}"]`);
  if (!field) return;
  if (messages.length) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}

// The panel comes anew with each step of progress; only a change of state is worth a word.
function watchRun() {
  const run = document.querySelector("[data-run]");
  if (!run) return;
  const said = document.querySelector("[data-run-said]");
  let state = run.querySelector("[data-state]")?.dataset.state;
  new MutationObserver(() => {
    const now = run.querySelector("[data-state]");
    if (!now || now.dataset.state === state) return;
    state = now.dataset.state;
    said.textContent = now.dataset.words;
  }).observe(run, { childList: true });
}
