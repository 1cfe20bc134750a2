// A viewer of /openapi.json that needs no internet.
const token = sessionStorage.getItem("token");
const headers = token ? { Authorization: `Bearer ${token}` } : {};

function element(name, fields = {}, ...children) {
  const made = Object.assign(document.createElement(name), fields);
  made.append(...children);
  return made;
}

function typed(schema, document_, depth = 0) {
  if (!schema) return "";
  if (schema.$ref) return depth > 3 ? "…" : typed(document_.components.schemas[schema.$ref.split("/").pop()], document_, depth + 1);
  if (schema.anyOf) return schema.anyOf.map((one) => typed(one, document_, depth)).join(" or ");
  if (schema.properties) {
    const inner = Object.entries(schema.properties).map(([name, one]) => {
      const preset = one.default === undefined ? "" : ` = ${JSON.stringify(one.default)}`;
      const ends = ["minimum", "maximum", "maxItems"].filter((key) => one[key] !== undefined).map((key) => `${key} ${one[key]}`);
      return `${"  ".repeat(depth + 1)}${name}: ${typed(one, document_, depth + 1)}${preset}${ends.length ? `  (${ends.join(", ")})` : ""}`;
    });
    return `{\n${inner.join("\n")}\n${"  ".repeat(depth)}}`;
  }
  if (schema.items) return `[${typed(schema.items, document_, depth)}, …]`;
  return schema.format || schema.type || "any";
}

function operation(method, path, one, document_) {
  const parameters = (one.parameters || []).map((p) =>
    element("tr", {}, element("th", { scope: "row" }, p.name), element("td", {}, `${p.in}, ${typed(p.schema, document_)}`), element("td", {}, p.required ? "required" : `default ${p.schema.default ?? "none"}`)));
  const bodies = Object.entries(one.requestBody?.content || {}).map(([kind, body]) =>
    element("pre", { className: "wide", tabIndex: 0 }, `${kind}: ${typed(body.schema, document_)}`));
  const answers = Object.entries(one.responses || {}).map(([status, answer]) =>
    element("li", {}, `${status}: ${answer.description} ${Object.keys(answer.content || {}).join(", ")}`));
  const card = element("section", { className: "card" }, element("h2", {}, `${method.toUpperCase()} ${path}`), element("p", {}, one.description || one.summary || ""));
  if (parameters.length) card.append(element("div", { className: "wide", tabIndex: 0 }, element("table", {}, ...parameters)));
  card.append(...bodies, element("ul", {}, ...answers));
  card.style.marginBottom = "1rem";
  return card;
}

const answer = await fetch("/openapi.json", { headers });
if (answer.ok) {
  const document_ = await answer.json();
  for (const [path, methods] of Object.entries(document_.paths)) {
    for (const [method, one] of Object.entries(methods)) document.getElementById("paths").append(operation(method, path, one, document_));
  }
  document.getElementById("status").textContent = `${document_.info.title} ${document_.info.version}: ${document_.info.description}`;
} else {
  document.getElementById("status").textContent = (await answer.json()).error;
}
