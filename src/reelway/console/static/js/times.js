// <time datetime="..." data-local> comes from the server in UTC; here it becomes the reader's zone. The title keeps UTC.

export function localTimes(root) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone === "UTC") return;
  const style = { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" };
  const format = new Intl.DateTimeFormat(document.documentElement.lang, style);
  for (const time of root.querySelectorAll("time[data-local]")) {
    time.title = time.textContent;
    time.textContent = format.format(new Date(time.dateTime));
    time.removeAttribute("data-local");
  }
}
