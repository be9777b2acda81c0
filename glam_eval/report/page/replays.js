"use strict";
// Replays: one stored episode, step by step. Codes are MiniGrid's (minigrid.core.constants).
(() => {
  const source = document.getElementById("replay-data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const COLORS = ["#e5484d", "#46a758", "#4b8bf0", "#a45ee5", "#f2c94c", "#9ba1a6"];
  const COLOR_NAMES = ["red", "green", "blue", "purple", "yellow", "grey"];
  const NAMES = { 4: "door", 5: "key", 6: "ball", 7: "box", 8: "goal", 9: "lava" };
  const DOOR_STATES = ["open", "closed", "locked"];
  const $ = (id) => document.getElementById(id);
  const [picture, slider, play] = [$("replay-picture"), $("replay-step"), $("replay-play")];
  const menus = ["replay-agent", "replay-shift", "replay-outcome"].map($);
  let matching = [], episode = null, step = 0, timer = 0;

  const svg = (name, attributes, children = []) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };

  const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

  const thing = (type, color, state) => {  // drawn in a cell of side 1
    const fill = COLORS[color] ?? "#9ba1a6";
    const line = { fill: "none", stroke: fill, "stroke-width": 0.09 };
    if (type === 2) return [svg("rect", { width: 1, height: 1, fill: "#6b7075" })];
    if (type === 4) {
      if (state === 0) return [svg("rect", { x: 0.04, y: 0.04, width: 0.16, height: 0.92, ...line })];
      return [svg("rect", { x: 0.07, y: 0.07, width: 0.86, height: 0.86, ...line, fill: state === 2 ? `${fill}66` : "none" }),
        state === 2 ? svg("path", { d: "M.66 .42v.18", ...line }) : svg("circle", { cx: 0.74, cy: 0.5, r: 0.08, fill })];
    }
    if (type === 5) return [svg("circle", { cx: 0.5, cy: 0.28, r: 0.14, ...line }), svg("path", { d: "M.5 .42V.86M.5 .68h.18M.5 .82h.18", ...line })];
    if (type === 6) return [svg("circle", { cx: 0.5, cy: 0.5, r: 0.32, fill })];
    if (type === 7) return [svg("rect", { x: 0.18, y: 0.18, width: 0.64, height: 0.64, ...line }), svg("path", { d: "M.18 .5h.64", ...line })];
    if (type === 8) return [svg("rect", { width: 1, height: 1, fill: "#46a758" })];
    if (type === 9) return [svg("rect", { width: 1, height: 1, fill: "#f2762e" })];
    return [];
  };

  const viewOf = ({ x, y, direction }) => {  // the 7x7 cells the agent perceives: it stands in the middle of the near edge
    const [left, top] = [[x, y - 3], [x - 3, y], [x - 6, y - 3], [x - 3, y - 6]][direction];
    return svg("rect", { x: left, y: top, width: 7, height: 7, fill: "#fff", "fill-opacity": 0.09 });
  };

  const draw = (now) => {
    const grid = decode(data.grids[now.grid]);
    const [columns, rows] = [episode.width, grid.length / 3 / episode.width];
    const cells = [], words = [];
    for (let x = 0; x < columns; x++) {
      for (let y = 0; y < rows; y++) {
        const [type, color, state] = grid.subarray(3 * (x * rows + y));
        cells.push(svg("g", { transform: `translate(${x} ${y})` }, [
          svg("rect", { width: 1, height: 1, fill: "none", stroke: "#3a3f44", "stroke-width": 0.03 }), ...thing(type, color, state)]));
        if (NAMES[type]) words.push([type === 4 ? DOOR_STATES[state] : "", COLOR_NAMES[color], NAMES[type]].filter(Boolean).join(" "));
      }
    }
    const agent = svg("path", { d: "M-.32-.3 .38 0-.32 .3Z", fill: "#ff5a4f", stroke: "#fff", "stroke-width": 0.05,
      transform: `translate(${now.x + 0.5} ${now.y + 0.5}) rotate(${90 * now.direction})` });
    picture.setAttribute("viewBox", `0 0 ${columns} ${rows}`);
    picture.setAttribute("aria-label", `Grid with ${words.join(", ") || "nothing in it"}; the agent faces ${["right", "down", "left", "up"][now.direction]}`);
    picture.replaceChildren(...cells, viewOf(now), agent);
  };

  const show = () => {
    const [grid, x, y, direction, sentences, probabilities, action, actions] = episode.steps[step];
    picture.style.display = episode.width ? "" : "none";  // a world that is told alone has no grid
    if (episode.width) draw({ grid, x, y, direction });
    $("replay-sentences").replaceChildren(...sentences.map((index) => {
      const item = document.createElement("li");
      item.textContent = data.texts[index];
      return item;
    }));
    $("replay-actions").replaceChildren(...actions.flatMap((name, index) => {
      const [label, track, bar, share] = ["span", "div", "i", "output"].map((tag) => document.createElement(tag));
      label.textContent = data.texts[name];
      label.classList.toggle("chosen", index === action);
      track.className = "track";
      bar.style.width = `${100 * probabilities[index]}%`;
      track.append(bar);
      share.textContent = `${(100 * probabilities[index]).toFixed(1)}%`;
      return [label, track, share];
    }));
    slider.value = step;
    const last = step === episode.steps.length - 1;
    $("replay-position").textContent = `step ${step + 1} of ${episode.steps.length}: ${data.texts[actions[action]]}`;
    slider.setAttribute("aria-valuetext", $("replay-position").textContent + (last ? `, then ${episode.outcome}` : ""));
  };

  const stop = () => { clearInterval(timer); timer = 0; play.textContent = "▶ Play"; };
  const go = (to) => { step = Math.max(0, Math.min(to, episode.steps.length - 1)); show(); };

  const open = (index) => {
    stop();
    episode = data.episodes[index];
    slider.max = episode.steps.length - 1;
    $("replay-mission").textContent = episode.mission;
    $("replay-who").textContent = `${episode.agent} · ${episode.shift} · scene ${episode.scene}`;
    const badge = $("replay-badge");
    badge.textContent = episode.outcome;
    badge.className = `badge ${episode.success ? "up-text" : "down-text"}`;
    go(0);
  };

  const choose = () => {
    const wanted = menus.map((menu) => menu.value);
    matching = data.episodes.map((e, index) => [e, index]).filter(([e]) =>
      (!wanted[0] || e.agent === wanted[0]) && (!wanted[1] || e.shift === wanted[1]) && (!wanted[2] || String(e.success) === wanted[2]));
    const list = $("replay-episode");
    list.replaceChildren(...matching.map(([e, index]) => new Option(`${e.agent}: ${e.mission} (${e.shift}, ${e.outcome})`, index)));
    $("replay-none").hidden = matching.length > 0;
    $("replay-view").hidden = matching.length === 0;
    if (matching.length) open(matching[0][1]); else stop();
  };

  const toggle = () => {
    if (timer) return stop();
    if (step === episode.steps.length - 1) go(0);
    play.textContent = "❚❚ Pause";
    timer = setInterval(() => { if (step < episode.steps.length - 1) go(step + 1); else stop(); }, 500);
  };

  for (const menu of menus) menu.addEventListener("change", choose);
  $("replay-episode").addEventListener("change", (event) => open(Number(event.target.value)));
  slider.addEventListener("input", () => go(Number(slider.value)));
  $("replay-back").addEventListener("click", () => go(step - 1));
  $("replay-forward").addEventListener("click", () => go(step + 1));
  play.addEventListener("click", toggle);
  $("replay-view").addEventListener("keydown", (event) => {
    if (event.target === slider || event.ctrlKey || event.metaKey || event.altKey) return;  // a slider moves by itself
    const moves = { ArrowLeft: () => go(step - 1), ArrowRight: () => go(step + 1), Home: () => go(0), End: () => go(Infinity) };
    if (!moves[event.key]) return;
    event.preventDefault();
    moves[event.key]();
  });
  choose();
})();
