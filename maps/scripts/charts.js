/* Small charts of the panel and of the list of leaders. */
(() => {
  const { draw, facts } = threatkit;
  const svg = (width, height, label) => draw('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label, class: 'chart' });

  /** Share twenty dots among the levels: largest remainders, so that they sum to twenty. */
  function shares(probs, dots = 20) {
    const exact = probs.map(prob => prob * dots);
    const whole = exact.map(Math.floor);
    const order = exact.map((value, i) => [value - whole[i], i]).sort((a, b) => b[0] - a[0] || a[1] - b[1]);
    for (let left = dots - whole.reduce((a, b) => a + b, 0), i = 0; left > 0; left--, i++) whole[order[i % 5][1]]++;
    return whole;
  }

  /** Twenty dots over the five levels: each dot is one chance in twenty. */
  function dots(district) {
    const width = 312;
    const column = width / 5;
    const across = 5;
    const counts = shares(district.levels);
    const rows = Math.max(1, Math.ceil(Math.max(...counts) / across));
    const top = rows * 11 + 2;
    const spoken = counts.map((count, i) => `${count} in level ${i + 1}`).join(', ');
    const chart = svg(width, top + 38, `Twenty dots: ${spoken}`);
    counts.forEach((count, i) => {
      for (let n = 0; n < count; n++) {
        draw('circle', { cx: i * column + 8 + (n % across) * 11, cy: top - 6 - Math.floor(n / across) * 11, r: 4.4, fill: `var(--k${i + 1})`, class: 'dot' }, chart);
      }
      draw('rect', { x: i * column, y: top + 1, width: column - 2, height: 7, fill: `var(--k${i + 1})`, class: 'edge' }, chart);
      draw('text', { x: i * column + 1, y: top + 21, class: i + 1 === district.level ? 'strong' : '', text: `level ${i + 1}` }, chart);
      draw('text', { x: i * column + 1, y: top + 34, text: facts.ranges[i].replace(' in 100 or more', ' or more').replace(/ in 100$/, '') }, chart);
    });
    return chart;
  }

  const INDEX = [[0.001, 0], [0.01, 2], [0.03, 4], [0.1, 6], [0.25, 8], [0.8, 10]];
  /** Place of a probability along the five levels, 0 to 1 (as the index, tenfold smaller). */
  function along(prob) {
    if (prob <= INDEX[0][0]) return 0;
    for (let i = 1; i < INDEX.length; i++) {
      if (prob <= INDEX[i][0]) {
        const [[p0, v0], [p1, v1]] = [INDEX[i - 1], INDEX[i]];
        return (v0 + (v1 - v0) * Math.log(prob / p0) / Math.log(p1 / p0)) / 10;
      }
    }
    return 1;
  }

  /** The five levels as a strip with the interval of a district above it. */
  function strip(district) {
    const width = 312;
    const chart = svg(width, 15, `${district.levelText}, ${district.chance}`);
    for (let i = 0; i < 5; i++) draw('rect', { x: i * width / 5, y: 10, width: width / 5 - 1.5, height: 4, fill: `var(--k${i + 1})`, class: 'edge' }, chart);
    const [mid, low, high] = district.p.map(prob => 3 + along(prob) * (width - 6));
    draw('line', { x1: low, x2: high, y1: 4.5, y2: 4.5, class: 'interval' }, chart);
    draw('circle', { cx: mid, cy: 4.5, r: 3.2, class: 'point' }, chart);
    return chart;
  }

  const LIMIT = Math.log(32);
  /** One contribution on a scale from 1/32 to 32 times; hollow where the prior sets it. */
  function factor(part) {
    const width = 312;
    const place = value => 6 + (Math.min(LIMIT, Math.max(-LIMIT, value)) + LIMIT) / (2 * LIMIT) * (width - 12);
    const chart = svg(width, 14, part[4] + (part[3] ? ', set by assumption' : ''));
    draw('line', { x1: 0, x2: width, y1: 7, y2: 7, class: 'axis' }, chart);
    for (const tick of [1 / 16, 0.25, 1, 4, 16]) draw('line', { x1: place(Math.log(tick)), x2: place(Math.log(tick)), y1: tick === 1 ? 0 : 5, y2: tick === 1 ? 14 : 9, class: tick === 1 ? 'zero' : 'axis' }, chart);
    draw('line', { x1: place(part[1]), x2: place(part[2]), y1: 7, y2: 7, class: part[3] ? 'interval prior' : 'interval' }, chart);
    draw('circle', { cx: place(part[0]), cy: 7, r: 4, class: part[3] ? 'point hollow' : 'point' }, chart);
    return chart;
  }

  function factorAxis() {
    const width = 312;
    const chart = svg(width, 14, 'Scale: times the usual number of episodes');
    for (const [tick, text] of [[1 / 16, '1/16'], [0.25, '¼'], [1, '1'], [4, '4'], [16, '16 times']]) {
      draw('text', { x: 6 + (Math.log(tick) + LIMIT) / (2 * LIMIT) * (width - 12), y: 11, 'text-anchor': 'middle', text }, chart);
    }
    return chart;
  }

  threatkit.charts = { dots, strip, factor, factorAxis, shares };
})();
