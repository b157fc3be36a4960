/* Search by any name: Latin and Cyrillic spellings fold to one key. */
(() => {
  const { $, make, districts } = threatkit;
  const index = districts.map(district => ({
    district,
    keys: [district.name, ...district.other, ...(district.seat ? [district.seat] : []), ...district.with].map(name => ({ name, key: fold(name) })),
    area: fold(`${district.oblast} ${district.country}`),
  }));

  /** Return up to eight districts whose names begin with, hold, or whose area holds the words. */
  function find(text) {
    const wanted = fold(text);
    if (!wanted) return [];
    const found = [];
    for (const entry of index) {
      let best = null;
      for (const { name, key } of entry.keys) {
        const score = key === wanted ? 0 : key.startsWith(wanted) ? 1 : ` ${key}`.includes(` ${wanted}`) ? 2 : wanted.length > 2 && key.includes(wanted) ? 3 : 9;
        if (score < 9 && (!best || score < best.score)) best = { score, name };
      }
      if (!best && wanted.length > 2 && entry.area.includes(wanted)) best = { score: 4, name: entry.district.name };
      if (best) found.push({ ...best, district: entry.district });
    }
    return found.sort((a, b) => a.score - b.score || (b.district.pop || 0) - (a.district.pop || 0)).slice(0, 8);
  }

  function start() {
    const input = $('find');
    const list = $('found');
    let results = [];
    let active = -1;

    function close() {
      list.hidden = true;
      active = -1;
      input.setAttribute('aria-expanded', 'false');
      input.removeAttribute('aria-activedescendant');
    }
    function mark(position) {
      active = position;
      [...list.children].forEach((item, i) => item.setAttribute('aria-selected', String(i === active)));
      if (active >= 0) {
        input.setAttribute('aria-activedescendant', list.children[active].id);
        threatkit.hover(results[active].district.code);
      }
    }
    function choose(position) {
      const result = results[position];
      if (!result) return;
      input.value = '';
      close();
      threatkit.select(result.district.code, { reveal: true, focus: true });
    }
    function show() {
      results = find(input.value);
      list.replaceChildren();
      results.forEach((result, i) => {
        const item = make('li', { role: 'option', id: `found-${i}`, 'aria-selected': 'false' }, list);
        const other = result.name === result.district.name ? '' : ` (${result.name})`;
        make('span', { class: 'nm', text: `${result.district.name}${other}` }, item);
        make('span', { class: 'soft', text: `${result.district.oblast}, ${result.district.country}` }, item);
        item.addEventListener('mousedown', event => { event.preventDefault(); choose(i); });
      });
      if (!results.length && input.value.trim()) make('li', { class: 'soft none', text: 'No district of this name' }, list);
      list.hidden = !list.children.length;
      input.setAttribute('aria-expanded', String(!list.hidden));
      mark(results.length ? 0 : -1);
    }
    input.addEventListener('input', show);
    input.addEventListener('blur', close);
    input.addEventListener('keydown', event => {
      if (event.key === 'Escape') { input.value = ''; close(); }
      if (list.hidden || !results.length) return;
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

  Object.assign(threatkit, { fold, find, startSearch: start });
})();
