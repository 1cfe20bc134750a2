// A viewer of /openapi.json that needs no internet.
import { json } from "/static/api.js";
import { $, element, say } from "/static/dom.js";

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
    element("pre", { className: "wide", tabIndex: 0, role: "region", ariaLabel: `Body of ${method.toUpperCase()} ${path}` }, `${kind}: ${typed(body.schema, document_)}`));
  const answers = Object.entries(one.responses || {}).map(([status, answer]) =>
    element("li", {}, `${status}: ${answer.description} ${Object.keys(answer.content || {}).join(", ")}`));
  const card = element("section", { className: "card" }, element("h2", {}, `${method.toUpperCase()} ${path}`), element("p", {}, one.description || one.summary || ""));
  if (parameters.length) card.append(element("div", { className: "wide", tabIndex: 0, role: "region", ariaLabel: `Parameters of ${method.toUpperCase()} ${path}` }, element("table", {}, ...parameters)));
  card.append(...bodies, element("ul", {}, ...answers));
  card.style.marginBottom = "1rem";
  return card;
}

async function show() {
  const found = await json("/openapi.json");
  const operations = Object.entries(found.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, one]) => operation(method, path, one, found)));
  $("paths").replaceChildren(...operations);
  say(`${found.info.title} ${found.info.version}: ${found.info.description}`);
}

show().catch((error) => say(error.message, true));
