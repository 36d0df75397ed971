// The playground: frames by drop, paste or choice, kept by the server as soon as they are there.

import { composeForm, tell } from "./compose.js";

const form = document.getElementById("compose");
const quoter = composeForm(form);
const frames = [...form.querySelectorAll("[data-frame]")].map((field) => new Frame(field));

document.addEventListener("paste", (event) => {
  const file = imageIn(event.clipboardData);
  if (!file || !frames.length) return;
  event.preventDefault();
  const chosen = frames.find((frame) => frame.field.contains(document.activeElement));
  (chosen ?? frames.find((frame) => !frame.isFilled) ?? frames.at(-1)).take(file);
});

function imageIn(data) {
  return [...(data?.files ?? [])].find((file) => file.type.startsWith("image/"));
}

function Frame(field) {
  this.field = field;
  const box = field.querySelector(".drop");
  const input = field.querySelector("input[type=file]");
  const kept = field.querySelector("input[type=hidden]");
  const picture = field.querySelector("img");
  const words = field.querySelector("[data-said]");
  const faults = field.querySelector("[data-faults]");
  const asks = words.textContent;

  Object.defineProperty(this, "isFilled", { get: () => kept.value !== "" });

  this.take = async (file) => {
    const body = new FormData();
    body.append("model", form.elements.model.value);
    body.append("file", file, file.name);
    words.textContent = field.parentElement.dataset.busy;
    box.setAttribute("aria-busy", "true");
    let found;
    try {
      const headers = { "X-Form-Token": form.dataset.formToken, "HX-Request": "true" };
      const answer = await fetch(form.dataset.frames, { method: "POST", headers, body });
      found = answer.status < 500 ? await answer.json() : {};
    } catch {
      found = {};
    }
    box.removeAttribute("aria-busy");
    words.textContent = asks;
    input.value = "";
    if (found.id) this.fill(found);
    tell(form, faults, found.id ? [] : [found.problem ?? field.parentElement.dataset.failed]);
    quoter.soon();
  };

  this.fill = ({ id, name, url }) => {
    kept.value = id;
    picture.src = url;
    picture.alt = name;
    picture.hidden = false;
    field.setAttribute("data-filled", "");
    field.querySelector(".remove").focus();
  };

  this.clear = () => {
    kept.value = "";
    picture.removeAttribute("src");
    picture.hidden = true;
    field.removeAttribute("data-filled");
    tell(form, faults, []);
    input.focus();
    quoter.soon();
  };

  input.addEventListener("change", () => input.files.length && this.take(input.files[0]));
  field.querySelector(".remove").addEventListener("click", (event) => {
    event.preventDefault();
    this.clear();
  });
  box.addEventListener("dragover", (event) => {
    event.preventDefault();
    box.setAttribute("data-over", "");
  });
  box.addEventListener("dragleave", () => box.removeAttribute("data-over"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    box.removeAttribute("data-over");
    const file = imageIn(event.dataTransfer) ?? event.dataTransfer.files[0];
    if (file) this.take(file);
  });
}
