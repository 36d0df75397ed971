// What every page gets: buttons that copy, menus that close, times in the reader's own zone.

import { copyButtons } from "./copy.js";
import { localTimes } from "./times.js";

// On a phone the navigation is a strip that is moved sideways: the page that is open should be in sight.
document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// So is a plot, whose newest end, on the right in every language, is what is asked for first.
for (const plot of document.querySelectorAll(".plot-scroll")) plot.scrollLeft = plot.scrollWidth;

copyButtons(document);
localTimes(document);
document.addEventListener("htmx:load", (event) => localTimes(event.detail.elt));

// A menu is a <details>, which works without us; with us it also closes by Escape and by a click beside it.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
