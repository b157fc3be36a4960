/* The legend is a small histogram: districts and people in each class, told in figures besides. */
(() => {
  const { $, say, make, number, districts, assessed } = report;
  let built = null;
  let parts = [];

  function sums(of, classes) {
    const many = new Array(classes).fill(0);
    const people = new Array(classes).fill(0);
    for (const district of assessed) {
      const at = of[district.i];
      if (at < 0) continue;
      many[at]++;
      people[at] += (district.pop || 0) / 1e6;
    }
    return [many, people];
  }

  function empty(box) {
    const none = make('div', { class: 'class none' }, box);
    make('span', { class: 'swatch hatched' }, none);
    make('b', { text: say('noData') }, none);
    make('span', { class: 'count soft', text: number(districts.length - assessed.length) }, none);
  }

  function bar(parent, style, name) {
    const line = make('span', { class: 'count' }, parent);
    const track = make('span', { class: 'track' }, line);
    const fill = make('i', { class: `sw ${style}` }, track);
    make('span', { class: 'hidden', text: `${name}: ` }, line);
    const value = make('span', {}, line);
    const range = make('em', {}, line);
    return { fill, value, range };
  }

  /* One column a class. */
  function columns(box, view) {
    box.className = `legend columns-${view.classes.length}`;
    empty(box);
    const rows = make('div', { class: 'legend-names soft' }, box);
    make('span', { text: say('districts') }, rows);
    make('span', { text: say('people') }, rows);
    parts = view.classes.map(item => {
      const column = make('div', { class: 'class' }, box);
      make('span', { class: `swatch sw ${item.style}` }, column);
      make('b', { text: item.label }, column);
      make('span', { class: 'note', text: item.note }, column);
      return [bar(column, item.style, say('districts')), bar(column, item.style, say('people'))];
    });
  }

  function fill(view, of) {
    const [many, people] = sums(of, view.classes.length);
    const bands = view.counts;
    const shown = bands ? [bands.map(row => row[0]), bands.map(row => row[2])] : [many, people];
    [0, 1].forEach(kind => {
      const most = Math.max(...shown[kind], 1e-9);
      shown[kind].forEach((value, n) => {
        const { fill: mark, value: text, range } = parts[n][kind];
        mark.style.width = `${Math.max(1.5, 100 * value / most)}%`;
        const digits = kind && value < 100 ? 1 : 0;
        const written = number(value, digits);
        if (text.textContent !== written) text.textContent = written;
        const ends = bands ? `(${bands[n][2 * kind + 1]})` : '';
        if (range.textContent !== ends) range.textContent = ends;
      });
    });
  }

  /* The even scale of chances: how many districts lie where. */
  function density(box, view) {
    box.className = 'legend wide';
    empty(box);
    const scale = make('div', { class: 'density' }, box);
    parts = make('div', { class: 'bars', role: 'img' }, scale);
    view.classes.forEach(item => make('i', { class: `sw ${item.style}` }, parts));
    const axis = make('div', { class: 'axis soft' }, scale);
    for (const [at, text] of view.ticks) make('span', { text }, axis).style.left = `${at}%`;
  }

  function fillDensity(view, of) {
    const [many] = sums(of, view.classes.length);
    const most = Math.max(...many, 1);
    [...parts.children].forEach((mark, n) => { mark.style.height = `${many[n] ? 4 + 36 * Math.sqrt(many[n] / most) : 1}px`; });
    parts.setAttribute('aria-label', `${say('districts')}: ${view.ticks.map(([at, text], n) => `${text}: ${number(many.slice(0, Math.round((at / 100) * many.length)).reduce((a, b) => a + b, 0) - (n ? many.slice(0, Math.round((view.ticks[n - 1][0] / 100) * many.length)).reduce((a, b) => a + b, 0) : 0))}`).join('; ')}`);
  }

  /* The palette that suppresses values: fewer colours where less is known. */
  function wedge(box, view) {
    box.className = 'legend wide';
    empty(box);
    const rows = make('div', { class: 'wedge' }, box);
    parts = [[0, 1, 2, 3, 4], [5, 6, 7], [8]].map((numbers, row) => {
      const line = make('div', { class: `wedge-row wedge-${row}` }, rows);
      make('b', { text: view.bands[row] }, line);
      const cells = make('span', { class: 'cells' }, line);
      return numbers.map(n => {
        const cell = make('span', { class: `cell sw ${view.classes[n].style}` }, cells);
        make('span', { class: 'hidden', text: `${view.classes[n].label}: ` }, cell);
        return [n, make('span', { class: 'cell-text' }, cell)];
      });
    }).flat();
  }

  function fillWedge(view, of) {
    const [many] = sums(of, view.classes.length);
    for (const [n, element] of parts) element.textContent = number(many[n]);
  }

  /** Draw the legend of a view; while it stays the same, only its figures change. */
  report.legend = (view, { of }) => {
    const kind = view.ticks ? [density, fillDensity] : view.bands ? [wedge, fillWedge] : [columns, fill];
    if (built !== view.key) {
      $('legend').replaceChildren();
      kind[0]($('legend'), view);
      built = view.key;
    }
    kind[1](view, of);
  };
})();
