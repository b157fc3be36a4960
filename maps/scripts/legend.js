/* The legend is a small histogram: how many districts and how many people in each class. */
(() => {
  const { $, make, assessed, districts, number } = threatkit;
  const millions = people => (people / 1e6).toFixed(1);

  function bar(parent, share, fill, text, interval) {
    const row = make('div', { class: 'count' }, parent);
    const mark = make('i', {}, row);
    mark.style.width = `${Math.max(share * 30, share > 0 ? 1.5 : 0)}%`;
    mark.style.background = fill;
    make('span', { text }, row);
    if (interval) make('em', { text: `(${interval})` }, row);
  }

  function nodata(parent, counted = true) {
    const column = make('div', { class: 'class none' }, parent);
    make('div', { class: 'swatch hatched' }, column);
    make('b', { text: 'Not assessed' }, column);
    make('span', { class: 'soft', text: `${threatkit.unassessed} districts` }, column);
    if (!counted) return;
    make('div', { class: 'count soft', text: 'Districts' }, column);
    make('div', { class: 'count soft', text: 'People, m' }, column);
  }

  function classes(rows, parent) {
    const mostDistricts = Math.max(1, ...rows.map(row => row.districts));
    const mostPeople = Math.max(1, ...rows.map(row => row.people));
    nodata(parent);
    for (const row of rows) {
      const column = make('div', { class: 'class' }, parent);
      const swatch = make('div', { class: 'swatch' }, column);
      swatch.style.background = row.fill;
      const level = threatkit.layer.key === 'level';
      make('b', { text: level ? `Level ${row.number} of 5` : row.label }, column);
      make('span', { class: 'soft', text: level ? row.label : `step ${row.number} of 5` }, column);
      bar(column, row.districts / mostDistricts, row.fill, number.format(Math.round(row.districts)), row.districtsText);
      bar(column, row.people / mostPeople, row.fill, millions(row.people), row.peopleText);
    }
    parent.setAttribute('aria-label', `Legend. ${rows.map(row => `${row.number}: ${row.label}, ${Math.round(row.districts)} districts`).join('; ')}. Not assessed: ${threatkit.unassessed}.`);
  }

  const BINS = 30;
  const TICKS = [[2, '1'], [4, '3'], [6, '10'], [8, '25 in 100']];
  function continuous(parent) {
    nodata(parent, false);
    const box = make('div', { class: 'density' }, parent);
    const counts = new Array(BINS).fill(0);
    for (const district of assessed) counts[Math.min(BINS - 1, Math.floor(district.index[0] / 10 * BINS))]++;
    const most = Math.max(1, ...counts);
    const bars = make('div', { class: 'bars' }, box);
    counts.forEach((count, i) => {
      const mark = make('i', {}, bars);
      mark.style.height = `${count ? Math.max(2, count / most * 40) : 0}px`;
      mark.style.background = threatkit.layer.scale((i + 0.5) / BINS * 10);
    });
    const scale = make('div', { class: 'scale' }, box);
    for (const [index, text] of TICKS) {
      const tick = make('span', { text }, scale);
      tick.style.left = `${index * 10}%`;
    }
    make('p', { class: 'soft', text: `Number of districts by their chance, ${assessed.length} of ${districts.length}` }, box);
    parent.setAttribute('aria-label', 'Legend. Continuous scale of the chance, darker is higher; the histogram counts districts.');
  }

  threatkit.drawLegend = () => {
    const legend = $('legend');
    legend.replaceChildren();
    const rows = threatkit.layer.legend();
    legend.classList.toggle('wide', rows === null);
    if (rows === null) continuous(legend);
    else classes(rows, legend);
  };
})();
