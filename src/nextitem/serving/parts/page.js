// What is shown follows from `state`; a change of it is drawn anew. The address keeps it, so that a link shows the same.
const $ = (id) => document.getElementById(id);
const state = {
  history: [], user: "", by: "removal", language: navigator.language.startsWith("zh") ? "zh" : "en", near: null,
};
let card = null, token = "", asked = 0;
const titles = new Map();
const MOST_REASONS = 5;

function say(word, values = {}) {
  return WORDS[state.language][word].replace(/\{(\w+)\}/g, (whole, name) => String(values[name]));
}

function make(tag, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
}

async function ask(path, body) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const options = body === undefined ? { headers } : {
    method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error(say("gone"));
  }
  const found = await answer.json();
  if (answer.status === 401) $("guard").hidden = false;
  if (!answer.ok) throw new Error(found.error);
  return found;
}

function learn(items, found) {
  (found || []).forEach((title, place) => { if (title) titles.set(String(items[place]), title); });
}

const name = (item) => titles.get(String(item)) || String(item);

function called(item) {
  const title = titles.get(String(item));
  const shown = make("span", { className: "name" }, title || String(item));
  if (title) shown.append(make("small", {}, String(item)));
  return shown;
}

function complain(error) {
  $("problem").textContent = error ? error.message : "";
  $("problem").hidden = !error;
}

// The address

function keep() {
  const kept = new URLSearchParams({ lang: state.language });
  state.history.forEach((item) => kept.append("item", item));
  if (state.user) kept.set("user", state.user);
  if (state.by !== "removal") kept.set("by", state.by);
  history.replaceState(null, "", `#${kept}`);
}

function recall() {
  const kept = new URLSearchParams(location.hash.slice(1));
  state.history = kept.getAll("item");
  state.user = kept.get("user") || "";
  state.by = kept.get("by") === "attention" ? "attention" : "removal";
  if (kept.get("lang") in WORDS) state.language = kept.get("lang");
}

// The history

function change(next, focus) {
  state.history = next;
  keep();
  drawHistory();
  if (focus !== undefined) $("history").children[focus]?.focus();
  recommend();
}

function add(item) {
  if (state.history.length >= card.limits.history) {
    complain(new Error(say("limit", { count: card.limits.history })));
    return;
  }
  change([...state.history, String(item)]);
}

function move(from, to) {
  if (to < 0 || to >= state.history.length) return;
  const next = [...state.history];
  next.splice(to, 0, next.splice(from, 1)[0]);
  change(next, to);
}

function remove(place) {
  change(state.history.filter((_, other) => other !== place), Math.min(place, state.history.length - 2));
}

function drawHistory() {
  const rows = state.history.map((item, place) => {
    const icon = (word, sign, act, off = false) => make("button", {
      type: "button", className: "icon", textContent: sign, title: say(word), disabled: off, onclick: act,
      ariaLabel: `${say(word)}: ${name(item)}`,
    });
    const handle = make("span", { className: "handle", textContent: "⠿", ariaHidden: "true" });
    const row = make("li", {
      tabIndex: 0, ariaLabel: say("position", { name: name(item), place: place + 1, count: state.history.length }),
    }, make("div", { className: "row" }, handle, called(item),
      icon("up", "↑", () => move(place, place - 1), place === 0),
      icon("down", "↓", () => move(place, place + 1), place === state.history.length - 1),
      icon("remove", "×", () => remove(place))));
    row.onkeydown = (event) => {
      if (event.target !== row) return;
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (step && event.altKey) move(place, place + step);
      else if (step) $("history").children[place + step]?.focus();
      else if (event.key === "Delete" || event.key === "Backspace") remove(place);
      else return;
      event.preventDefault();
    };
    drag(handle, row, place);
    return row;
  });
  $("history").replaceChildren(...(rows.length ? rows : [make("li", { className: "note" }, say("empty"))]));
  $("clear").disabled = !rows.length;
}

function drag(handle, row, from) {
  handle.onpointerdown = (event) => {
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    row.classList.add("dragged");
    handle.onpointermove = (at) => {
      const others = [...$("history").children].filter((one) => one !== row);
      const after = others.find((one) => at.clientY < one.getBoundingClientRect().top + one.offsetHeight / 2);
      if (row.nextElementSibling !== (after || null)) $("history").insertBefore(row, after || null);
    };
    handle.onpointerup = handle.onpointercancel = () => {
      handle.onpointermove = handle.onpointerup = handle.onpointercancel = null;
      row.classList.remove("dragged");
      move(from, [...$("history").children].indexOf(row));
    };
  };
}

// What comes next

function question() {
  const asked = { k: Math.min(10, card.limits.k, Math.max(1, card.data.items - new Set(state.history).size)),
    unknown: "skip", fallback: card.has.histories ? "popularity" : "none", titles: true };
  if (!card.asks.strangers || (card.asks.users && state.user)) {
    if (!state.user) return null;
    asked.users = [state.user];
    if (!state.history.length && card.has.histories) return asked;
  }
  asked.histories = [state.history];
  return asked;
}

