/* A frame of the map: districts below, borders and names in a layer that is not drawn again. */
(() => {
  const { data, draw, districts, Shapes, lines, state } = report;
  const NS = 'http://www.w3.org/2000/svg';
  const own = new Shapes(data.grid);
  const afghan = new Shapes(data.grid.afghan);
  const ground = new Shapes(data.grid.ground);
  const KINDS = ['district', 'oblast', 'country', 'outer', 'hole', 'approximate'];
  const ORDER = ['district', 'hole', 'approximate', 'oblast', 'outer', 'country'];
  const pen = document.createElement('canvas').getContext('2d');

  const union = boxes => boxes.reduce((all, box) => [Math.min(all[0], box[0]), Math.min(all[1], box[1]), Math.max(all[2], box[2]), Math.max(all[3], box[3])], [Infinity, Infinity, -Infinity, -Infinity]);
  const drawn = districts.filter(district => district.drawn);
  const valley = drawn.filter(district => district.valley);

  /* The valley's frame holds the middles of its districts, not their last mountain. */
  function middles() {
    if (valley.length < 4) return union(valley.map(district => own.boxes.get(district.code)));
    const ends = values => {
      values.sort((a, b) => a - b);
      return [values[Math.round(0.04 * (values.length - 1))], values[Math.round(0.96 * (values.length - 1))]];
    };
    const [west, east] = ends(valley.map(district => district.at[0]));
    const [south, north] = ends(valley.map(district => district.at[1]));
    const pad = 0.1;
    return [west - pad * (east - west), south - pad * (north - south), east + pad * (east - west), north + pad * (north - south)];
  }

  class Frame {
    constructor(host, key) {
      this.host = host;
      this.key = key;
      this.home = key === 'valley' ? middles() : union(drawn.map(district => own.boxes.get(district.code)));
      this.ringHome = union(data.circles[key].map(([, x, y, r]) => [x - r, y - r, x + r, y + r]));
      this.fills = draw('svg', { class: 'layer fills', 'aria-hidden': 'true' }, host);
      this.lines = draw('svg', { class: 'layer lines', 'aria-hidden': 'true' }, host);
      this.marks = draw('svg', { class: 'layer marks', 'aria-hidden': 'true' }, host);
      this.below = draw('g', {}, this.fills);
      this.areas = draw('g', { class: 'areas' }, this.fills);
      this.hatches = draw('g', { class: 'hatches' }, this.fills);
      this.rings = draw('g', { class: 'rings' }, this.fills);
      this.ringHatches = draw('g', { class: 'hatches' }, this.fills);
      this.paths = [];
      this.circles = [];
      this.hatch = [];
      for (const district of drawn) {
        const path = draw('path', { class: 'd none' }, this.areas);
        path.district = district;
        this.paths[district.i] = path;
      }
      for (const [i] of data.circles[key]) {
        const circle = draw('circle', { class: 'd none' }, this.rings);
        circle.district = districts[i];
        this.circles[i] = circle;
      }
      this.over = ['overlap', 'hover', 'halo', 'chosen'].reduce((made, name) => ({ ...made, [name]: draw('path', { class: name }, this.marks) }), {});
      this.places = draw('g', { class: 'places' }, this.marks);
      this.zoom = 1;
      this.middle = null;
    }

    /** Fit the home of the frame, or the part of it that was zoomed to, and draw all of it. */
    build() {
      const [width, height] = [this.host.clientWidth, this.host.clientHeight];
      if (!width || !height) return;
      const [x0, y0, x1, y1] = state.circles ? this.ringHome : this.home;
      const pad = this.key === 'valley' ? 0 : 10;
      const fit = Math.min((width - 2 * pad) / (x1 - x0), (height - 2 * pad) / (y1 - y0));
      const k = fit * this.zoom;
      const [mx, my] = this.middle || [(x0 + x1) / 2, (y0 + y1) / 2];
      this.view = { k, x: mx - width / 2 / k, y: my + height / 2 / k, width, height };
      for (const layer of [this.fills, this.lines, this.marks]) layer.setAttribute('viewBox', `0 0 ${width} ${height}`);
      this.drawAreas();
      this.drawCircles();
      this.styles = null;
      this.mark('hover', this.last && this.last.hover);
      this.outline(this.last && this.last.chosen);
      this.number(this.numbered || []);
    }

    seen([x0, y0, x1, y1]) {
      const { k, x, y, width, height } = this.view;
      return x1 > x && x0 < x + width / k && y0 < y && y1 > y - height / k;
    }

    point([x, y]) { return [(x - this.view.x) * this.view.k, (this.view.y - y) * this.view.k]; }

    drawAreas() {
      this.pixels = own.scale(this.view);
      for (const district of drawn) {
        const path = this.paths[district.i];
        path.setAttribute('d', this.seen(own.boxes.get(district.code)) ? own.path(district.code, this.pixels) : '');
      }
      this.below.replaceChildren();
      for (const [shapes, kind] of [[afghan, () => 'afghan'], [ground, code => data.grid.ground.kinds[code]]]) {
        const pixels = shapes.scale(this.view);
        for (const code of Object.keys(shapes.shapes)) {
          if (this.seen(shapes.boxes.get(code))) draw('path', { class: `ground ${kind(code)}`, d: shapes.path(code, pixels) }, this.below);
        }
      }
      this.hatches.replaceChildren();
      this.ringHatches.replaceChildren();
      this.hatch = [];
      this.ringHatch = [];
    }

    drawCircles() {
      for (const [i, x, y, r] of data.circles[this.key]) {
        const [cx, cy] = this.point([x, y]);
        const circle = this.circles[i];
        circle.setAttribute('cx', cx.toFixed(1));
        circle.setAttribute('cy', cy.toFixed(1));
        circle.setAttribute('r', Math.max(1.5, r * this.view.k - 0.4).toFixed(1));
      }
    }

    drawLines() {
      this.lines.replaceChildren();
      const borders = draw('g', { class: 'borders' }, this.lines);
      const by = KINDS.map(() => []);
      this.pixels.forEach((points, i) => by[data.grid.kinds[i]].push(points));
      draw('path', { class: 'casing', d: lines(by[KINDS.indexOf('country')]) }, borders);
      for (const name of ORDER) draw('path', { class: `border ${name}`, d: lines(by[KINDS.indexOf(name)]) }, borders);
      if (this.key === 'region' && report.frames.length > 1) this.drawBox();
      this.drawNames();
      this.drawScale();
    }

    drawBox() {
      const [x0, y0, x1, y1] = report.frames[1].bounds();
      const [left, top] = this.point([x0, y1]);
      const [right, bottom] = this.point([x1, y0]);
      draw('rect', { class: 'box', x: left, y: top, width: Math.max(0, right - left), height: Math.max(0, bottom - top) }, this.lines);
      this.corner = [right, top, bottom];
    }

    /** Return what the frame shows of the plane. */
    bounds() {
      const { k, x, y, width, height } = this.view;
      return [x, y - height / k, x + width / k, y];
    }

    drawNames() {
      const weigh = label => (label.kind === 'country' ? 2 : label.kind === 'exclave' ? 1 : (label.people || 0) >= 200000 ? 0 : 3);
      const group = draw('g', { class: 'names' }, this.lines);
      const taken = [[0, 0, 150, 22], [this.view.width - 92, this.view.height - 22, this.view.width, this.view.height], [this.view.width - 34, 0, this.view.width, 84]];
      for (const [x, y] of this.numberSpots()) taken.push([x - 9, y - 9, x + 9, y + 9]);
      const labels = data.grid.labels.filter(label => label.kind !== 'exclave' || this.key === 'valley' || this.zoom > 3)
        .sort((a, b) => weigh(a) - weigh(b) || (b.people || 0) - (a.people || 0));
      for (const label of labels) {
        if (state.circles && label.kind !== 'country') continue;
        if (label.kind === 'city' && this.key === 'region' && this.zoom < 2 && label.people < 400000) continue;
        pen.font = `${label.kind === 'country' ? 10 : 11}px sans-serif`;
        const text = label.kind === 'country' ? label.text.toUpperCase() : label.text;
        const width = pen.measureText(text).width + (label.kind === 'country' ? 1.4 * text.length : 0) + 6;
        const [x, y] = this.point(label.at);
        const left = label.kind === 'city' ? x - 4 : x - width / 2;
        const spot = (label.kind === 'city' ? [0] : [0, 13, -13, 26]).find(shift => this.free([left, y + shift - 7, left + width + (label.kind === 'city' ? 6 : 0), y + shift + 7], taken));
        if (spot === undefined) continue;
        taken.push([left, y + spot - 7, left + width + 6, y + spot + 7]);
        if (label.kind === 'city') draw('circle', { class: 'town', cx: x.toFixed(1), cy: y.toFixed(1), r: 2 }, group);
        draw('text', { class: `name ${label.kind}`, x: (label.kind === 'city' ? x + 5 : x).toFixed(1), y: (y + spot + 4).toFixed(1), text: label.text }, group);
      }
    }

    free(box, taken) {
      const { width, height } = this.view;
      return box[0] >= 0 && box[2] <= width && box[1] >= 0 && box[3] <= height && taken.every(other => box[2] < other[0] || box[0] > other[2] || box[3] < other[1] || box[1] > other[3]);
    }

    drawScale() {
      const { k, width, height } = this.view;
      const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
      const km = steps.filter(step => step * 1000 / data.grid.quantum * k <= 84).pop() || 1;
      const long = km * 1000 / data.grid.quantum * k;
      draw('path', { class: 'scale', d: `M${(width - 8 - long).toFixed(1)} ${height - 8}H${width - 8}` }, this.lines);
      draw('text', { class: 'scale-text', x: (width - 8 - long / 2).toFixed(1), y: height - 12, text: report.say('km500', { n: report.number(km) }) }, this.lines);
    }

    /** Colour the districts: only what changes is touched. */
    paint({ of, hatch, styles }) {
      const shapes = state.circles ? this.circles : this.paths;
      const key = `${state.circles}`;
      if (!this.styles || this.key_ !== key) this.styles = [];
      this.key_ = key;
      for (const i in shapes) {
        const style = of[i] < 0 ? 'none' : styles[of[i]];
        if (this.styles[i] !== style) {
          shapes[i].setAttribute('class', `d ${style}`);
          this.styles[i] = style;
        }
        this.paintHatch(i, hatch[i], shapes[i]);
      }
      this.host.classList.toggle('as-circles', state.circles);
    }

    paintHatch(i, on, shape) {
      const list = state.circles ? this.ringHatch : this.hatch;
      const made = list[i];
      if (!on) { if (made && made.on) { made.element.setAttribute('display', 'none'); made.on = false; } return; }
      if (made) { if (!made.on) { made.element.removeAttribute('display'); made.on = true; } return; }
      const copy = document.createElementNS(NS, shape.tagName);
      for (const name of ['d', 'cx', 'cy', 'r']) if (shape.hasAttribute(name)) copy.setAttribute(name, shape.getAttribute(name));
      copy.setAttribute('fill', 'url(#p-hatch)');
      (state.circles ? this.ringHatches : this.hatches).append(copy);
      list[i] = { element: copy, on: true };
    }

    shape(i) {
      if (!state.circles) return this.paths[i] ? this.paths[i].getAttribute('d') : '';
      const circle = this.circles[i];
      if (!circle) return '';
      const [x, y, r] = ['cx', 'cy', 'r'].map(name => Number(circle.getAttribute(name)));
      return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
    }

    mark(name, i) {
      this.last = { ...this.last, [name]: i };
      this.over[name].setAttribute('d', i === null || i === undefined ? '' : this.shape(i));
    }

    outline(i) {
      this.mark('chosen', i);
      this.over.halo.setAttribute('d', this.over.chosen.getAttribute('d'));
      const rank = i !== null && i !== undefined && state.view === 'place' && districts[i].rank;
      const over = rank ? report.assessed.filter(other => other.i !== i && other.rank[1] <= rank[2] && other.rank[2] >= rank[1]) : [];
      this.over.overlap.setAttribute('d', over.map(other => this.shape(other.i)).join(''));
    }

    /** Return where the numbers of the list stand: beside each other where they would meet. */
    numberSpots() {
      const used = [];
      (this.numbered || []).forEach((i, n) => {
        const circle = this.circles[i];
        let at = null;
        if (state.circles && circle) at = [Number(circle.getAttribute('cx')), Number(circle.getAttribute('cy'))];
        else if (!state.circles && districts[i].at) at = this.point(districts[i].at);
        if (!at || at.some((value, side) => value < 9 || value > [this.view.width, this.view.height][side] - 9)) return;
        let [x, y] = at;
        for (let tries = 0; tries < 8 && used.some(([ux, uy]) => Math.hypot(ux - x, uy - y) < 17); tries++) x += 13;
        used.push([x, y, n + 1]);
      });
      return used;
    }

    /** Number the districts of a list; names make room for the numbers. */
    number(list) {
      this.numbered = list;
      this.drawLines();
      this.places.replaceChildren();
      for (const [x, y, n] of this.numberSpots()) {
        draw('circle', { cx: x, cy: y, r: 8.5 }, this.places);
        draw('text', { x, y: y + 4, text: String(n) }, this.places);
      }
    }

    /** Zoom by a factor about the middle, or about a point of the frame. */
    zoomBy(factor, at = null) {
      const { k, x, y, width, height } = this.view;
      const next = Math.min(40, Math.max(1, this.zoom * factor));
      const [px, py] = at || [width / 2, height / 2];
      const [gx, gy] = [x + px / k, y - py / k];
      const real = next / this.zoom;
      this.zoom = next;
      this.middle = next === 1 ? null : [gx - (px - width / 2) / (k * real), gy + (py - height / 2) / (k * real)];
      report.rebuild();
    }

    moveBy(dx, dy) {
      const { k, x, y, width, height } = this.view;
      this.middle = [x + (width / 2 - dx) / k, y - (height / 2 - dy) / k];
      report.rebuild();
    }

    /** Bring a district into sight. */
    reveal(i, close = false) {
      const box = own.boxes.get(districts[i].code);
      if (!box) return;
      if (close) this.zoom = Math.min(40, Math.max(1, 0.35 * this.zoom * Math.min(this.view.width / this.view.k / (box[2] - box[0]), this.view.height / this.view.k / (box[3] - box[1]))));
      else if (this.zoom === 1 || this.seen(box)) return;
      this.middle = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
      if (this.zoom === 1) this.middle = null;
      report.rebuild();
    }
  }

  report.Frame = Frame;
  report.frames = [];
  report.hasValley = valley.length > 0 && valley.length < drawn.length;
})();
