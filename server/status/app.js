// Sign-in and the live state of the junctions. The token stays in memory: leaving the page signs out.
"use strict";

const STALE_MS = 15_000; // lamps are told at least every 5 s
const WINDOW_MS = 5 * 60_000;
const LETTERS = { green: "G", amber: "A", red: "R", red_amber: "RA", flash_red: "FR", flash_amber: "FA", dark: "–" };
const WORDS = { green: "green", amber: "amber", all_red: "all red", red_amber: "red and amber", flash: "flashing", dark: "dark" };
const MODES = { automatic: "automatic", manual_override: "manual override", emergency: "emergency" };

const only = new URLSearchParams(location.search).get("junction");
const at = (selector, root = document) => root.querySelector(selector);
const cards = new Map();
let token = null;
let socket = null;
let attempts = 0;
let retry = 0;

async function call(path, options = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const response = await fetch(path, { ...options, headers });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(body.detail || `The server answered ${response.status}`), { status: response.status });
  return { body, next: (response.headers.get("Link") || "").match(/<([^>]+)>; rel="next"/)?.[1] };
}

async function junctions() {
  if (only) return [(await call(`/api/junctions/${encodeURIComponent(only)}`)).body];
  const all = [];
  for (let path = "/api/junctions/"; path;) {
    const { body, next } = await call(path);
    all.push(...body);
    path = next;
  }
  return all;
}

async function show() {
  for (const junction of await junctions()) {
    const card = cards.get(junction.junction_id) || await add(junction);
    card.online = junction.status === "online";
    card.mode = junction.current_mode;
    draw(card);
  }
  if (!cards.size) feed("No junctions yet");
}

async function add(junction) {
  const { body: lanes } = await call(`/api/junctions/${junction.junction_id}/lanes`);
  const root = at("#card").content.firstElementChild.cloneNode(true);
  at("h2", root).textContent = junction.junction_name;
  at(".city", root).textContent = junction.city;
  const cells = new Map();
  for (const lane of lanes) {
    const head = document.createElement("th");
    head.scope = "col";
    head.textContent = lane.lane_name;
    const cell = document.createElement("td");
    cell.textContent = "0";
    at("thead tr", root).append(head);
    at("tbody tr", root).append(cell);
    cells.set(lane.lane_id, cell);
  }
  at("#junctions").append(root);
  const card = { root, cells, names: lanes.map((lane) => lane.lane_name), counts: [], groups: new Map(), reasons: new Map(), signal: null, heard: 0 };
  cards.set(junction.junction_id, card);
  return card;
}

function take(message) {
  const card = cards.get(message.junction_id);
  if (!card) return;
  const now = Date.now();
  if (message.type === "signal") {
    Object.assign(card, { signal: message, heard: now, online: true });
    if (message.mode) card.mode = message.mode;
    drawGroups(card);
  } else if (message.type === "car_count") {
    card.counts.push({ lane: message.lane_id, count: message.vehicle_count, at: now });
  } else if (message.type === "status") {
    card.online = message.online === true;
  } else if (message.type === "green_time") {
    if (message.reason) card.reasons = new Map([...card.reasons, [message.plan_id, message.reason]].slice(-4));
  }
  draw(card);
}

function drawGroups(card) {
  const place = ([name]) => card.names.indexOf(name) >>> 0; // lanes' order first, then the rest
  for (const [name, aspect] of Object.entries(card.signal.groups || {}).sort((a, b) => place(a) - place(b))) {
    let lamp = card.groups.get(name);
    if (!lamp) {
      const item = document.createElement("li");
      lamp = document.createElement("b");
      item.append(lamp, name);
      at(".groups", card.root).append(item);
      card.groups.set(name, lamp);
    }
    lamp.className = aspect in LETTERS ? aspect : "dark";
    lamp.textContent = LETTERS[aspect] || "?";
    lamp.title = `${name}: ${aspect.replace("_", " ")}`;
  }
}

function draw(card) {
  const now = Date.now();
  const state = at(".state", card.root);
  state.textContent = `${card.online ? "online" : "offline"}, ${MODES[card.mode] || card.mode}`;
  state.className = card.online ? "state online" : "state";
  card.counts = card.counts.filter((entry) => now - entry.at < WINDOW_MS);
  for (const [lane, cell] of card.cells) {
    cell.textContent = card.counts.reduce((sum, entry) => sum + (entry.lane === lane ? entry.count : 0), 0);
  }
  const signal = card.signal;
  if (!signal) return;
  // Between two times of the junction and two of this machine: their clocks may differ.
  const ms = Date.parse(signal.t) - Date.parse(signal.since) + now - card.heard;
  const seconds = Math.max(0, Math.floor(ms / 1000)) || 0;
  const coming = signal.next_stage ? `, then ${signal.next_stage}` : "";
  const stage = signal.stage ? `Stage ${signal.stage}: ` : "";
  at(".stage", card.root).textContent = `${stage}${WORDS[signal.state] || signal.state} for ${seconds} s${coming}`;
  const second = signal.cycle_second + Math.floor((now - card.heard) / 1000);
  const plan = signal.plan_id ? card.reasons.get(signal.plan_id) || "Plan of the server" : "No plan: the junction decides alone";
  at(".plan", card.root).textContent = `Second ${second} of the cycle. ${plan}`;
  at(".plan", card.root).title = signal.plan_id || "";
  const old = now - card.heard > STALE_MS || !socket || socket.readyState !== WebSocket.OPEN;
  card.root.classList.toggle("old", old);
  at(".stale", card.root).textContent = old ? `Stale since ${new Date(card.heard).toLocaleTimeString()}` : "";
}

function connect() {
  const path = only ? `/ws/junction/${encodeURIComponent(only)}` : "/ws/live";
  const opened = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`);
  socket = opened;
  opened.onopen = () => opened.send(JSON.stringify({ type: "auth", token }));
  opened.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type !== "ready") return take(message);
    attempts = 0;
    feed("Live");
    // What happened while the connection was away is fetched.
    show().catch(refused);
  };
  opened.onclose = ({ code, reason }) => {
    if (socket !== opened) return;
    if (code === 4401) return leave("Your session has ended. Sign in again.");
    if (code === 4403) return leave(reason);
    const wait = Math.min(30_000, 1000 * 2 ** attempts++) * (0.5 + Math.random() / 2);
    feed("Connection lost. Trying again…");
    retry = setTimeout(connect, wait);
  };
}

function refused(error) {
  if (error.status === 401) leave("Your session has ended. Sign in again.");
  else feed(error.message);
}

function feed(text) {
  at("#feed").textContent = text;
}

function leave(reason = "") {
  clearTimeout(retry);
  const closing = socket;
  token = socket = null;
  closing?.close();
  cards.clear();
  at("#junctions").replaceChildren();
  at("#junctions").hidden = at("#leave").hidden = true;
  at("#login").hidden = false;
  at("#trouble").textContent = reason;
  feed("");
}

at("#leave").addEventListener("click", () => leave());
at("#login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const button = at("button", form);
  button.disabled = true;
  at("#trouble").textContent = "";
  try {
    token = (await call("/api/users/token", { method: "POST", body: new URLSearchParams(new FormData(form)) })).body.access_token;
    form.reset();
    form.hidden = true;
    at("#junctions").hidden = at("#leave").hidden = false;
    feed("Connecting…");
    await show();
    connect();
  } catch (error) {
    leave(error.message);
  } finally {
    button.disabled = false;
  }
});
setInterval(() => cards.forEach(draw), 1000);
