// The strip: shots move by drag, by their buttons and by the arrow keys, and what happened is said aloud.

import { composeForm, show } from "./compose.js";

const form = document.getElementById("compose");
const strip = form.querySelector("[data-strip]");
const said = form.querySelector("[data-said]");
const add = form.querySelector("[data-add]");
const blank = document.querySelector("[data-new-shot]");
const most = Number(strip.dataset.most);
const quoter = composeForm(form);
const isMirrored = document.documentElement.dir === "rtl";
let held = null;

const shots = () => [...strip.children];
const numberOf = (shot) => shots().indexOf(shot) + 1;

function say(text, values) {
  said.textContent = text.replace(/\{(\w+)\}/g, (_, name) => values[name].toLocaleString(document.documentElement.lang));
}

// Whatever has a number in it is written anew: data-n-<attribute>, or data-n-text for the text.
function renumber() {
  shots().forEach((shot, at) => {
    for (const element of shot.querySelectorAll("*")) {
      for (const { name, value } of [...element.attributes]) {
        if (!name.startsWith("data-n-")) continue;
        const text = value.replace("{number}", at + 1);
        if (name === "data-n-text") element.textContent = text;
        else element.setAttribute(name.slice("data-n-".length), text);
      }
    }
  });
  add.disabled = shots().length >= most;
  for (const field of form.elements) show(form, field);
  quoter.soon();
}

function moveTo(shot, at) {
  const from = numberOf(shot);
  const others = shots().filter((other) => other !== shot);
  if (at < 0 || at > others.length || at === from - 1) return false;
  strip.insertBefore(shot, others[at] ?? null);
  renumber();
  say(strip.dataset.moved, { from, number: at + 1, count: others.length + 1 });
  return true;
}

strip.addEventListener("click", (event) => {
  const button = event.target.closest("[data-move]");
  if (!button) return;
  event.preventDefault();
  const shot = button.closest("[data-shot]");
  const number = numberOf(shot);
  if (button.dataset.move === "remove") {
    if (shots().length === 1) return;
    const next = shot.nextElementSibling ?? shot.previousElementSibling;
    shot.remove();
    renumber();
    say(strip.dataset.removed, { number, count: shots().length });
    next.querySelector("[data-handle]").focus();
    return;
  }
  moveTo(shot, number - 1 + (button.dataset.move === "up" ? -1 : 1));
  const isHidden = getComputedStyle(button).visibility === "hidden";
  (isHidden ? shot.querySelector("[data-handle]") : button).focus();
});

strip.addEventListener("keydown", (event) => {
  const handle = event.target.closest("[data-handle]");
  if (!handle) return;
  const shot = handle.closest("[data-shot]");
  const steps = { ArrowUp: -1, ArrowDown: 1, ArrowLeft: isMirrored ? 1 : -1, ArrowRight: isMirrored ? -1 : 1 };
  const places = { Home: 0, End: shots().length - 1 };
  if (!(event.key in steps) && !(event.key in places)) return;
  event.preventDefault();
  moveTo(shot, event.key in steps ? numberOf(shot) - 1 + steps[event.key] : places[event.key]);
  handle.focus();
});

add.addEventListener("click", (event) => {
  event.preventDefault();
  if (shots().length >= most) return;
  strip.append(blank.content.cloneNode(true));
  renumber();
  const added = strip.lastElementChild;
  say(strip.dataset.added, { number: shots().length, count: shots().length });
  added.querySelector("textarea").focus();
});

strip.addEventListener("dragstart", (event) => {
  const handle = event.target.closest?.("[data-handle]");
  if (!handle) return;
  held = handle.closest("[data-shot]");
  held.setAttribute("data-held", "");
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", String(numberOf(held)));
  event.dataTransfer.setDragImage(held, 20, 20);
});
strip.addEventListener("dragover", (event) => {
  const over = event.target.closest("[data-shot]");
  if (!held || !over) return;
  event.preventDefault();
  for (const shot of shots()) shot.toggleAttribute("data-target", shot === over && shot !== held);
});
strip.addEventListener("drop", (event) => {
  const over = event.target.closest("[data-shot]");
  if (!held || !over) return;
  event.preventDefault();
  moveTo(held, numberOf(over) - 1);
});
strip.addEventListener("dragend", () => {
  for (const shot of shots()) {
    shot.removeAttribute("data-held");
    shot.removeAttribute("data-target");
  }
  held = null;
});
