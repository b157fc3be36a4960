/* Tables of areas and districts. The table of districts is one tab stop, whatever its length. */
(() => {
  const { $, make, districts, areas, number, settled } = threatkit;
  const ROW = 'row-';
  let current = 0;
  let ordered = [];

  function header(table, names, right) {
    const row = make('tr', {}, make('thead', {}, table));
    names.forEach((text, i) => make('th', { scope: 'col', class: right.includes(i) ? 'r' : '', text }, row));
  }

  function areaTable() {
    const table = $('areas');
    header(table, ['Area', 'Districts', 'Chance', 'Episodes expected', 'People'], [1, 2, 3, 4]);
    const body = make('tbody', {}, table);
    for (const area of areas) {
      const row = make('tr', { class: area.kind }, body);
      make('td', { text: area.name }, row);
      for (const text of [number.format(area.districts), area.chance, area.expected, area.people]) make('td', { class: 'r', text }, row);
    }
  }

  function districtTable() {
    const table = $('districts');
    header(table, ['Place', 'District', 'Oblast', 'Country', 'Chance', 'Level', 'Score', 'People'], [0, 4, 6, 7]);
    const body = make('tbody', {}, table);
    ordered = districts.slice().sort((a, b) => (a.level === null) - (b.level === null) || (a.rank ? a.rank[0] - b.rank[0] : a.name.localeCompare(b.name)));
    ordered.forEach((district, position) => {
      const row = make('tr', { id: ROW + position }, body);
      row.dataset.code = district.code;
      const known = district.level !== null;
      make('td', { class: 'r', text: known ? `${district.rank[1]}–${district.rank[2]}` : '' }, row);
      make('td', { class: 'nm', text: district.name }, row);
      make('td', { text: district.oblast }, row);
      make('td', { text: district.country }, row);
      make('td', { class: 'r', text: known ? district.chance : 'not assessed' }, row);
      const level = make('td', {}, row);
      if (known) {
        const mark = make('i', { class: 'square' }, level);
        mark.style.background = `var(--k${district.level})`;
        level.append(`${district.level} of 5${settled(district) ? '' : ', not settled'}`);
      }
      make('td', { class: 'r', text: known ? `${district.index[0].toFixed(1)} (${district.index[1].toFixed(1)}–${district.index[2].toFixed(1)})` : '' }, row);
      make('td', { class: 'r', text: district.pop === null ? 'not known' : number.format(district.pop) }, row);
    });
    body.addEventListener('click', event => {
      const row = event.target.closest('tr');
      if (row) threatkit.select(row.dataset.code, { reveal: true, focus: true });
    });
    const box = $('table');
    box.addEventListener('keydown', event => {
      const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12 };
      if (event.key in moves) go(current + moves[event.key]);
      else if (event.key === 'Home') go(0);
      else if (event.key === 'End') go(ordered.length - 1);
      else if (event.key === 'Enter') threatkit.select(ordered[current].code, { reveal: true, focus: true });
      else return;
      event.preventDefault();
    });
  }

  function go(position) {
    const rows = $('districts').tBodies[0].rows;
    if (rows[current]) rows[current].classList.remove('current');
    current = Math.max(0, Math.min(ordered.length - 1, position));
    rows[current].classList.add('current');
    rows[current].scrollIntoView({ block: 'nearest' });
    $('table').setAttribute('aria-activedescendant', rows[current].id);
    threatkit.hover(ordered[current].code);
  }

  let marked = null;
  threatkit.markRow = code => {
    if (marked) marked.classList.remove('selected');
    const position = ordered.findIndex(district => district.code === code);
    marked = position >= 0 ? $('districts').tBodies[0].rows[position] : null;
    if (marked) marked.classList.add('selected');
  };

  threatkit.drawTables = () => { areaTable(); districtTable(); };
})();
