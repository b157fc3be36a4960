/* Two linked frames, the region and the Fergana Valley: what is pointed at in one lights the other. */
(() => {
  const { $, make, districts, byCode, shapes, afghan, borders, place } = threatkit;
  const PANES = ['afghan', 'districts', 'patterns', 'borders', 'chosen', 'points', 'names'];
  const BORDER = { district: 0, oblast: 1, country: 2, outer: 3, hole: 4, approximate: 5 };

  const boundsOf = codes => {
    const bounds = L.latLngBounds([]);
    for (const code of codes) for (const part of shapes.get(code) || []) bounds.extend(L.latLngBounds(part[0]));
    return bounds;
  };
  /* The valley's frame holds the middles of its districts, not their last mountain. */
  function middles(codes) {
    const ends = values => {
      const sorted = values.sort((a, b) => a - b);
      const at = share => sorted[Math.round(share * (sorted.length - 1))];
      return [at(0.04), at(0.96)];
    };
    const points = codes.map(code => place(byCode.get(code).at));
    const [south, north] = ends(points.map(point => point.lat));
    const [west, east] = ends(points.map(point => point.lng));
    const bounds = L.latLngBounds([south, west], [north, east]);
    return codes.length < 3 ? boundsOf(codes) : bounds.pad(0.1);
  }

  const drawn = districts.filter(district => shapes.has(district.code));
  const valleyCodes = drawn.filter(district => district.valley).map(district => district.code);
  const allCodes = drawn.map(district => district.code);

  class Frame {
    constructor(key, map) {
      this.key = key;
      this.map = map;
      this.paths = new Map();
      this.patterns = new Map();
      this.moved = false;
      this.home = key === 'valley' ? middles(valleyCodes) : boundsOf(allCodes);
      this.renderers = {};
      PANES.forEach((name, i) => {
        const pane = map.createPane(name);
        pane.style.zIndex = 350 + i * 10;
        if (!['districts', 'points'].includes(name)) pane.style.pointerEvents = 'none';
        this.renderers[name] = L.svg({ pane: name, padding: 0.4 });
      });
      map.setMinZoom(-24);
      this.fit();
      map.setMinZoom(map.getZoom() - (key === 'valley' ? 0.5 : 0.3));
      map.setMaxZoom(map.getZoom() + (key === 'valley' ? 4 : 6));
      map.setMaxBounds(this.home.pad(key === 'valley' ? 0.8 : 0.4));
      this.addAfghan();
      this.addGround();
      this.addDistricts();
      this.addBorders();
      this.addChosen();
      this.addNames();
      L.control.scale({ imperial: false, maxWidth: 80, position: 'bottomright' }).addTo(map);
      this.listen();
    }

    fit() {
      this.map.fitBounds(this.home, { padding: this.key === 'valley' ? [4, 4] : [8, 8], animate: false });
      this.moved = false;
    }

    options(pane, more) { return { pane, renderer: this.renderers[pane], smoothFactor: 0.5, ...more }; }

    addAfghan() {
      for (const parts of afghan.values()) {
        L.polygon(parts, this.options('afghan', { className: 'afghan', interactive: false, stroke: true })).addTo(this.map);
      }
    }

    /* Ground that belongs to no district: water, or no data. */
    addGround() {
      for (const { kind, parts } of threatkit.ground) {
        L.polygon(parts, this.options('afghan', { className: `ground ${kind}`, interactive: false })).addTo(this.map);
      }
    }

    addDistricts() {
      const near = this.home.pad(1);
      for (const district of drawn) {
        const parts = shapes.get(district.code);
        if (!boundsOf([district.code]).intersects(near)) continue;
        const path = L.polygon(parts, this.options('districts', { stroke: false, fillOpacity: 1, className: 'district' })).addTo(this.map);
        path.on('mouseover', () => threatkit.hover(district.code));
        path.on('mouseout', () => threatkit.hover(null));
        path.on('click', event => { L.DomEvent.stop(event); threatkit.select(district.code); });
        path.getElement().dataset.code = district.code;
        this.paths.set(district.code, path);
        const pattern = L.polygon(parts, this.options('patterns', { stroke: false, fillOpacity: 1, interactive: false })).addTo(this.map);
        pattern.getElement().style.display = 'none';
        this.patterns.set(district.code, pattern);
      }
    }

    addBorders() {
      const near = this.home.pad(1);
      const here = lines => this.key === 'valley' ? lines.filter(line => L.latLngBounds(line).intersects(near)) : lines;
      /* A light edge keeps borders of countries visible between two dark districts. */
      L.polyline(here(borders[BORDER.country]), this.options('borders', { className: 'border casing', interactive: false })).addTo(this.map);
      for (const name of ['district', 'hole', 'approximate', 'oblast', 'outer', 'country']) {
        L.polyline(here(borders[BORDER[name]]), this.options('borders', { className: `border ${name}`, interactive: false })).addTo(this.map);
      }
      if (this.key === 'region' && valleyCodes.length && valleyCodes.length < allCodes.length) {
        L.rectangle(middles(valleyCodes), this.options('borders', { className: 'valley-box', interactive: false, fill: false })).addTo(this.map);
      }
    }

    addChosen() {
      const outline = className => L.polygon([], this.options('chosen', { className, fill: false, interactive: false })).addTo(this.map);
      this.halo = outline('chosen halo');
      this.chosen = outline('chosen line');
      this.hovered = outline('hovered line');
    }

    outline(which, code) { this[which].setLatLngs(code && this.paths.has(code) ? shapes.get(code) : []); }

    addNames() {
      const pane = this.map.getPane('names');
      const weigh = label => label.kind === 'country' ? 2 : label.kind === 'exclave' ? 1 : (label.people || 0) >= 200000 ? 0 : 3;
      this.names = threatkit.labels
        .filter(label => label.kind !== 'exclave' || this.key === 'valley')
        .map(label => ({ ...label, where: place(label.at), element: make('span', { class: `name ${label.kind}`, text: label.text }, pane) }))
        .sort((a, b) => weigh(a) - weigh(b) || (b.people || 0) - (a.people || 0));
      this.map.on('zoomend viewreset moveend resize', () => this.placeNames());
      this.placeNames();
    }

    /* Names are placed in order of weight; one that would cover another, or leave the frame, is left out. */
    placeNames() {
      const size = this.map.getSize();
      const taken = [];
      for (const name of this.names) {
        const spot = this.spot(name, size, taken);
        name.element.hidden = !spot;
        if (!spot) continue;
        taken.push(spot.box);
        L.DomUtil.setPosition(name.element, this.map.latLngToLayerPoint(name.where).add([0, spot.shift]));
      }
    }

    /* Where a name fits, or null: an exclave's may move up or down a line. */
    spot(name, size, taken) {
      if (name.kind === 'city' && this.map.getZoom() < -10.6 && name.people < 400000) return null;
      const at = this.map.latLngToContainerPoint(name.where);
      const width = name.text.length * (name.kind === 'country' ? 8 : 5.6) + 6;
      const left = name.kind === 'city' ? at.x - 4 : at.x - width / 2;
      for (const shift of name.kind === 'exclave' ? [0, 12, -12, 24] : [0]) {
        const box = [left, at.y + shift - 7, left + width, at.y + shift + 7];
        const inside = box[0] >= 0 && box[2] <= size.x && box[1] >= (box[0] < 130 ? 22 : 0) && box[3] <= size.y;
        if (inside && taken.every(other => box[2] < other[0] || box[0] > other[2] || box[3] < other[1] || box[1] > other[3])) return { box, shift };
      }
      return null;
    }

    paint() {
      for (const [code, path] of this.paths) {
        const { fill, pattern } = threatkit.paint(byCode.get(code));
        path.getElement().style.fill = fill;
        const element = this.patterns.get(code).getElement();
        element.style.display = pattern ? '' : 'none';
        if (pattern) element.style.fill = pattern;
      }
    }

    listen() {
      const box = this.map.getContainer();
      const touch = matchMedia('(pointer: coarse)').matches;
      /* One finger scrolls the page until the map is enlarged; from then on it moves the map. */
      if (touch) {
        const home = this.map.getZoom();
        this.map.dragging.disable();
        this.map.on('zoomend', () => this.map.dragging[this.map.getZoom() > home + 0.3 ? 'enable' : 'disable']());
      }
      box.addEventListener('focus', () => this.map.scrollWheelZoom.enable());
      box.addEventListener('blur', () => this.map.scrollWheelZoom.disable());
      box.addEventListener('mousedown', () => box.focus({ preventScroll: true }));
      this.map.on('dragstart zoomstart', () => { this.moved = true; });
      box.addEventListener('keydown', event => this.key_(event));
      new ResizeObserver(() => {
        this.map.invalidateSize({ animate: false, pan: false });
        if (!this.moved) this.fit();
      }).observe(box);
    }

    key_(event) {
      const directions = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] };
      if (event.key in directions) this.step(...directions[event.key]);
      else if (event.key === 'Enter' && threatkit.hovered) threatkit.select(threatkit.hovered, { focus: true });
      else if (event.key === '+' || event.key === '=') this.map.zoomIn(0.75, { animate: false });
      else if (event.key === '-') this.map.zoomOut(0.75, { animate: false });
      else if (event.key === '0') this.fit();
      else return;
      event.preventDefault();
    }

    /* Go to the nearest district in a direction, a step aside counting double. */
    step(north, east) {
      const from = byCode.get(threatkit.hovered || threatkit.selected);
      const start = from && this.paths.has(from.code) ? place(from.at) : this.map.getCenter();
      let best = null;
      for (const code of this.paths.keys()) {
        if (from && code === from.code) continue;
        const to = place(byCode.get(code).at);
        const [up, right] = [to.lat - start.lat, to.lng - start.lng];
        const ahead = north ? up * north : right * east;
        const aside = Math.abs(north ? right : up);
        if (ahead <= 0 || aside > 2 * ahead) continue;
        const cost = ahead + 2 * aside;
        if (!best || cost < best.cost) best = { code, cost, to };
      }
      if (!best) return;
      threatkit.hover(best.code);
      if (!this.map.getBounds().contains(best.to)) this.map.panTo(best.to, { animate: false });
    }

    reveal(code) {
      if (!this.paths.has(code)) return;
      const bounds = boundsOf([code]);
      if (this.map.getBounds().contains(bounds)) return;
      this.map.panTo(bounds.getCenter(), { animate: false });
    }
  }

  /* Points: events and crossings, shown when asked for. */
  const tip = make('div', { class: 'tip', role: 'tooltip', hidden: '' }, document.body);

  /* A note beside a point, kept inside the window whatever the frame cuts off. */
  function note(point, lines) {
    point.on('mouseover click', event => {
      L.DomEvent.stopPropagation(event);
      tip.replaceChildren();
      lines.filter(Boolean).forEach((text, i) => make(i ? 'div' : 'b', { text }, tip));
      tip.hidden = false;
      const { clientX, clientY } = event.originalEvent;
      const { width, height } = tip.getBoundingClientRect();
      tip.style.left = `${Math.max(8, Math.min(clientX + 12, innerWidth - width - 8))}px`;
      tip.style.top = `${clientY + 16 + height > innerHeight ? Math.max(8, clientY - height - 12) : clientY + 16}px`;
    });
    point.on('mouseout', () => { tip.hidden = true; });
  }
  addEventListener('scroll', () => { tip.hidden = true; }, { passive: true });
  document.addEventListener('pointerdown', () => { tip.hidden = true; });

  function eventPoints(frame) {
    const group = L.layerGroup();
    for (const event of threatkit.events) {
      if (!event.at) continue;
      const point = L.circleMarker(place(event.at), { ...frame.options('points', { radius: frame.key === 'valley' ? 4 : 3, className: 'event' }) });
      note(point, [`${event.date}, ${event.type}`, event.place, event.text, event.source]);
      group.addLayer(point);
    }
    return group;
  }

  function crossingPoints() {
    const group = L.layerGroup();
    for (const crossing of threatkit.crossings) {
      const icon = L.divIcon({ className: 'crossing', iconSize: [9, 9] });
      const point = L.marker(place(crossing.at), { icon, pane: 'points', keyboard: false });
      note(point, [crossing.name, crossing.across && `to ${crossing.across}`, [crossing.mode, crossing.status, crossing.date].filter(Boolean).join(', '), crossing.source]);
      group.addLayer(point);
    }
    return group;
  }

  threatkit.overlays = [
    { key: 'events', label: `Events (${threatkit.events.filter(event => event.at).length})`, make: eventPoints, on: false },
    { key: 'crossings', label: `Crossings (${threatkit.crossings.length})`, make: crossingPoints, on: false },
  ];

  threatkit.toggleOverlay = (overlay, on) => {
    for (const frame of threatkit.frames) {
      frame.points = frame.points || {};
      frame.points[overlay.key] = frame.points[overlay.key] || overlay.make(frame);
      if (on) frame.points[overlay.key].addTo(frame.map);
      else frame.points[overlay.key].remove();
    }
  };

  threatkit.addFrame = (key, map) => {
    if (!drawn.length) return;
    const single = !valleyCodes.length || valleyCodes.length === allCodes.length;
    if (key === 'valley' && single) {
      document.querySelector('.frames').classList.add('single');
      return;
    }
    threatkit.frames.push(new Frame(key, map));
  };

  threatkit.hovered = null;
  threatkit.hover = code => {
    threatkit.hovered = code;
    for (const frame of threatkit.frames) frame.outline('hovered', code);
    const readout = $('readout');
    const district = byCode.get(code);
    readout.replaceChildren();
    if (!district) return;
    make('b', { text: district.name }, readout);
    readout.append(`, ${district.country}: ${threatkit.describe(district)}`);
  };
})();
