// Requests to the server that the page comes from.

// A token comes in the address once, after "#", which browsers send to no server.
const token = (() => {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (found) { sessionStorage.setItem("token", found); history.replaceState(null, "", location.pathname); }
  return sessionStorage.getItem("token");
})();

// The answer; an Error with the server's sentence where it refuses. A full server is asked again.
export async function call(path, body, type = "application/json") {
  const headers = body === undefined ? {} : { "Content-Type": type };
  if (token) headers.Authorization = `Bearer ${token}`;
  for (let tries = 0; ; tries++) {
    const answer = await fetch(path, { method: body === undefined ? "GET" : "POST", headers, body });
    if (answer.ok) return answer;
    if (answer.status === 429 && tries < 4) {
      await new Promise((later) => setTimeout(later, 1000 * (answer.headers.get("Retry-After") || 1)));
      continue;
    }
    const said = await answer.json().catch(() => ({}));
    throw new Error(said.error || `HTTP status ${answer.status}`);
  }
}

export const json = async (path, body) => (await call(path, body && JSON.stringify(body))).json();
