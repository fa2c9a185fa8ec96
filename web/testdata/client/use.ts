// Uses the API as a chat bot would, knowing nothing but openapi.yaml.
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

declare const process: { argv: string[] };

const [base, token] = process.argv.slice(2);
const api = createClient<paths>({ baseUrl: base, headers: { Authorization: `Bearer ${token}` } });
const out: Record<string, unknown> = {};

const { data: list, error } = await api.GET("/api/v1/incidents", { params: { query: { state: "open", limit: 10 } } });
if (!list) throw new Error(JSON.stringify(error));
const incident = list.incidents[0];
out.incident = incident.id;
out.summary = incident.summary;
const origin = incident.origin;
if (!origin) throw new Error("the incident has no origin");

const { data: png } = await api.GET("/api/v1/graph.png", { params: { query: { device: "sw-1", port: ["Gi1/0/1"], w: 400, h: 200 } }, parseAs: "arrayBuffer" });
out.png = Array.from(new Uint8Array(png as unknown as ArrayBuffer).slice(0, 8));

const made = await api.POST("/api/v1/silences", { body: { match: { device: origin.device }, for: "1h", by: "bot", reason: "ticket 4711" } });
out.silenced = made.response.status;
const silences = await api.GET("/api/v1/silences");
out.silences = silences.data?.silences.map((s) => s.reason);

const stop = new AbortController();
const events = await api.GET("/api/v1/events", { params: { query: { only: "wall" } }, parseAs: "stream", signal: stop.signal });
let text = "";
for await (const part of events.data as unknown as AsyncIterable<Uint8Array>) {
  text += new TextDecoder().decode(part);
  if (text.includes("event: wall")) break;
}
stop.abort();
out.event = text.includes("event: wall");

const wrong = await api.GET("/api/v1/devices/{device}", { params: { path: { device: "none" } } });
out.problem = wrong.error?.detail;
console.log(JSON.stringify(out));
