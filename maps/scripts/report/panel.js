/* The chosen district: a panel beside the map, on a phone a sheet from below. */
(() => {
  const { $, data, say, make, number, districts, charts, state } = report;
  let opener = null;

  function section(panel, title) {
    const box = make('section', {}, panel);
    make('h3', { text: title }, box);
    return box;
  }

  function list(parent, lines) {
    const items = make('ul', { class: 'dashes small' }, parent);
    for (const text of lines) make('li', { text }, items);
  }

  function head(panel, district) {
    const bar = make('div', { class: 'panel-bar' }, panel);
    make('button', { type: 'button', class: 'link', text: say('zoomTo') }, bar).addEventListener('click', () => report.zoomTo(district.i));
    const close = make('button', { type: 'button', class: 'close', 'aria-label': say('close'), text: '×' }, bar);
    close.addEventListener('click', () => report.select(null));
    make('h2', { class: 'title', text: district.name }, panel);
    const place = [district.other.join(' · '), `${district.oblast}, ${district.country}`].filter(Boolean).join(' · ');
    make('p', { class: 'small soft', text: place }, panel);
    make('p', { class: 'small soft', text: district.people }, panel);
    if (district.with.length) make('p', { class: 'small soft', text: say('with', { names: district.with.join('; ') }) }, panel);
    if (district.rough) make('p', { class: 'small soft', text: say('rough') }, panel);
    if (!district.drawn) make('p', { class: 'small soft', text: say('undrawn') }, panel);
  }

  function likelihood(panel, district) {
    const sentence = make('p', { class: 'say' }, panel);
    make('b', { text: district.word }, sentence);
    sentence.append(`: ${district.say}`);
    make('p', { text: district.levelSay }, panel);
    make('p', { text: district.confidence }, panel);
    if (district.unjudged) make('p', { class: 'judged', text: district.unjudged }, panel);
    const spread = section(panel, say('dots'));
    spread.append(charts.dots(district));
    const body = make('tbody', {}, make('table', { class: 'key' }, spread));
    for (const [name, value] of [
      [say('score'), district.index],
      [say('place'), district.rankText],
      [say('top'), say('ofDraws', { n: number(100 * district.top) })],
      [say('rate'), district.rate],
      [say('changeRow'), district.change ? district.change[0] : ''],
    ]) {
      if (!value) continue;
      const row = make('tr', {}, body);
      make('th', { scope: 'row', text: name }, row);
      make('td', { text: value }, row);
    }
    make('p', { class: 'small soft', text: say('dotsSay', { n: data.facts.ci }) }, spread);
  }

  function values(parent, rows) {
    const items = make('ul', { class: 'values small' }, parent);
    for (const [title, , value, period, age, grade, level, source, address] of rows) {
      const item = make('li', {}, items);
      make('span', { text: title, lang: 'en' }, item);
      make('b', { text: value, lang: 'en' }, item);
      const years = age === null ? '' : ` (${say('years', { n: number(age) })})`;
      make('span', { class: 'soft', text: `${period}${years} · ${say('grade', { grade })} · ${level}` }, item);
      make('span', { class: 'soft address', text: [source, address].filter(Boolean).join(', '), lang: 'en' }, item);
    }
  }

  function reasons(panel, district) {
    const box = section(panel, say('why'));
    make('p', { class: 'small', text: district.why }, box);
    box.append(charts.factorAxis());
    const order = data.parts.map((part, n) => ({ ...part, numbers: district.parts[n] }))
      .sort((a, b) => Math.abs(b.numbers[0]) - Math.abs(a.numbers[0]));
    const rows = district.values.map(position => data.values[position]);
    for (const part of order) {
      const details = make('details', { class: 'reason' }, box);
      const summary = make('summary', {}, details);
      const line = make('span', { class: 'line' }, summary);
      make('span', { text: part.label }, line);
      make('span', { class: 'soft', text: part.numbers[4] }, line);
      summary.append(charts.factor(part.numbers));
      if (part.numbers[3]) make('p', { class: 'small', text: say('assumed') }, details);
      if (part.drift) make('p', { class: 'small', text: part.drift }, details);
      const own = rows.filter(row => row[1] === part.key);
      if (own.length) values(details, own);
      else make('p', { class: 'small soft', text: `${part.key}Say` in data.strings ? say(`${part.key}Say`) : say('noValue') }, details);
    }
    make('p', { class: 'small soft', text: say('whySay', { n: data.facts.ci }) }, box);
    const rest = rows.filter(row => !data.parts.some(part => part.key === row[1]));
    if (rest.length) {
      const details = make('details', { class: 'reason' }, box);
      make('summary', { text: say('otherValues', { n: number(rest.length) }) }, details);
      values(details, rest);
    }
  }

  function events(panel, district) {
    const box = section(panel, say('events'));
    if (!district.events.length) {
      make('p', { class: 'small soft', text: say('noEvents') }, box);
      return;
    }
    const items = make('ul', { class: 'event-list small' }, box);
    for (const position of district.events) {
      const [day, kind, place, text, source] = data.events[position];
      const item = make('li', {}, items);
      make('b', { text: day }, item);
      make('span', { text: ` ${kind}${place ? `, ${place}` : ''}. ${text} `, lang: 'en' }, item);
      make('span', { class: 'soft address', text: source, lang: 'en' }, item);
    }
    if (district.more) make('p', { class: 'small soft', text: say('moreEvents', { n: number(district.more) }) }, box);
  }

  function neighbours(panel, district) {
    if (!district.near.length) return;
    const box = section(panel, say('neighbours'));
    const items = make('ul', { class: 'near small' }, box);
    for (const [i, km] of district.near) {
      const other = districts[i];
      const item = make('li', {}, items);
      const button = make('button', { type: 'button', class: 'link', text: other.name }, item);
      button.addEventListener('click', () => report.select(i, { focus: true }));
      button.addEventListener('mouseenter', () => report.hover(i));
      button.addEventListener('mouseleave', () => report.hover(null));
      make('span', { class: 'soft', text: `${other.level === null ? say('notAssessedShort') : other.chance}${km === null ? '' : ` · ${say('km', { n: number(km) })}`}` }, item);
    }
  }

  function show(district) {
    const panel = $('panel');
    panel.replaceChildren();
    head(panel, district);
    if (district.level === null) make('p', { class: 'say', text: say('notAssessed') }, panel);
    else {
      likelihood(panel, district);
      reasons(panel, district);
      list(section(panel, say('unknown')), district.unknown);
    }
    events(panel, district);
    neighbours(panel, district);
    panel.hidden = false;
    panel.scrollTop = 0;
    panel.setAttribute('aria-label', say('chosen', { name: district.name }));
    document.documentElement.dataset.panel = 'open';
  }

  /** Choose a district, or none; panel, frames and table follow. */
  report.select = (i, { reveal = false, focus = false } = {}) => {
    state.chosen = i;
    for (const frame of report.frames) {
      if (i !== null && reveal) frame.reveal(i);
      frame.outline(i);
    }
    report.markRow(i);
    report.readout(i);
    if (i === null) {
      $('panel').hidden = true;
      delete document.documentElement.dataset.panel;
      if (opener && document.contains(opener)) opener.focus({ preventScroll: true });
      opener = null;
      return;
    }
    if (!opener) opener = document.activeElement;
    show(districts[i]);
    if (focus) $('panel').focus({ preventScroll: true });
  };

  report.zoomTo = i => {
    const frame = report.frames[1] && districts[i].valley ? report.frames[1] : report.frames[0];
    frame.reveal(i, true);
    frame.host.scrollIntoView({ block: 'nearest' });
  };
})();
