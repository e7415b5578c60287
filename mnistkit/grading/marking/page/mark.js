"use strict";
// One question, one answer at a time. What students wrote is set as text, never as HTML.

const $ = (id) => document.getElementById(id);
let questions = [], number = 0, data = null, place = 0, editing = null, choosing = "";
let queue = Promise.resolve(), waiting = 0;

async function ask(path, body) {
  const options = body && {
    method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body),
  };
  const response = await fetch(path, options);
  const found = await response.json();
  if (!response.ok) throw new Error(found.error);
  return found;
}

function problem(error) {
  $("problem").textContent = error ? `Not saved: ${error.message || error}` : "";
  $("problem").hidden = !error;
}

// One after the other: what was changed meanwhile goes along with the next.
function later(task) {
  waiting += 1;
  $("saved").textContent = "saving …";
  queue = queue.then(task).then(() => "saved", async (error) => {
    await load(number, place).catch(() => {});  // what is kept; nothing where the command has ended
    problem(error);
    return "";
  }).then((said) => {
    waiting -= 1;
    if (!waiting) $("saved").textContent = said;
  });
}

async function load(next, at) {
  const wanted = Math.max(questions.length ? Math.min(next, questions.length - 1) : next, 0);
  if (wanted !== number) {  // no key is taken for the question before
    data = null;
    $("progress").textContent = "…";
  }
  number = wanted;
  const [list, found] = await Promise.all([ask("/api/questions"), ask(`/api/question/${wanted}`)]);
  if (number !== wanted) return;  // another one was chosen meanwhile
  questions = list.questions;
  data = found;
  for (const answer of data.answers) answer.saved = answer.mark;
  place = at ?? Math.max(data.answers.findIndex((answer) => answer.open), 0);
  $("questions").replaceChildren(...questions.map((question, i) => {
    const waits = question.waiting ? ` (${question.waiting} of ${question.count} wait)` : "";
    return new Option(`${question.title}${waits}`, i, i === number, i === number);
  }));
  $("title").textContent = data.title;
  $("text").innerHTML = data.text;  // cleaned by the server: the instructor's own
  const heading = $("text").querySelector("h1, h2, h3, h4");
  if (heading?.textContent.replace(/¶$/, "").trim() === data.title) heading.remove();  // it stands above already
  $("solution").textContent = data.solution;
  problem(null);
  show();
}

function show() {
  const answer = data.answers[place];
  if (!answer) { $("progress").textContent = "no answers"; return; }
  const open = data.answers.filter((each) => each.open).length;
  $("progress").textContent = `answer ${place + 1} of ${data.answers.length}, ${open} wait`;
  $("whose").textContent = answer.whose || `Answer ${place + 1}`;
  $("answer").replaceChildren(...answer.cells.map((cell) => {
    const box = document.createElement("pre");
    box.textContent = cell || "(empty)";
    return box;
  }));
  const outdated = answer.mark.points !== null && answer.mark.sha256 !== answer.sha256;
  $("again").hidden = !outdated;
  $("again").textContent = "These points were given for an earlier answer. y: they stand.";
  const auto = answer.auto === null ? "" : `The checks gave ${answer.auto}. `;
  $("reason").textContent = auto + answer.reason;
  $("declaration").textContent = answer.declaration && `Declared on the use of AI: ${answer.declaration}`;
  const points = answer.mark.points ?? answer.auto;
  $("points").textContent = `${points ?? "–"} of ${data.most} points`;
  $("items").replaceChildren(...data.items.map((item, i) => {
    const line = document.createElement("li");
    line.textContent = `${i < 9 ? i + 1 : " "}  ${item.text} (${item.points > 0 ? "+" : ""}${item.points})`;
    line.classList.toggle("chosen", answer.mark.items.includes(item.id));
    line.addEventListener("click", () => toggle(i));
    return line;
  }));
  if (document.activeElement !== $("comment")) $("comment").value = answer.mark.comment;
  $("reuse").hidden = choosing !== "reuse";
  $("reuse").querySelector("ol").replaceChildren(...data.comments.map((comment) => {
    const line = document.createElement("li");
    line.textContent = comment;
    return line;
  }));
}

function change(answer, what) {
  answer.mark = {...answer.mark, ...what};
  answer.open = answer.mark.points === null ? answer.auto === null : answer.mark.sha256 !== answer.sha256;
  show();
  later(async () => {
    const made = await ask(`/api/answer/${answer.key}`, {mark: answer.mark, seen: answer.saved});
    const kept = data && data.answers.find((each) => each.key === answer.key);
    for (const each of kept ? [answer, kept] : [answer]) {
      each.saved = made.mark;
      if (waiting === 1) Object.assign(each, {mark: made.mark, open: made.open});  // the server's sum
    }
    problem(null);
    if (kept && waiting === 1) show();
  });
}

