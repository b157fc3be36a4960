/* The page's data: read once; draws unpacked and counted on their edges. */
const report = {};

(() => {
  const { $, make, draw } = elements;
  const data = JSON.parse(document.getElementById('data').textContent);
  const { strings, draws, texts } = data;

  /* Districts come as columns, and texts that many share as numbers. */
  const names = Object.keys(data.districts);
  const districts = data.districts.code.map((_, i) => {
    const row = { i };
    for (const name of names) row[name] = data.districts[name][i];
    for (const name of ['oblast', 'country', 'why', 'confidence']) if (typeof row[name] === 'number') row[name] = texts[row[name]];
    row.unknown = (row.unknown || []).map(n => texts[n]);
    return row;
  });
  for (const row of data.values) for (const n of [0, 6, 7, 8]) row[n] = texts[row[n]];

  /** Return a text of the page with its gaps filled. */
  const say = (key, given = {}) => strings[key].replace(/\{([a-z_]+)\}/g, (whole, name) => (name in given ? given[name] : whole));

  /** Return a number as the language of the page writes it. */
  function number(value, digits = 0) {
    const [whole, rest] = Math.abs(value).toFixed(digits).split('.');
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, data.number.group);
    return (value < 0 ? '−' : '') + grouped + (rest ? data.number.decimal + rest : '');
  }

  /* Bins: the number of edges at or below a draw, district by district. */
  const count = draws.count;
  const text = atob(draws.bins);
  const bins = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bins[i] = text.charCodeAt(i);
  const assessed = districts.filter(district => district.level !== null);
  const edges = draws.edges.length;

  /* For each district (each draw) and edge: how many draws (districts) lie at or above it. */
  const above = new Uint16Array(assessed.length * (edges + 1));
  const reach = new Uint16Array(count * (edges + 1));
  for (let i = 0; i < assessed.length; i++) {
    for (let s = 0; s < count; s++) {
      const bin = bins[i * count + s];
      above[i * (edges + 1) + bin]++;
      reach[s * (edges + 1) + bin]++;
    }
  }
  for (const table of [above, reach]) {
    for (let row = 0; row < table.length; row += edges + 1) {
      for (let e = edges - 1; e >= 0; e--) table[row + e] += table[row + e + 1];
    }
  }
  const level = new Uint8Array(edges + 1);
  for (let bin = 0; bin <= edges; bin++) level[bin] = draws.levels.filter(edge => bin > edge).length;

  const ordered = new Uint16Array(count);
  /** Return the interval, over draws, of the number of districts at or above an edge. */
  function reached(edge) {
    for (let s = 0; s < count; s++) ordered[s] = reach[s * (edges + 1) + edge + 1];
    ordered.sort();
    const tail = (1 - data.facts.ci / 100) / 2 * (count - 1);
    return [ordered[Math.floor(tail)], ordered[Math.ceil(count - 1 - tail)]];
  }

  /** Return the chance of an edge, in 100, with no more digits than it has. */
  function edgeText(edge) {
    const value = draws.edges[edge];
    const digits = [0, 1, 2].find(n => Number(value.toFixed(n)) === value);
    return number(value, digits);
  }

  Object.assign(report, {
    data, say, number, make, draw, districts, assessed, count, reached,
    $,
    edgeText,
    share: (i, edge) => above[i * (edges + 1) + edge + 1] / count,
    levelOf: (i, s) => level[bins[i * count + s]],
  });
})();
