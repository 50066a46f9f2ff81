/** Small helpers to build the page without markup strings. */

const SVG = "http://www.w3.org/2000/svg";

/** `el("p", {class: "note", hidden: true, onclick: f}, "text", child)`; null children are left out. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) {
      continue;
    }
    if (name.startsWith("on")) {
      node.addEventListener(name.slice(2), value);
    } else {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

const ICONS = {
  download: "M10 3v9m0 0 3.5-3.5M10 12 6.5 8.5M4 15.5h12",
  print: "M6 7V3.5h8V7M6 14H4V7.5h12V14h-2M6 11.5h8v5H6z",
  info: "M10 9v5M10 6.2v.1M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15z",
  empty: "M3.5 15.5h13M5.5 15.5v-4M9 15.5V8M12.5 15.5v-6M16 15.5v-2",
  person:
    "M10 10a3.3 3.3 0 1 0 0-6.6 3.3 3.3 0 0 0 0 6.6zM3.7 16.8c.6-3 3-4.6 6.3-4.6s5.7 1.6 6.3 4.6",
  alert: "M10 7v4M10 13.6v.1M10 2.8 1.9 16.5h16.2z",
};

/** A decorative icon; its button carries the name. */
export function icon(name) {
  return svg(
    "svg",
    { viewBox: "0 0 20 20", width: "16", height: "16", "aria-hidden": "true", class: "icon" },
    svg("path", { d: ICONS[name] }),
  );
}