async function recommend() {
  const number = ++asked;
  const wanted = card.asks.times || card.asks.ratings ? null : question();
  if (!wanted) {
    $("next").replaceChildren();
    $("said").textContent = say(card.asks.times || card.asks.ratings ? "times" : "wait");
    return;
  }
  try {
    const answer = (await ask("/recommend", wanted)).answers[0];
    if (number !== asked) return; // a newer question is under way
    learn(answer.items, answer.titles);
    complain(null);
    drawNext(answer);
  } catch (error) {
    if (number === asked) complain(error);
  }
}

function drawNext(answer) {
  const best = answer.scores[0], least = answer.scores[answer.scores.length - 1];
  $("next").replaceChildren(...answer.items.map((item, place) => {
    const button = (word, act) => make("button", { type: "button", textContent: say(word), onclick: act,
      ariaLabel: `${say(word)}: ${name(item)}` });
    const width = best > least ? 10 + (90 * (answer.scores[place] - least)) / (best - least) : 100;
    const level = make("i");
    level.style.width = `${width}%`;
    const row = make("li", { dataset: { item } }, make("div", { className: "row" }, called(item),
      make("span", { className: "score long" }, answer.scores[place].toFixed(3)), button("add", () => add(item)),
      button("similar", () => showNear(item))), make("span", { className: "bar" }, level));
    if (answer.source === "model" && (card.has.influences ? state.history.length : card.has.paths && state.user)) {
      row.firstChild.append(button("why", () => explain(item, row)));
    }
    return row;
  }));
  const left = answer.skipped.length ? say("left", { ids: answer.skipped.join(", ") }) : "";
  const instead = answer.source === "popularity" ? say("popular", { problem: answer.problem }) : answer.problem;
  $("said").textContent = [instead, left].filter(Boolean).join(". ");
}

async function explain(item, row) {
  const shown = row.querySelector(".why");
  if (shown) { shown.remove(); return; }
  const place = make("div", { className: "why" }, "…");
  row.append(place);
  try {
    const lines = card.has.influences ? await influencesOf(item) : await pathsTo(item);
    place.replaceChildren(...(lines.length ? lines.map((one) => make("div", {}, one)) : [say("nopath")]));
  } catch (error) {
    place.textContent = error.message;
  }
}

async function influencesOf(item) {
  const asked = { history: state.history, items: [item], by: card.has.attention ? state.by : "removal",
    ...(card.asks.users && state.user ? { user: state.user } : {}) };
  const found = await ask("/explain", asked);
  if (found.titles) learn(Object.keys(found.titles), Object.values(found.titles));
  const { by, influences, elsewhere } = found.explanations[0];
  const most = influences.slice(0, MOST_REASONS);
  if (by === "removal") {
    return most.map((one) => say("brought", { name: name(one.item),
      loss: `${one.amount < 0 ? "−" : "+"}${Math.abs(one.amount).toFixed(3)}` }));
  }
  const share = (amount) => `${(100 * amount).toFixed(1)}%`;
  return [...most.map((one) => say("looked", { name: name(one.item), share: share(one.amount) })),
    ...(elsewhere >= 0.0005 ? [say("elsewhere", { share: share(elsewhere) })] : []), say("careful")];
}

function explainBy(by) {
  state.by = by;
  keep();
  document.querySelectorAll("#next li").forEach((row) => {
    const shown = row.querySelector(".why");
    if (!shown) return;
    shown.remove();
    explain(row.dataset.item, row);
  });
}

async function pathsTo(item) {
  const found = (await ask(`/explain?${new URLSearchParams({ user: state.user, item })}`)).explanations[0];
  return found.reasons.map((one, number) => say("share", {
    share: `${(100 * one.share).toFixed(0)}%`, path: found.texts[number] }));
}

async function showNear(item) {
  state.near = item;
  const by = card.has.vectors ? "vectors" : "counts";
  try {
    const k = Math.min(10, card.limits.k, card.data.items - 1);
    const found = await ask(`/similar?${new URLSearchParams({ item, by, k })}`);
    learn(found.items, found.titles);
    drawNear(found);
    complain(null);
  } catch (error) {
    complain(error);
  }
}

function drawNear(found) {
  $("near-title").textContent = say("near", { name: name(found.item) });
  $("similar").replaceChildren(...(found.items.length ? found.items.map((item, place) => make("li", {},
    make("div", { className: "row" }, called(item),
      make("span", { className: "score" }, found.similarities[place].toFixed(3)),
      make("button", { type: "button", textContent: say("add"), ariaLabel: `${say("add")}: ${name(item)}`,
        onclick: () => add(item) })))) : [make("li", { className: "note" }, say("none"))]));
  $("near").hidden = false;
}

// The search

let chosen = -1, searched = 0, pause = 0;

