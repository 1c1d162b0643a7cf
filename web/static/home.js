"use strict";
// Sends files one after the other with their progress, and lists the verdicts.

const find = (id) => document.getElementById(id);
let cursor = null;

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
  const link = element("a", video.name);
  link.href = `/videos/${video.id}`;
  line.appendChild(element("td")).append(link);
  const result = video.result;
  const waits = video.position ? `waiting behind ${video.position}` : "waiting";
  const state = result ? result.verdict.replace("_", " ") : video.state === "working" ? "being judged" : waits;
  line.append(element("td", state, result ? result.verdict : ""));
  line.append(element("td", result && result.p_fake !== null ? result.p_fake.toFixed(3) : "–"));
  line.append(element("td", new Date(video.created * 1000).toLocaleString()));
  const button = element("button", "Delete", "plain");
  button.setAttribute("aria-label", `delete ${video.name}`);
  button.onclick = async () => { await fetch(`/v1/videos/${video.id}`, { method: "DELETE" }); await list(); };
  line.appendChild(element("td")).append(button);
  return line;
}

async function list(more = false) {
  const query = new URLSearchParams({ name: find("name").value });
  if (find("verdict").value) query.set("verdict", find("verdict").value);
  if (more && cursor) query.set("cursor", cursor);
  const response = await fetch(`/v1/videos?${query}`);
  if (!response.ok) return;
  const answer = await response.json();
  const rows = answer.videos.map(row);
  if (more) find("videos").append(...rows);
  else find("videos").replaceChildren(...rows);
  cursor = answer.cursor;
  find("more").hidden = cursor === null;
  find("none").hidden = find("videos").children.length > 0;
  const open = answer.videos.some((video) => video.state !== "done");
  clearTimeout(list.timer);
  if (open && !more) list.timer = setTimeout(list, 1000);
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
