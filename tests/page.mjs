// Runs a page's script on a later day, and says what a reader then sees.
// Input: {script, day, page}, the page as nested [name, attributes, children]. Just as much
// of a document is made here as `source/_static/drillbook.js` asks for.
import { readFileSync } from "node:fs";
import vm from "node:vm";

class Element {
  constructor(name, attributes) {
    Object.assign(this, { name, attributes, nodes: [], parent: null });
  }
  get classes() { return (this.attributes.class ?? "").split(" ").filter(Boolean); }
  get className() { return this.attributes.class ?? ""; }
  set className(text) { this.attributes.class = text; }
  get classList() {
    return {
      add: (...names) => { this.className = [...new Set([...this.classes, ...names])].join(" "); },
      remove: (...names) => {
        this.className = this.classes.filter((each) => !names.includes(each)).join(" ");
      },
    };
  }
  get hidden() { return "hidden" in this.attributes; }
  set hidden(value) {
    if (value) this.attributes.hidden = "";
    else delete this.attributes.hidden;
  }
  set title(text) { this.attributes.title = text; }
  getAttribute(name) { return this.attributes[name] ?? null; }
  setAttribute(name, value) { this.attributes[name] = value; }
  removeAttribute(name) { delete this.attributes[name]; }
  append(...nodes) {
    for (const node of nodes) {
      if (node === "") continue;
      if (node instanceof Element) node.parent = this;
      this.nodes.push(node);
    }
  }
  get children() { return this.nodes.filter((node) => node instanceof Element); }
  get textContent() {
    return this.nodes.map((each) => (each instanceof Element ? each.textContent : each)).join("");
  }
  set textContent(text) { this.nodes = text ? [text] : []; }
  get nextElementSibling() {
    const near = this.parent.children;
    return near[near.indexOf(this) + 1] ?? null;
  }
  matches(selector) {
    if (selector.startsWith(".")) return this.classes.includes(selector.slice(1));
    return selector.startsWith("[") && selector.slice(1, -1) in this.attributes;
  }
  closest(selector) {
    return this.matches(selector) ? this : (this.parent?.closest(selector) ?? null);
  }
  querySelectorAll(selector) {
    if (!/^(\.[\w-]+|\[[\w-]+\])$/.test(selector)) return [];
    return this.children.flatMap((each) => [
      ...(each.matches(selector) ? [each] : []),
      ...each.querySelectorAll(selector),
    ]);
  }
  querySelector(selector) { return this.querySelectorAll(selector)[0] ?? null; }
  get shown() {
    if (this.hidden) return "";
    return this.nodes.map((each) => (each instanceof Element ? each.shown : each)).join("");
  }
}

function made([name, attributes, children]) {
  const element = new Element(name, { ...attributes });
  element.append(...children.map((each) => (typeof each === "string" ? each : made(each))));
  return element;
}

const input = JSON.parse(readFileSync(0, "utf8"));
const document = made(input.page);
class Later extends Date {
  constructor() { super(`${input.day}T12:00:00Z`); }
}
const window = { addEventListener() {} };
vm.runInNewContext(input.script, { document, window, Date: Later, Array, Number });
const say = (selector) =>
  document.querySelectorAll(selector).map((each) => each.shown.replace(/\s+/g, " ").trim());
console.log(JSON.stringify({
  marks: document.querySelectorAll(".db-mark").map((each) => each.attributes["data-state"]),
  drills: document.querySelectorAll(".db-drill").map((each) => each.attributes["data-state"]),
  boxes: document.querySelectorAll(".db-snippet").map((each) => each.classes.join(" ")),
  badges: say(".db-state"),
  head: say(".db-page"),
  counts: document.querySelectorAll(".db-counts").map((each) =>
    each.children.map((cell) => cell.shown.replace(/\s+/g, " ").trim()).filter(Boolean)),
}));
