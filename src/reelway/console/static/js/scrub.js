// A pointer that moves over a thumbnail runs through the video: a sheet of frames, 4 by 3, is moved behind a window.
// The sheet is fetched when the pointer first comes; without a script the thumbnail just stands.

const COLUMNS = 4;
const ROWS = 3;

for (const thumb of document.querySelectorAll("[data-scrub]")) {
  thumb.addEventListener("pointerenter", () => begin(thumb), { passive: true });
  thumb.addEventListener("pointermove", (event) => show(thumb, event), { passive: true });
  thumb.addEventListener("pointerleave", () => thumb.querySelector(".sheet")?.setAttribute("hidden", ""));
}

function begin(thumb) {
  if (thumb.querySelector(".sheet")) return;
  const sheet = document.createElement("span");
  sheet.className = "sheet";
  sheet.hidden = true;
  thumb.append(sheet);
  const image = new Image();
  image.addEventListener("load", () => {
    sheet.style.backgroundImage = `url("${image.src}")`;
    sheet.style.backgroundSize = `${COLUMNS * 100}% ${ROWS * 100}%`;
    sheet.dataset.ready = "";
  });
  image.src = thumb.dataset.scrub;
}

function show(thumb, event) {
  const sheet = thumb.querySelector(".sheet");
  if (!sheet || !("ready" in sheet.dataset)) return;
  const box = thumb.getBoundingClientRect();
  const share = Math.min(0.999, Math.max(0, (event.clientX - box.left) / box.width));
  const frame = Math.floor(share * COLUMNS * ROWS);
  const column = frame % COLUMNS;
  const row = Math.floor(frame / COLUMNS);
  sheet.style.backgroundPosition = `${(column / (COLUMNS - 1)) * 100}% ${(row / (ROWS - 1)) * 100}%`;
  sheet.hidden = false;
}
