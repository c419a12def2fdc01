// Line icons on a grid of 24, drawn for this page. They are decoration: the label is always text.

import { svg } from "./dom.js";

const PATHS = {
  search: ["M10.5 4a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13", "M15.5 15.5L20.5 20.5"],
  camera: ["M4 8h3.5l1.5-2.5h6L16.5 8H20v11H4z", "M12 10a3.3 3.3 0 1 0 0 6.6a3.3 3.3 0 0 0 0-6.6"],
  picture: ["M4 5h16v14H4z", "M4.5 17l5-5.5 4 4 2.5-2.5 4 4", "M15.5 8.5h.01"],
  more: ["M12 20s-7.5-4.6-7.5-10A4.2 4.2 0 0 1 12 7.3A4.2 4.2 0 0 1 19.5 10c0 5.4-7.5 10-7.5 10z"],
  less: ["M12 4a8 8 0 1 0 0 16a8 8 0 0 0 0-16", "M8 12h8"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  plus: ["M12 5v14", "M5 12h14"],
  filter: ["M4 7h10", "M18 7h2", "M16 5v4", "M4 16h3", "M11 16h9", "M9 14v4"],
  sun: ["M12 8.2a3.8 3.8 0 1 0 0 7.6a3.8 3.8 0 0 0 0-7.6", "M12 3v2", "M12 19v2", "M3 12h2", "M19 12h2",
    "M5.6 5.6L7 7", "M17 17l1.4 1.4", "M5.6 18.4L7 17", "M17 7l1.4-1.4"],
  moon: ["M19.5 14A8 8 0 0 1 10 4.5A8 8 0 1 0 19.5 14z"],
  back: ["M14 6l-6 6 6 6"],
  link: ["M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1", "M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1-1"],
  upload: ["M12 16V5", "M7.5 9.5L12 5l4.5 4.5", "M5 19h14"],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  warning: ["M12 4.5L21 19.5H3z", "M12 10v4.5", "M12 17h.01"],
};

/** An icon by its name. */
export function icon(name) {
  return svg(
    "svg",
    { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    PATHS[name].map((d) => svg("path", { d })),
  );
}
