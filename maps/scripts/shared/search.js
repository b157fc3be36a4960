/* Search by any name: Latin and Cyrillic spellings fold to one key. */
const search = (() => {
  const { $, make } = elements;

  const indexed = districts => districts.map(district => ({
    district,
    keys: [district.name, ...district.other, ...(district.seat ? [district.seat] : []), ...district.with].map(name => ({ name, key: fold(name) })),
    area: fold(`${district.oblast} ${district.country}`),
  }));

  function score(key, wanted) {
    if (key === wanted) return 0;
    if (key.startsWith(wanted)) return 1;
    if (` ${key}`.includes(` ${wanted}`)) return 2;
    return wanted.length > 2 && key.includes(wanted) ? 3 : 9;
  }

  /** Return up to eight districts whose names begin with, hold, or whose area holds the words. */
  function find(index, text) {
    const wanted = fold(text);
    if (!wanted) return [];
    const found = [];
    for (const { district, keys, area } of index) {
      let best = { score: 9, name: '' };
      for (const { name, key } of keys) {
        const own = score(key, wanted);
        if (own < best.score) best = { score: own, name };
      }
      if (best.score === 9 && wanted.length > 2 && area.includes(wanted)) best = { score: 4, name: district.name };
      if (best.score < 9) found.push({ ...best, district });
    }
    return found.sort((a, b) => a.score - b.score || (b.district.pop || 0) - (a.district.pop || 0)).slice(0, 8);
  }

  /**
   * Make the field search the districts.
   * none: what is said where nothing is found; hover and select are given a district;
   * told is given how many were found, null for an empty field.
   */
  function start(districts, { none, hover, select, told = () => {} }) {
    const index = indexed(districts);
    const input = $('find');
    const box = $('found');
    let results = [];
    let active = -1;

    function close() {
      box.hidden = true;
      active = -1;
      input.setAttribute('aria-expanded', 'false');
      input.removeAttribute('aria-activedescendant');
    }
    function mark(position) {
      active = position;
      [...box.children].forEach((item, n) => item.setAttribute('aria-selected', String(n === active)));
      if (active < 0) return input.removeAttribute('aria-activedescendant');
      input.setAttribute('aria-activedescendant', box.children[active].id);
      hover(results[active].district);
    }
    function choose(position) {
      const result = results[position];
      if (!result) return;
      input.value = '';
      close();
      select(result.district);
    }
    function show() {
      results = find(index, input.value);
      box.replaceChildren();
      results.forEach((result, n) => {
        const item = make('li', { role: 'option', id: `found-${n}`, 'aria-selected': 'false' }, box);
        const other = result.name === result.district.name ? '' : ` (${result.name})`;
        make('span', { class: 'nm', text: `${result.district.name}${other}` }, item);
        make('span', { class: 'soft', text: `${result.district.oblast}, ${result.district.country}` }, item);
        item.addEventListener('mousedown', event => { event.preventDefault(); choose(n); });
      });
      const typed = Boolean(input.value.trim());
      if (!results.length && typed) make('li', { role: 'option', 'aria-selected': 'false', class: 'soft none', text: none }, box);
      box.hidden = !box.children.length;
      input.setAttribute('aria-expanded', String(!box.hidden));
      mark(results.length ? 0 : -1);
      told(typed ? results.length : null);
    }
    input.addEventListener('input', show);
    input.addEventListener('blur', close);
    input.addEventListener('keydown', event => {
      if (event.key === 'Escape') { input.value = ''; close(); event.stopPropagation(); }
      if (box.hidden || !results.length) return;
      if (event.key === 'ArrowDown') { event.preventDefault(); mark((active + 1) % results.length); }
      if (event.key === 'ArrowUp') { event.preventDefault(); mark((active + results.length - 1) % results.length); }
      if (event.key === 'Enter') { event.preventDefault(); choose(Math.max(active, 0)); }
    });
    document.addEventListener('keydown', event => {
      if (event.key !== '/' || event.target.closest('input, select, textarea')) return;
      event.preventDefault();
      input.focus();
    });
  }

  return { start };
})();
