"use strict";
// Sends files one after the other with their progress, and lists the verdicts.

const find = (id) => document.getElementById(id);
const PAUSE = 1000; // milliseconds between two looks at files that are being judged
let cursor = null;
let asked = 0; // number of the newest list that was asked for: an older answer is not shown

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function send(file, line) {
  return new Promise((resolve) => {
    const bar = element("progress");
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", `sending ${file.name}`);
    line.replaceChildren(`${file.name} `, bar);
    const request = new XMLHttpRequest();
    request.open("POST", `/v1/videos?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => { if (event.lengthComputable) bar.value = event.loaded / event.total; };
    request.onload = () => {
      if (request.status === 429) {
        line.replaceChildren(`${file.name}: waits until there is room`);
        setTimeout(() => send(file, line).then(resolve), 1000 * Number(request.getResponseHeader("Retry-After")));
        return;
      }
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { /* not JSON: the status says enough */ }
      if (request.status < 300) line.remove();
      else line.replaceChildren(`${file.name}: ${answer.detail || `error ${request.status}`}`);
      resolve();
    };
    request.onerror = () => { line.replaceChildren(`${file.name}: the server does not answer`); resolve(); };
    request.send(file);
  });
}

async function sendAll(files) {
  const lines = [...files].map((file) => [file, find("sending").appendChild(element("li", `${file.name}: waiting`))]);
  for (const [file, line] of lines) {
    await send(file, line);
    await list();
  }
}

function row(video) {
  const line = element("tr");
  line.id = video.id;
  line.dataset.shown = state(video);
  const link = element("a", video.name);
  link.href = `/videos/${video.id}`;
  line.appendChild(element("td")).append(link);
  const result = video.result;
  line.append(element("td", state(video), result ? result.verdict : ""));
  line.append(element("td", result && result.p_fake !== null ? result.p_fake.toFixed(3) : "–"));
  line.append(element("td", new Date(video.created * 1000).toLocaleString()));
  const button = element("button", "Delete", "plain");
  button.setAttribute("aria-label", `delete ${video.name}`);
  button.onclick = async () => {
    const response = await fetch(`/v1/videos/${video.id}`, { method: "DELETE" });
    if (response.ok || response.status === 404) line.remove();
    else alert((await response.json()).detail);
    list();
  };
  line.appendChild(element("td")).append(button);
  return line;
}

function state(video) {
  if (video.result) return video.result.verdict.replace("_", " ");
  if (video.state === "working") return "being judged";
  return video.position ? `waiting behind ${video.position}` : "waiting";
}

// Rows that show the same stay as they are, so that none loses the keyboard's focus.
function show(videos, more) {
  const rows = videos.map((video) => {
    const known = document.getElementById(video.id);
    return known && known.dataset.shown === state(video) ? known : row(video);
  });
  const table = find("videos");
  const same = rows.length === table.children.length && rows.every((line, at) => line === table.children[at]);
  if (more) table.append(...rows);
  else if (!same) table.replaceChildren(...rows);
  find("none").hidden = table.children.length > 0;
}

async function list(more = false) {
  clearTimeout(list.timer);
  const number = ++asked;
  let again = true;
  try {
    const query = new URLSearchParams({ name: find("name").value });
    if (find("verdict").value) query.set("verdict", find("verdict").value);
    if (more && cursor) query.set("cursor", cursor);
    const response = await fetch(`/v1/videos?${query}`);
    if (response.status === 401) location.href = "/sign_in";
    if (!response.ok || number !== asked) return;
    const answer = await response.json();
    if (number !== asked) return;
    show(answer.videos, more);
    cursor = answer.cursor;
    find("more").hidden = cursor === null;
    again = answer.videos.some((video) => video.state !== "done");
  } catch { /* the server does not answer: it is asked again */ } finally {
    if (again && number === asked) list.timer = setTimeout(list, PAUSE);
  }
}

const drop = find("drop");
drop.ondragover = (event) => { event.preventDefault(); drop.classList.add("over"); };
drop.ondragleave = () => drop.classList.remove("over");
drop.ondrop = (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  sendAll(event.dataTransfer.files);
};
for (const id of ["files", "folder"]) {
  find(id).onchange = (event) => { sendAll(event.target.files); event.target.value = ""; };
}
find("filter").oninput = () => list();
find("filter").onsubmit = (event) => event.preventDefault();
find("more").onclick = () => list(true);
list();
