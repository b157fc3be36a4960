/* Pictures and tables to keep, made in the page from what it shows. */
(() => {
  const { $, data, draw, districts, describe, state } = report;

  /** Give the reader a file; nothing is fetched. */
  function give(name, type, text) {
    const address = URL.createObjectURL(new Blob([text], { type }));
    const link = document.createElement('a');
    link.href = address;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  }

  /* The picture that an image holds in its address. */
  const bytes = address => Uint8Array.from(atob(address.slice(address.indexOf(',') + 1)), letter => letter.charCodeAt(0));

  /* A spreadsheet runs a cell that begins with one of these; an apostrophe stops it. */
  const cell = value => {
    const text = String(value ?? '');
    const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
    return /[",\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
  };

  /** The shown view as a table: code, name, and what the view says, with the chance besides. */
  function table() {
    const rows = [['district', 'name', 'oblast', 'country', 'event_prob', 'event_prob_lo', 'event_prob_hi', 'risk_level', state.view]];
    for (const district of districts) {
      const known = district.level !== null;
      rows.push([district.code, district.name, district.oblast, district.country, ...(known ? district.p : ['', '', '']), known ? district.level : '', describe(district)]);
    }
    return `${rows.map(row => row.map(cell).join(',')).join('\n')}\n`;
  }

  const KEPT = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-dasharray', 'stroke-linejoin', 'stroke-opacity', 'font-size', 'font-style', 'font-weight', 'letter-spacing', 'text-anchor', 'paint-order', 'display', 'opacity'];

  /* Styles become attributes, so that the picture stands without the page. */
  function copy(source, target) {
    for (const child of source.children) {
      const style = getComputedStyle(child);
      if (style.display === 'none') continue;
      const made = child.cloneNode(false);
      made.removeAttribute('class');
      if (child.tagName !== 'g') {
        for (const name of KEPT) made.setAttribute(name, style.getPropertyValue(name));
        if (child.tagName === 'text') made.textContent = child.textContent;
      }
      target.append(made);
      copy(child, made);
    }
  }

  function picture() {
    const gap = 16;
    const sizes = report.frames.map(frame => frame.view);
    const width = sizes.reduce((sum, view) => sum + view.width + gap, gap);
    const height = Math.max(...sizes.map(view => view.height)) + 96;
    const paper = getComputedStyle(document.body);
    const svg = draw('svg', { xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${width} ${height}`, width, height, 'font-family': 'sans-serif' });
    draw('rect', { width, height, fill: paper.backgroundColor }, svg);
    const defs = draw('defs', {}, svg);
    copy(document.querySelector('svg.patterns defs'), defs);
    draw('text', { x: gap, y: 28, 'font-size': 18, 'font-weight': 700, fill: paper.color, text: $('finding').textContent }, svg);
    draw('text', { x: gap, y: 48, 'font-size': 12, fill: paper.color, text: $('meaning').textContent }, svg);
    let x = gap;
    for (const frame of report.frames) {
      const { width: w, height: h } = frame.view;
      const part = draw('svg', { x, y: 60, width: w, height: h, viewBox: `0 0 ${w} ${h}` }, svg);
      for (const layer of [frame.fills, frame.lines, frame.marks]) copy(layer, part);
      x += w + gap;
    }
    const told = `${document.querySelector('.kick').textContent} · ${data.facts.run} · ${document.querySelector('.tlp').textContent}`;
    draw('text', { x: gap, y: height - 12, 'font-size': 11, fill: paper.color, text: told }, svg);
    return new XMLSerializer().serializeToString(svg);
  }

  report.startSave = () => {
    $('save-svg').addEventListener('click', () => give(`${state.view}.svg`, 'image/svg+xml', picture()));
    $('save-csv').addEventListener('click', () => give(`${state.view}.csv`, 'text/csv', table()));
    for (const button of document.querySelectorAll('[data-save]')) {
      const figure = data.figures[Number(button.dataset.figure)];
      const image = button.closest('figure').querySelector('img');
      if (button.dataset.save === 'svg') button.addEventListener('click', () => give(`${figure.key}.svg`, 'image/svg+xml', bytes(image.src)));
      else button.addEventListener('click', () => give(`${figure.key}.csv`, 'text/csv', figure.csv));
    }
  };
  Object.assign(report, { picture, table });
})();
