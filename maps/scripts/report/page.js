/* The page comes alive: tabs, controls, frames, the list of five. */
(() => {
  const { $, data, say, number, make, draw, districts, state, current, paint, legend, describe, edgeText, charts, Frame } = report;
  const root = document.documentElement;

  /** Paint both frames and the legend for the state of the page. */
  function refresh() {
    const view = current();
    const colours = paint(view);
    for (const frame of report.frames) frame.paint(colours);
    legend(view, colours);
    const finding = view.finding();
    if ($('finding').textContent !== finding) $('finding').textContent = finding;
    if ($('meaning').textContent !== view.meaning) $('meaning').textContent = view.meaning;
  }

  /** Say what the view says of a district. */
  report.readout = i => {
    const box = $('readout');
    box.replaceChildren();
    if (i === null || i === undefined) { box.textContent = say('hint'); return; }
    const district = districts[i];
    make('b', { text: district.name }, box);
    box.append(` · ${district.oblast}, ${district.country} · ${describe(district)}`);
  };

  report.hover = i => {
    if (state.hovered === i) return;
    state.hovered = i;
    for (const frame of report.frames) frame.mark('hover', i);
    report.readout(i === null ? state.chosen : i);
  };

  function show(key) {
    state.view = key;
    root.dataset.view = key;
    for (const control of document.querySelectorAll('.control')) control.hidden = control.id !== `control-${key}`;
    refresh();
    for (const frame of report.frames) frame.outline(state.chosen);
    report.readout(state.chosen);
  }

  /* One repaint a frame of the screen, however fast the hand is. */
  let asked = false;
  function soon() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; refresh(); });
  }

  function threshold() {
    state.edge = Number($('threshold').value);
    const text = say('threshold', { n: edgeText(state.edge) });
    $('threshold-value').textContent = text;
    $('threshold').setAttribute('aria-valuetext', text);
    soon();
  }

  function oneDraw(step) {
    const input = $('draw');
    if (step) input.value = String((Number(input.value) + step + report.count) % report.count);
    state.draw = Number(input.value);
    soon();
  }

  function five() {
    const rule = data.rules[Number($('rule').value)];
    $('rule-text').textContent = rule.text;
    const list = $('five');
    list.replaceChildren();
    const numbers = rule.rows.map(([code]) => districts.findIndex(district => district.code === code));
    rule.rows.forEach(([, figure, why], n) => {
      const district = districts[numbers[n]];
      const button = make('button', { type: 'button' }, make('li', {}, list));
      make('span', { class: 'no', text: String(n + 1) }, button);
      const line = make('span', { class: 'line' }, button);
      const name = make('span', { class: 'nm' }, line);
      make('b', { text: district.name }, name);
      make('span', { class: 'soft', text: ` ${district.country}` }, name);
      make('span', { class: 'figure', text: figure }, line);
      button.append(charts.strip(district));
      make('span', { class: 'why small', text: why }, button);
      button.addEventListener('click', () => report.select(district.i, { focus: true }));
      button.addEventListener('mouseenter', () => report.hover(district.i));
      button.addEventListener('mouseleave', () => report.hover(null));
    });
    for (const frame of report.frames) frame.number(numbers);
  }

  function theme(dark) {
    root.dataset.theme = dark ? 'dark' : 'light';
    $('theme').textContent = say(dark ? 'light' : 'dark');
  }

  /* Lines from the valley in the region's frame to its own frame. */
  function leaders(svg) {
    const [region, valley] = report.frames;
    svg.replaceChildren();
    if (!valley || !region.corner || region.zoom > 1) return;
    const box = $('frames').getBoundingClientRect();
    const from = region.host.getBoundingClientRect();
    const to = valley.host.getBoundingClientRect();
    if (to.left < from.right) return;
    svg.setAttribute('viewBox', `0 0 ${box.width} ${box.height}`);
    const [right, top, bottom] = region.corner;
    for (const [y, end] of [[top, 0], [bottom, to.height]]) {
      draw('line', { x1: from.left - box.left + right, y1: from.top - box.top + y, x2: to.left - box.left, y2: to.top - box.top + end }, svg);
    }
  }

  function startFrames() {
    const hosts = report.hasValley ? [['map-region', 'region'], ['map-valley', 'valley']] : [['map-region', 'region']];
    if (!report.hasValley) $('frames').classList.add('single');
    const lines = draw('svg', { class: 'leaders', 'aria-hidden': 'true' }, $('frames'));
    report.frames = hosts.map(([id, key]) => new Frame($(id), key));
    report.rebuild = () => {
      for (const frame of [...report.frames].reverse()) frame.build();
      refresh();
      leaders(lines);
      for (const frame of report.frames) frame.outline(state.chosen);
    };
    report.frames.forEach(listen);
    new ResizeObserver(() => report.rebuild()).observe($('frames'));
    report.rebuild();
  }

  function listen(frame) {
    const { host } = frame;
    const caption = host.parentElement.querySelector('figcaption').textContent;
    host.setAttribute('aria-label', say('frame', { name: caption }));
    const at = event => (event.target.district ? event.target.district.i : null);
    let held = null;
    host.addEventListener('pointermove', event => {
      if (held) { held.moved ||= Math.hypot(event.clientX - held.x, event.clientY - held.y) > 4; return; }
      report.hover(at(event));
    });
    host.addEventListener('pointerleave', () => report.hover(null));
    host.addEventListener('pointerdown', event => { if (frame.zoom > 1) held = { x: event.clientX, y: event.clientY, moved: false }; });
    addEventListener('pointerup', event => {
      if (held && held.moved) { frame.moveBy(event.clientX - held.x, event.clientY - held.y); held.done = true; }
      setTimeout(() => { held = null; });
    });
    host.addEventListener('click', event => { if (!(held && held.done)) report.select(at(event)); });
    host.addEventListener('wheel', event => {
      if (!event.ctrlKey && document.activeElement !== host) return;
      event.preventDefault();
      const box = host.getBoundingClientRect();
      frame.zoomBy(event.deltaY < 0 ? 1.3 : 1 / 1.3, [event.clientX - box.left, event.clientY - box.top]);
    }, { passive: false });
    for (const button of host.parentElement.querySelectorAll('[data-zoom]')) {
      button.addEventListener('click', () => frame.zoomBy({ in: 1.7, out: 1 / 1.7, all: 0.001 }[button.dataset.zoom]));
    }
    host.addEventListener('keydown', event => keys(frame, event));
  }

  function keys(frame, event) {
    const directions = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowRight: [1, 0], ArrowLeft: [-1, 0] };
    const zooms = { '+': 1.7, '=': 1.7, '-': 1 / 1.7, 0: 0.001 };
    if (event.key in directions) step(frame, directions[event.key]);
    else if (event.key === 'Enter' && typeof state.hovered === 'number') report.select(state.hovered, { focus: true });
    else if (event.key in zooms) frame.zoomBy(zooms[event.key]);
    else return;
    event.preventDefault();
  }

  /* Go to the nearest district in a direction, a step aside counting double. */
  function step(frame, [east, north]) {
    const from = districts[state.hovered ?? state.chosen];
    const [x0, y0, x1, y1] = frame.bounds();
    const inside = ([x, y]) => x > x0 && x < x1 && y > y0 && y < y1;
    const start = from && from.at && inside(from.at) ? from.at : [(x0 + x1) / 2, (y0 + y1) / 2];
    let best = null;
    for (const district of districts) {
      if (!district.at || district === from || !inside(district.at)) continue;
      const [right, up] = [district.at[0] - start[0], district.at[1] - start[1]];
      const ahead = right * east + up * north;
      const aside = Math.abs(east ? up : right);
      if (ahead <= 0 || aside > 2 * ahead) continue;
      const cost = ahead + 2 * aside;
      if (!best || cost < best.cost) best = { cost, i: district.i };
    }
    if (best) report.hover(best.i);
  }

  function start() {
    theme(matchMedia('(prefers-color-scheme: dark)').matches);
    $('theme').addEventListener('click', () => theme(root.dataset.theme !== 'dark'));
    startFrames();
    for (const input of document.querySelectorAll('input[name=view]')) input.addEventListener('change', () => show(input.value));
    $('hatch').addEventListener('change', event => { state.hatch = event.target.checked; refresh(); });
    $('circles').addEventListener('change', event => { state.circles = event.target.checked; report.rebuild(); });
    $('threshold').addEventListener('input', threshold);
    $('part').addEventListener('change', event => { state.part = Number(event.target.value); refresh(); report.readout(state.chosen); });
    $('draw').addEventListener('input', () => oneDraw(0));
    $('draw-next').addEventListener('click', () => oneDraw(1));
    $('draw-last').addEventListener('click', () => oneDraw(-1));
    $('rule').addEventListener('change', five);
    search.start(districts, {
      none: say('none'),
      hover: district => report.hover(district.i),
      select: district => report.select(district.i, { reveal: true, focus: true }),
      told: count => { $('readout').textContent = count === null ? say('hint') : say('found', { n: number(count) }); },
    });
    report.startTable();
    report.startSave();
    threshold();
    five();
    document.addEventListener('keydown', event => { if (event.key === 'Escape' && !$('panel').hidden) report.select(null); });
    const before = matchMedia('print');
    before.addEventListener('change', () => report.rebuild());
    state.chosen = null;
    root.dataset.ready = '';
    performance.mark('ready');
  }

  report.show = show;
  start();
})();
