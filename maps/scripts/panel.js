/* A chosen district: what is likely, how sure, why, what is not known, what happened near. */
(() => {
  const { $, make, facts, byCode, charts, frames } = threatkit;
  let opener = null;

  function section(parent, title) {
    const box = make('section', {}, parent);
    make('h3', { text: title }, box);
    return box;
  }

  function list(parent, lines) {
    const items = make('ul', { class: 'small plain' }, parent);
    for (const text of lines) make('li', { text }, items);
  }

  function valueTable(parent, rows) {
    const table = make('table', { class: 'values' }, parent);
    for (const [title, , value, period, grade, level, source, address] of rows) {
      const body = make('tbody', {}, table);
      const first = make('tr', {}, body);
      make('td', { text: title }, first);
      make('td', { class: 'r', text: value }, first);
      const second = make('td', { class: 'soft', colspan: 2 }, make('tr', { class: 'note' }, body));
      second.textContent = `${period} · ${level} · grade ${grade} · ${source}`;
      if (address) make('span', { class: 'address', text: address }, second);
    }
  }

  function head(panel, district) {
    const bar = make('div', { class: 'panel-bar' }, panel);
    const back = make('button', { type: 'button', class: 'link', text: '← Highest chance' }, bar);
    const zoom = make('button', { type: 'button', class: 'link', text: 'Zoom to it' }, bar);
    const close = make('button', { type: 'button', class: 'close', 'aria-label': 'Close', text: '×' }, bar);
    back.addEventListener('click', () => threatkit.select(null));
    close.addEventListener('click', () => threatkit.select(null));
    zoom.hidden = !district.drawn;
    zoom.addEventListener('click', () => threatkit.zoomTo(district.code));
    make('h2', { class: 'title', text: district.name }, panel);
    const where = [district.oblast, district.country].filter(Boolean).join(', ');
    if (district.other.length) make('p', { class: 'soft', text: district.other.join(' · ') }, panel);
    make('p', { class: 'soft', text: `${where} · ${district.people}` }, panel);
    if (district.with.length) make('p', { class: 'small', text: `Shown with it, under 1,000 people: ${district.with.join(', ')}. The figures are those of ${district.name}.` }, panel);
    if (district.outline === 'approximate') make('p', { class: 'small soft', text: 'The outline is approximate.' }, panel);
    if (!district.drawn) make('p', { class: 'small soft', text: 'No outline is known, so it is not on the map.' }, panel);
  }

  function likelihood(panel, district) {
    const [word, ...rest] = district.say.split(':');
    const say = make('p', { class: 'say' }, panel);
    make('b', { text: word }, say);
    say.append(`:${rest.join(':')}`);
    make('p', { text: `${district.levelText[0].toUpperCase()}${district.levelText.slice(1)}, ${Math.round(district.sure * 100)}% sure.` }, panel);
    make('p', { text: district.confidence }, panel);
    if (district.unjudged) make('p', { class: 'judged', text: `Without analysts’ judgements: ${district.unjudged}.` }, panel);
    const spread = section(panel, 'Twenty equally likely dots');
    spread.append(charts.dots(district));
    const [mid, low, high] = district.index;
    const table = make('table', { class: 'key' }, spread);
    for (const [name, value] of [
      ['Score, 0 to 10', `${mid.toFixed(1)} (${low.toFixed(1)} to ${high.toFixed(1)})`],
      ['Place', district.rankText],
      ['Among the top tenth', district.top],
      ['Rate', district.rate],
    ]) {
      if (!value) continue;
      const row = make('tr', {}, table);
      make('th', { scope: 'row', text: name }, row);
      make('td', { text: value }, row);
    }
    make('p', { class: 'small soft', text: `Each dot is one chance in twenty. Intervals hold ${facts.ci}%.` }, spread);
  }

  function reasons(panel, district) {
    const box = section(panel, 'Why, compared with the usual district');
    make('p', { class: 'small', text: district.why }, box);
    box.append(charts.factorAxis());
    const order = facts.parts.map((part, i) => ({ ...part, numbers: district.parts[i] }))
      .sort((a, b) => Math.abs(b.numbers[0]) - Math.abs(a.numbers[0]));
    const rows = district.values.map(position => threatkit.values[position]);
    for (const part of order) {
      const details = make('details', { class: 'reason' }, box);
      const summary = make('summary', {}, details);
      const line = make('span', { class: 'line' }, summary);
      make('span', { text: part.label }, line);
      make('span', { class: 'soft', text: part.numbers[4] }, line);
      summary.append(charts.factor(part.numbers));
      if (part.numbers[3]) make('p', { class: 'small', text: 'Set by assumption, not by data.' }, details);
      const own = rows.filter(row => row[1] === part.key);
      if (own.length) valueTable(details, own);
      else make('p', { class: 'small soft', text: EXPLAINED[part.key] || 'No indicator of this kind is on record here.' }, details);
    }
    make('p', { class: 'small soft', text: `Times the usual number of episodes, ${facts.ci}% interval. Associated with, not because of. Hollow: set by assumption.` }, box);
    const rest = rows.filter(row => !facts.parts.some(part => part.key === row[1]));
    if (rest.length) {
      const details = make('details', { class: 'reason' }, box);
      make('summary', { text: `Other values on record (${rest.length})` }, details);
      valueTable(details, rest);
    }
  }

  const EXPLAINED = {
    people: 'More people, more chances of an episode, against the median district.',
    space: 'What a place and its neighbours have in common and no indicator explains.',
    history: 'Episodes here in recent years, fading with time.',
    country: 'What districts of one country have in common.',
    judgement: 'An analyst’s dated judgement; the figures without it are above.',
  };

  function events(panel, district) {
    const box = section(panel, 'Events within 50 km, newest first');
    if (!district.events.length) {
      make('p', { class: 'small soft', text: 'None on record. The record is not complete: silence is not peace.' }, box);
      return;
    }
    for (const position of district.events) {
      const event = threatkit.events[position];
      const item = make('div', { class: 'event-item small' }, box);
      make('b', { text: event.date }, item);
      item.append(` ${event.type}${event.place ? `, ${event.place}` : ''}. ${event.text} `);
      make('span', { class: 'address', text: event.source }, item);
    }
    if (district.more) make('p', { class: 'small soft', text: `and ${district.more} earlier ones.` }, box);
  }

  function show(district) {
    const panel = $('panel');
    panel.replaceChildren();
    head(panel, district);
    if (district.level === null) {
      make('p', { class: 'say', text: 'Not assessed: too little is known. That does not mean safe.' }, panel);
    } else {
      likelihood(panel, district);
      reasons(panel, district);
      list(section(panel, 'What is not known'), district.unknown);
    }
    events(panel, district);
    panel.hidden = false;
    panel.scrollTop = 0;
    panel.setAttribute('aria-label', `Chosen district: ${district.name}`);
    document.documentElement.dataset.panel = 'open';
  }

  /** Choose a district, or none; the panel, both frames and the table follow. */
  threatkit.select = (code, { reveal = false, focus = false } = {}) => {
    const district = byCode.get(code) || null;
    threatkit.selected = district ? code : null;
    for (const frame of frames) {
      frame.outline('halo', threatkit.selected);
      frame.outline('chosen', threatkit.selected);
      if (district && reveal) frame.reveal(code);
    }
    threatkit.markRow(threatkit.selected);
    if (!district) {
      $('panel').hidden = true;
      delete document.documentElement.dataset.panel;
      if (opener && document.contains(opener)) opener.focus({ preventScroll: true });
      opener = null;
      return;
    }
    if (!opener) opener = document.activeElement;
    show(district);
    if (focus) $('panel').focus({ preventScroll: true });
  };
  threatkit.selected = null;

  threatkit.zoomTo = code => {
    const frame = frames.find(item => item.key === 'valley' && item.paths.has(code) && byCode.get(code).valley) || frames[0];
    const path = frame && frame.paths.get(code);
    if (path) frame.map.fitBounds(path.getBounds().pad(0.6), { animate: false });
  };
})();