function decide(points, items) {
  const answer = data.answers[place];
  change(answer, {points, items, sha256: points === null ? "" : answer.sha256});
}

function toggle(i) {
  const item = data.items[i], had = data.answers[place].mark.items;
  if (!item) return;
  const items = had.includes(item.id) ? had.filter((id) => id !== item.id) : [...had, item.id];
  const auto = data.answers[place].auto ?? 0;
  const sum = data.items.filter((each) => items.includes(each.id)).reduce((a, each) => a + each.points, auto);
  decide(items.length ? Math.min(Math.max(sum, 0), data.most) : null, items);
}

function comment(text) {
  const answer = data.answers[place];
  if (text.trim() === answer.mark.comment.trim()) return;
  if (text.trim() && !data.comments.includes(text.trim())) data.comments = [...data.comments, text.trim()].slice(-9);
  change(answer, {comment: text.trim()});
}

function move(to) {
  place = Math.min(Math.max(to, 0), data.answers.length - 1);
  show();
}

function next() {
  const count = data.answers.length;
  for (let step = 1; step < count; step += 1) {
    const at = (place + step) % count;
    if (data.answers[at].open) return move(at);
  }
  return show();
}

// The student of this id, else the next one whose id or name has the text in it.
function find(text) {
  const wanted = text.trim().toLowerCase(), count = data.answers.length;
  const order = data.answers.map((_, i) => (place + 1 + i) % count);
  const whose = (i) => data.answers[i].whose.toLowerCase();
  const at = order.find((i) => whose(i).split(" ")[0] === wanted) ?? order.find((i) => whose(i).includes(wanted));
  $("saved").textContent = at === undefined ? `no answer of ${text.trim()}` : "";
  move(at ?? place);
}

function open(form, values) {
  form.hidden = false;
  form.reset();
  for (const [name, value] of Object.entries(values)) form.elements[name].value = value;
  form.elements[0].focus();
}

function edit(item) {
  editing = item;
  open($("item"), item ? {text: item.text, points: item.points} : {});
}

function digit(i) {
  const mode = choosing;
  choosing = "";
  if (mode === "reuse") { if (data.comments[i]) comment(data.comments[i]); show(); }
  else if (mode === "edit") { if (data.items[i]) edit(data.items[i]); }
  else toggle(i);
}

const KEYS = {
  j: () => move(place + 1), ArrowDown: () => move(place + 1),
  k: () => move(place - 1), ArrowUp: () => move(place - 1),
  Enter: next,
  "[": () => load(number - 1).catch(problem), "]": () => load(number + 1).catch(problem),
  0: () => decide(0, []),
  "/": () => { if (data.answers[place].whose) open($("find"), {}); },
  p: () => open($("number"), {}),
  y: () => { const {mark} = data.answers[place]; if (mark.points !== null) decide(mark.points, mark.items); },
  x: () => decide(null, []),
  c: () => $("comment").focus(),
  r: () => { choosing = "reuse"; show(); },
  n: () => edit(null),
  e: () => { choosing = "edit"; },
  Escape: () => { choosing = ""; show(); },
};

document.addEventListener("keydown", (event) => {
  const field = event.target.closest("input, textarea, select");
  if (field && event.key === "Escape") {
    for (const form of document.forms) form.hidden = true;
    field.blur();
    return;
  }
  const ready = data && data.answers.length || "[]".includes(event.key);
  if (field || !ready || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("summary") && event.key === "Enter") return;
  if (/^[1-9]$/.test(event.key)) digit(Number(event.key) - 1);
  else if (KEYS[event.key]) { if (!"er".includes(event.key)) choosing = ""; KEYS[event.key](); }
  else return;
  event.preventDefault();
});

$("comment").addEventListener("change", () => comment($("comment").value));
$("questions").addEventListener("change", (event) => { 
  event.target.blur();
  load(Number(event.target.value)).catch(problem);
});
$("find").addEventListener("submit", (event) => {
  event.preventDefault();
  event.target.hidden = true;
  document.activeElement.blur();
  find(event.target.elements.text.value);
});
$("number").addEventListener("submit", (event) => {
  event.preventDefault();
  const points = Number(event.target.elements.points.value);
  event.target.hidden = true;
  document.activeElement.blur();
  decide(points, []);
});
$("item").addEventListener("submit", (event) => {
  event.preventDefault();
  const {text, points} = event.target.elements, seen = editing, of = number;
  const body = {text: text.value, points: Number(points.value), seen};
  event.target.hidden = true;
  document.activeElement.blur();
  later(async () => {
    await ask(`/api/question/${of}/item`, body);
    if (of === number && data) await load(of, place);
  });
});
addEventListener("beforeunload", (event) => { if (waiting) event.preventDefault(); });

async function begin() {
  const list = (await ask("/api/questions")).questions;
  await load(Math.max(list.findIndex((question) => question.waiting), 0));
}
begin().catch(problem);
