/* The page: layers, overlays, theme, list of leaders; everything is put in its place here. */
(() => {
  const { $, make, assessed, charts, layers } = threatkit;

  function repaint() {
    if (threatkit.layer.prepare) threatkit.layer.prepare();
    document.documentElement.dataset.layer = threatkit.layer.key;
    $('finding').textContent = threatkit.layer.finding();
    $('meaning').textContent = threatkit.layer.meaning;
    for (const frame of threatkit.frames) frame.paint();
    threatkit.drawLegend();
  }

  function choose(layer) {
    threatkit.layer = layer;
    repaint();
  }

  function layerChoice() {
    const box = $('layers');
    const reasons = layers.filter(layer => layer.reason);
    for (const layer of layers.filter(item => !item.reason)) {
      const label = make('label', { class: 'tab' }, box);
      const input = make('input', { type: 'radio', name: 'layer', value: layer.key }, label);
      input.checked = layer === threatkit.layer;
      make('span', { text: layer.label }, label);
      input.addEventListener('change', () => choose(layer));
    }
    if (!reasons.length) return;
    const label = make('label', { class: 'tab' }, box);
    const input = make('input', { type: 'radio', name: 'layer', value: 'reason' }, label);
    make('span', { text: 'Reason' }, label);
    const select = make('select', { id: 'reason', 'aria-label': 'Which reason' }, box);
    reasons.forEach((layer, i) => make('option', { value: String(i), text: layer.label }, select));
    input.addEventListener('change', () => choose(reasons[Number(select.value)]));
    select.addEventListener('change', () => { input.checked = true; choose(reasons[Number(select.value)]); });
  }

  function overlayChoice() {
    for (const overlay of threatkit.overlays) {
      const label = make('label', { class: 'toggle' }, $('overlays'));
      const input = make('input', { type: 'checkbox', value: overlay.key }, label);
      make('span', { text: overlay.label }, label);
      input.addEventListener('change', () => threatkit.toggleOverlay(overlay, input.checked));
    }
  }

  function leaders() {
    const list = $('leaders');
    for (const district of assessed.slice().sort((a, b) => b.p[0] - a.p[0]).slice(0, 5)) {
      const button = make('button', { type: 'button' }, make('li', {}, list));
      const line = make('span', { class: 'line' }, button);
      const name = make('span', { class: 'nm', text: district.name }, line);
      make('span', { class: 'soft', text: ` ${district.country}` }, name);
      make('span', { class: 'chance', text: district.chance.replace(/^about /, '') }, line);
      button.append(charts.strip(district));
      make('span', { class: 'small soft why', text: district.whyShort }, button);
      button.addEventListener('click', () => threatkit.select(district.code, { reveal: true, focus: true }));
      button.addEventListener('mouseenter', () => threatkit.hover(district.code));
      button.addEventListener('mouseleave', () => threatkit.hover(null));
    }
  }

  function theme() {
    const root = document.documentElement;
    const button = $('theme');
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const apply = on => {
      root.dataset.theme = on ? 'dark' : 'light';
      button.setAttribute('aria-pressed', String(on));
      repaint();
    };
    button.addEventListener('click', () => apply(root.dataset.theme !== 'dark'));
    dark.addEventListener('change', event => apply(event.matches));
    apply(dark.matches);
  }

  threatkit.start = () => {
    layerChoice();
    overlayChoice();
    theme();
    leaders();
    search.start(threatkit.districts, {
      none: 'No district of this name',
      hover: district => threatkit.hover(district.code),
      select: district => threatkit.select(district.code, { reveal: true, focus: true }),
    });
    $('home').addEventListener('click', () => { for (const frame of threatkit.frames) frame.fit(); });
    document.addEventListener('keydown', event => { if (event.key === 'Escape' && threatkit.selected) threatkit.select(null); });
    threatkit.drawTables();
    document.documentElement.dataset.ready = 'true';
  };
})();
