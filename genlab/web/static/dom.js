// Elements of a page.

export const $ = (id) => document.getElementById(id);

export function element(name, fields = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(fields)) {
    if (key === "style") made.style.cssText = value; else if (key in made) made[key] = value; else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

const STOPS = "button, input, select, a[href], [tabindex]";
const called = (one) => one.ariaLabel || one.name || one.textContent;

// Gives an element new children. The keyboard's focus stays: on what is called the same, or is at the same place.
export function replace(parent, ...children) {
  const stops = () => [...parent.querySelectorAll(STOPS)];
  const held = document.activeElement, at = stops().indexOf(held);
  const name = at < 0 ? "" : called(held);
  parent.replaceChildren(...children);
  if (at < 0) return;
  const now = stops(), same = name ? now.filter((one) => called(one) === name) : [];
  const next = same.includes(now[at]) ? now[at] : same[0] || now[Math.min(at, now.length - 1)];
  next?.focus({ preventScroll: true });
}

export function say(text, wrong = false) {
  $("status").textContent = text;
  $("status").className = wrong ? "error" : "";
}

// What `work` returns is said at its end; why it failed, too.
export async function busy(text, work) {
  say(text);
  $("results").classList.add("busy");
  try { say((await work()) || ""); } catch (error) { say(error.message, true); }
  $("results").classList.remove("busy");
}
