"use strict";
// The page of one video: waits for its verdict; then draws p_fake over time and boxes over the player.

const find = (id) => document.getElementById(id);
const { id, state, low, high } = find("data").dataset;
const COLOURS = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]; // Okabe and Ito 2008
const RETRY = 3000; // milliseconds
const NEAR = 0.6; // seconds around a sampled frame in which its box is shown
const EDGE = { left: 34, right: 8, top: 8, bottom: 20 };

function waitForVerdict() {
  const events = new EventSource(`/v1/videos/${id}/events`);
  events.onerror = () => {
    if (events.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), RETRY);
  };
  events.onmessage = (event) => {
    const now = JSON.parse(event.data);
    if (now.state === "done" || now.state === "deleted") {
      events.close();
      location.reload();
    }
    if (now.progress) find("progress").value = now.progress.share;
    find("state").textContent = now.progress
      ? `${Math.round(100 * now.progress.share)} % judged, ${now.progress.people} people so far.`
      : now.state === "working"
      ? "The video is read, faces are searched, and the detector judges them."
      : `Waiting behind ${now.position} other file${now.position === 1 ? "" : "s"}.`;
  };
}

function css(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

function sharp(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  return pen;
}

function drawTimeline(people, player) {
  const canvas = find("timeline");
  const times = people.flatMap((person) => person.frames.map((frame) => frame.seconds ?? frame.index));
  const end = Math.max(...times, player && Number.isFinite(player.duration) ? player.duration : 0, 0.001);
  const { clientWidth: width, clientHeight: height } = canvas;
  const pen = sharp(canvas, width, height);
  const x = (time) => EDGE.left + (time / end) * (width - EDGE.left - EDGE.right);
  const y = (p) => EDGE.top + (1 - p) * (height - EDGE.top - EDGE.bottom);
  pen.font = "12px system-ui, sans-serif";
  pen.fillStyle = css("--quiet");
  pen.strokeStyle = css("--line");
  for (const p of [0, 0.5, 1]) {
    pen.beginPath(); pen.moveTo(EDGE.left, y(p)); pen.lineTo(width - EDGE.right, y(p)); pen.stroke();
    pen.fillText(p.toFixed(1), 6, y(p) + 4);
  }
  pen.fillText("0 s", EDGE.left, height - 4);
  pen.textAlign = "right";
  pen.fillText(`${end.toFixed(1)} s`, width - EDGE.right, height - 4);
  pen.textAlign = "left";
  pen.setLineDash([5, 4]);
  pen.strokeStyle = css("--quiet");
  for (const p of [Number(low), Number(high)]) {
    pen.beginPath(); pen.moveTo(EDGE.left, y(p)); pen.lineTo(width - EDGE.right, y(p)); pen.stroke();
  }
  pen.setLineDash([]);
  people.forEach((person, number) => {
    pen.strokeStyle = pen.fillStyle = COLOURS[number % COLOURS.length];
    pen.beginPath();
    for (const frame of person.frames) pen.lineTo(x(frame.seconds ?? frame.index), y(frame.p_fake));
    pen.stroke();
    for (const frame of person.frames) {
      pen.beginPath(); pen.arc(x(frame.seconds ?? frame.index), y(frame.p_fake), 3, 0, 7); pen.fill();
    }
  });
  if (player) {
    pen.strokeStyle = css("--text");
    pen.beginPath(); pen.moveTo(x(player.currentTime), EDGE.top);
    pen.lineTo(x(player.currentTime), height - EDGE.bottom); pen.stroke();
    canvas.setAttribute("aria-valuemax", end.toFixed(1));
    canvas.setAttribute("aria-valuenow", player.currentTime.toFixed(1));
  }
  return (offset) => ((offset - EDGE.left) / (width - EDGE.left - EDGE.right)) * end;
}

function drawBoxes(people, player) {
  const { clientWidth: width, clientHeight: height } = player;
  const pen = sharp(find("boxes"), width, height);
  find("boxes").style.width = `${width}px`;
  find("boxes").style.height = `${height}px`;
  if (!player.videoWidth) return;
  const scale = Math.min(width / player.videoWidth, height / player.videoHeight);
  const left = (width - scale * player.videoWidth) / 2;
  const top = (height - scale * player.videoHeight) / 2;
  people.forEach((person, number) => {
    const distance = (frame) => Math.abs((frame.seconds ?? Infinity) - player.currentTime);
    const frame = person.frames.reduce((a, b) => (distance(b) < distance(a) ? b : a));
    if (distance(frame) > NEAR) return;
    const [x0, y0, x1, y1] = frame.box.map((value) => value * scale);
    pen.strokeStyle = pen.fillStyle = COLOURS[number % COLOURS.length];
    pen.lineWidth = 2;
    pen.strokeRect(left + x0, top + y0, x1 - x0, y1 - y0);
    pen.font = "600 14px system-ui, sans-serif";
    const text = [`${person.person}: ${frame.p_fake.toFixed(2)}`, left + x0, Math.max(16, top + y0 - 6)];
    pen.lineWidth = 4;
    pen.strokeStyle = "#000";
    pen.strokeText(...text);
    pen.fillStyle = "#fff";
    pen.fillText(...text);
  });
}

async function showVerdict() {
  if (!find("timeline")) return;
  const people = (await (await fetch(`/v1/videos/${id}`)).json()).result.people;
  const player = find("player");
  let toTime = () => 0;
  const draw = () => {
    toTime = drawTimeline(people, player);
    if (player) drawBoxes(people, player);
  };
  const jump = (time) => { if (player) player.currentTime = Math.max(0, time); };
  find("timeline").onclick = (event) => jump(toTime(event.offsetX));
  find("timeline").onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step && player) { jump(player.currentTime + step); event.preventDefault(); }
  };
  if (player) {
    for (const name of ["loadedmetadata", "timeupdate", "seeked", "resize"]) player.addEventListener(name, draw);
    player.onerror = () => {
      player.parentElement.hidden = true;
      find("no_player").hidden = false;
      find("timeline").removeAttribute("tabindex"); // there is nothing to move
      find("timeline").setAttribute("role", "img");
    };
    if (player.error) player.onerror();
  }
  addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
}

if (state === "done") {
  find("delete").onclick = async () => {
    const response = await fetch(`/v1/videos/${id}`, { method: "DELETE" });
    if (response.ok || response.status === 404) location.href = "/";
    else alert((await response.json()).detail);
  };
  showVerdict();
} else {
  waitForVerdict();
}
