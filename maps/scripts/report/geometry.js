/* Shapes of shared arcs: thinned for the scale at which they are drawn, and turned into paths. */
(() => {
  /** Return arcs as flat lists of x and y on the grid. */
  function unroll(arcs) {
    return arcs.map(steps => {
      const points = new Float64Array(steps.length);
      let x = 0;
      let y = 0;
      for (let i = 0; i < steps.length; i += 2) {
        points[i] = x += steps[i];
        points[i + 1] = y += steps[i + 1];
      }
      return points;
    });
  }

  /* Douglas and Peucker: keep the points farther than a tolerance from the line. */
  function thin(points, tolerance) {
    const n = points.length / 2;
    const keep = new Uint8Array(n);
    keep[0] = keep[n - 1] = 1;
    const closed = points[0] === points[2 * n - 2] && points[1] === points[2 * n - 1];
    const stack = [[0, n - 1]];
    while (stack.length) {
      const [first, last] = stack.pop();
      const [ax, ay] = [points[2 * first], points[2 * first + 1]];
      const [dx, dy] = [points[2 * last] - ax, points[2 * last + 1] - ay];
      const length = Math.hypot(dx, dy);
      let worst = 0;
      let at = -1;
      for (let i = first + 1; i < last; i++) {
        const [px, py] = [points[2 * i] - ax, points[2 * i + 1] - ay];
        const far = length ? Math.abs(px * dy - py * dx) / length : Math.hypot(px, py);
        if (far > worst) { worst = far; at = i; }
      }
      if (at > 0 && (worst > tolerance || (closed && first === 0 && last === n - 1))) {
        keep[at] = 1;
        stack.push([first, at], [at, last]);
      }
    }
    const kept = [];
    for (let i = 0; i < n; i++) if (keep[i]) kept.push(points[2 * i], points[2 * i + 1]);
    return kept;
  }

  /** A set of shapes that share arcs. */
  class Shapes {
    constructor({ arcs, shapes }) {
      this.arcs = unroll(arcs);
      this.shapes = shapes;
      this.boxes = new Map(Object.entries(shapes).map(([code, parts]) => [code, this.box(parts)]));
    }

    box(parts) {
      const box = [Infinity, Infinity, -Infinity, -Infinity];
      for (const [outer] of parts) {
        for (const number of outer) {
          const points = this.arcs[number < 0 ? ~number : number];
          for (let i = 0; i < points.length; i += 2) {
            box[0] = Math.min(box[0], points[i]);
            box[1] = Math.min(box[1], points[i + 1]);
            box[2] = Math.max(box[2], points[i]);
            box[3] = Math.max(box[3], points[i + 1]);
          }
        }
      }
      return box;
    }

    /** Thin all arcs for a view and bring them to its pixels. */
    scale(view) {
      const tolerance = 0.4 / view.k;
      return this.arcs.map(points => {
        const kept = points.length > 4 ? thin(points, tolerance) : points;
        const made = new Array(kept.length);
        for (let i = 0; i < kept.length; i += 2) {
          made[i] = Math.round((kept[i] - view.x) * view.k * 10) / 10;
          made[i + 1] = Math.round((view.y - kept[i + 1]) * view.k * 10) / 10;
        }
        return made;
      });
    }

    /** Return the path of a shape from arcs in pixels. */
    path(code, pixels) {
      let text = '';
      for (const rings of this.shapes[code]) {
        for (const ring of rings) {
          let first = true;
          for (const number of ring) {
            const points = pixels[number < 0 ? ~number : number];
            const n = points.length;
            if (number >= 0) for (let i = first ? 0 : 2; i < n; i += 2) { text += `${first ? 'M' : 'L'}${points[i]} ${points[i + 1]}`; first = false; }
            else for (let i = n - (first ? 2 : 4); i >= 0; i -= 2) { text += `${first ? 'M' : 'L'}${points[i]} ${points[i + 1]}`; first = false; }
          }
          text += 'Z';
        }
      }
      return text;
    }
  }

  /** Return the path of open lines in pixels. */
  function lines(list) {
    let text = '';
    for (const points of list) {
      for (let i = 0; i < points.length; i += 2) text += `${i ? 'L' : 'M'}${points[i]} ${points[i + 1]}`;
    }
    return text;
  }

  Object.assign(report, { Shapes, lines });
})();