async function search() {
  const number = ++searched;
  try {
    const k = Math.min(12, card.limits.k);
    const found = await ask(`/items?${new URLSearchParams({ q: $("search").value, k })}`);
    if (number !== searched || document.activeElement !== $("search")) return;
    learn(found.items, found.titles);
    const rows = found.items.map((item, place) => make("li", { id: `found-${place}`, role: "option",
      dataset: { item }, onmousedown: (event) => { event.preventDefault(); take(item); } }, called(item)));
    $("found").replaceChildren(...(rows.length ? rows : [make("li", { className: "note" }, say("none"))]));
    open(true);
    choose(rows.length && $("search").value ? 0 : -1);
  } catch (error) {
    complain(error);
  }
}

function open(is) {
  $("found").hidden = !is;
  $("search").ariaExpanded = String(is);
  if (!is) choose(-1);
}

function choose(place) {
  const rows = [...$("found").querySelectorAll("[role=option]")];
  chosen = rows.length && place >= -1 ? Math.min(place, rows.length - 1) : -1;
  rows.forEach((row, other) => { row.ariaSelected = String(other === chosen); });
  rows[chosen]?.scrollIntoView({ block: "nearest" });
  if (chosen >= 0) $("search").setAttribute("aria-activedescendant", `found-${chosen}`);
  else $("search").removeAttribute("aria-activedescendant");
}

function take(item) {
  $("search").value = "";
  searched += 1; // what is under way comes too late
  open(false);
  add(item);
}

$("search").oninput = () => { clearTimeout(pause); pause = setTimeout(search, 120); };
$("search").onfocus = search;
$("search").onblur = () => open(false);
$("search").onkeydown = (event) => {
  if (event.key === "ArrowDown") { if ($("found").hidden) search(); else choose(chosen + 1); }
  else if (event.key === "ArrowUp") choose(Math.max(0, chosen - 1));
  else if (event.key === "Enter" && chosen >= 0) take($("found").children[chosen].dataset.item);
  else if (event.key === "Escape") open(false);
  else return;
  event.preventDefault();
};

// The rest

function drawCard() {
  const { figures, data } = card;
  const count = (number) => number.toLocaleString(state.language);
  const parts = [make("h2", {}, say("card")), make("p", {}, `${card.model}, ${data.name}: ${say("sizes", {
    users: count(data.users), items: count(data.items), interactions: count(data.interactions) })}`)];
  if (!figures) parts.push(make("p", { className: "note" }, say("unmeasured")));
  else {
    const metrics = Object.keys(figures.test);
    const row = (title, values) => make("tr", {}, make("td", {}, title),
      ...metrics.map((metric) => make("td", {}, values[metric].toFixed(4))));
    parts.push(make("h2", {}, say("figures")), make("div", { className: "wide" }, make("table", {},
      make("thead", {}, make("tr", {}, make("th", {}), ...metrics.map((one) => make("th", { scope: "col" }, one)))),
      make("tbody", {}, ...Object.entries(figures.baselines).map(([title, values]) => row(title, values)),
        row(card.model, figures.test)))),
      make("p", { className: "note" }, `${figures.split}; ${figures.protocol}`),
      ...figures.said.map((one) => make("p", { className: "note" }, one)));
  }
  if (card.is_refit) parts.push(make("p", { className: "note" }, say("refit")));
  $("card").replaceChildren(...parts);
}

function draw() {
  document.documentElement.lang = state.language;
  document.querySelectorAll("[data-word]").forEach((one) => { one.textContent = say(one.dataset.word); });
  $("language").textContent = state.language === "en" ? "中文" : "English";
  $("language").lang = state.language === "en" ? "zh" : "en";
  if (!card) return;
  $("title").textContent = document.title = say("on", { model: card.model, data: card.data.name });
  $("who").hidden = !card.asks.users;
  $("user").value = state.user;
  $("how").hidden = !card.has.attention;
  $("by").value = state.by;
  drawHistory();
  drawCard();
  if (state.near !== null) showNear(state.near);
  recommend();
}

$("language").onclick = () => { state.language = state.language === "en" ? "zh" : "en"; keep(); draw(); };
$("clear").onclick = () => { change([]); $("search").focus(); };
$("user").onchange = () => { state.user = $("user").value.trim(); keep(); recommend(); };
$("by").onchange = () => explainBy($("by").value);
$("guard").onsubmit = (event) => { event.preventDefault(); token = $("token").value; start(); };
window.onhashchange = () => { recall(); start(); };

async function start() {
  draw();
  try {
    card = await ask("/card");
    $("guard").hidden = true;
    complain(null);
    if (state.history.length) {
      const wanted = new URLSearchParams(state.history.map((item) => ["item", item]));
      const found = await ask(`/titles?${wanted}`);
      learn(found.items, found.titles);
    }
    draw();
  } catch (error) {
    complain(error);
  }
}

recall();
start();
