/* Small charts: the strip under a name, twenty dots, and a contribution on its scale. */
(() => {
  const { say, draw, number } = report;
  const chart = (width, height, label) => draw('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label, class: 'chart' });
  const WIDTH = 320;
  const across = at => 4 + (at / 100) * (WIDTH - 8);

  function levels(parent, y, height) {
    for (let n = 0; n < 5; n++) draw('rect', { x: across(20 * n), y, width: (WIDTH - 8) / 5 - 1.5, height, class: `k${n + 1} edge` }, parent);
  }

  /** The five levels as a strip, with the interval of a district above it. */
  function strip(district) {
    const made = chart(WIDTH, 13, `${district.levelText}; ${district.chance}`);
    levels(made, 9, 4);
    const [mid, low, high] = district.s.map(across);
    draw('line', { x1: low, x2: high, y1: 4.5, y2: 4.5, class: 'interval' }, made);
    draw('circle', { cx: mid, cy: 4.5, r: 3.4, class: 'point' }, made);
    return made;
  }

  /** Twenty equally likely values, one dot each, over the five levels. */
  function dots(district) {
    const size = 11;
    const columns = new Map();
    const placed = district.dots.map(at => {
      const x = Math.round(across(at) / size) * size;
      const n = columns.get(x) || 0;
      columns.set(x, n + 1);
      return [Math.min(WIDTH - 6, Math.max(6, x)), n, Math.min(5, Math.floor(at / 20) + 1)];
    });
    const tall = Math.max(...columns.values()) * size + 4;
    const spoken = [1, 2, 3, 4, 5].map(n => `${say('level', { n })}: ${placed.filter(dot => dot[2] === n).length}`).join('; ');
    const made = chart(WIDTH, tall + 26, `${say('dots')}. ${spoken}`);
    for (const [x, n, level] of placed) draw('circle', { cx: x, cy: tall - 6 - n * size, r: 4.7, class: `dot k${level}` }, made);
    levels(made, tall, 7);
    [1, 3, 10, 25].forEach((limit, n) => draw('text', { x: across(20 * (n + 1)), y: tall + 20, 'text-anchor': 'middle', text: number(limit) }, made));
    draw('text', { x: WIDTH, y: tall + 20, 'text-anchor': 'end', text: say('threshold', { n: '' }).trim() }, made);
    return made;
  }

  const LIMIT = Math.log(32);
  const place = value => 6 + (Math.min(LIMIT, Math.max(-LIMIT, value)) + LIMIT) / (2 * LIMIT) * (WIDTH - 12);
  const TICKS = [[1 / 16, '1/16'], [0.25, '1/4'], [1, '1'], [4, '4'], [16, '16']];

  /** One contribution with its interval; hollow where the prior sets it. */
  function factor(part) {
    const made = chart(WIDTH, 14, part[4] + (part[3] ? `; ${say('assumed')}` : ''));
    draw('line', { x1: 0, x2: WIDTH, y1: 7, y2: 7, class: 'axis' }, made);
    for (const [tick] of TICKS) draw('line', { x1: place(Math.log(tick)), x2: place(Math.log(tick)), y1: tick === 1 ? 0 : 5, y2: tick === 1 ? 14 : 9, class: tick === 1 ? 'zero' : 'axis' }, made);
    draw('line', { x1: place(part[1]), x2: place(part[2]), y1: 7, y2: 7, class: part[3] ? 'interval prior' : 'interval' }, made);
    draw('circle', { cx: place(part[0]), cy: 7, r: 4, class: part[3] ? 'point hollow' : 'point' }, made);
    return made;
  }

  function factorAxis() {
    const made = chart(WIDTH, 14, TICKS.map(tick => tick[1]).join(', '));
    made.setAttribute('aria-hidden', 'true');
    for (const [tick, text] of TICKS) draw('text', { x: place(Math.log(tick)), y: 11, 'text-anchor': 'middle', text }, made);
    return made;
  }

  report.charts = { strip, dots, factor, factorAxis };
})();
